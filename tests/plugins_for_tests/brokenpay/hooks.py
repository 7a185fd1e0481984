from collections.abc import Sequence

from mercat import Context, hookimpl
from mercat.payments import PaymentProvider
from tests.plugins_for_tests.brokenpay.faults import FAULTS
from tests.plugins_for_tests.brokenpay.settings import BrokenSettings


@hookimpl
def payment_providers(context: Context) -> Sequence[PaymentProvider]:
    settings = context.settings(BrokenSettings)
    _, broken = FAULTS[settings.fault]
    return [broken(settings)]
