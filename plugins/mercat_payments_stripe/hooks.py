from collections.abc import Sequence
from typing import TYPE_CHECKING

from mercat.context import Context
from mercat.errors import BootError
from mercat.hooks import hookimpl
from mercat.payments import PaymentProvider
from mercat_payments_stripe.keys import check_keys
from mercat_payments_stripe.settings import StripeSettings

if TYPE_CHECKING:
    from mercat_payments_stripe.provider import StripeProvider


@hookimpl
def payment_providers(context: Context) -> Sequence[PaymentProvider]:
    check_keys(context)
    return [_provider(context)]


@hookimpl
async def shutdown(context: Context) -> None:
    await _provider(context).close()


def _provider(context: Context) -> "StripeProvider":
    """The engine's only one. Raises BootError without Stripe's SDK."""
    try:
        from mercat_payments_stripe.provider import StripeProvider  # noqa: PLC0415  an extra

        return context.engine.own(StripeProvider, context.settings(StripeSettings))
    except ModuleNotFoundError as error:
        if error.name not in {"stripe", "httpx"}:
            raise
        raise BootError(
            "plugin 'payments_stripe' needs Stripe's SDK; pip install 'mercat[stripe]'"
        ) from None
