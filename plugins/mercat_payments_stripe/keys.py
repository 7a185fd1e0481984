"""Whether the shop's keys can be what they should be."""

import logging

from mercat.context import Context
from mercat.errors import BootError
from mercat_payments_stripe.settings import StripeSettings

_TABLE = "[plugins.payments_stripe]"
_SECRET = tuple(f"{kind}_{mode}_" for kind in ("sk", "rk") for mode in ("test", "live"))

_logger = logging.getLogger(__name__)


def check_keys(context: Context) -> None:
    """Raises BootError where the keys are not there, or not for this shop."""
    settings = context.settings(StripeSettings)
    if settings.secret_key is None:
        raise BootError(f"{_TABLE} needs a secret_key; see the API keys of Stripe's dashboard")
    key = settings.secret_key.get_secret_value()
    if not key.startswith(_SECRET):
        raise BootError(f"{_TABLE} secret_key is none of Stripe's, which begin with sk_ or rk_")
    is_live = _is_live(key)
    if settings.publishable_key and _is_live(settings.publishable_key) != is_live:
        raise BootError(
            f"{_TABLE} has one key for tests and one for real money; take two of a kind"
        )
    if context.shop.production and not is_live:
        raise BootError(
            f"{_TABLE} secret_key is one for tests, and [shop] production is true; "
            "take the one for real money"
        )
    if is_live and not context.shop.production:
        _logger.warning("%s: real money moves, though [shop] production is false", _TABLE)


def _is_live(key: str) -> bool:
    return key.split("_")[1] == "live"
