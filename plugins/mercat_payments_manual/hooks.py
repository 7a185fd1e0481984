from collections.abc import Sequence

from mercat.context import Context
from mercat.hooks import hookimpl
from mercat.payments import PaymentProvider
from mercat_payments_manual.provider import ManualProvider
from mercat_payments_manual.settings import ManualSettings


@hookimpl
def payment_providers(context: Context) -> Sequence[PaymentProvider]:
    return [ManualProvider(context.settings(ManualSettings))]
