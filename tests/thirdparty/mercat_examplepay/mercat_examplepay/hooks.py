from collections.abc import Sequence

from mercat import Context, hookimpl
from mercat.payments import PaymentProvider
from mercat_examplepay.provider import Examplepay
from mercat_examplepay.settings import ExamplepaySettings


@hookimpl
def payment_providers(context: Context) -> Sequence[PaymentProvider]:
    return [Examplepay(context.settings(ExamplepaySettings))]
