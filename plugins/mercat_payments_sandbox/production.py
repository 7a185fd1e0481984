from mercat.context import Context
from mercat.errors import BootError


def check_no_production(context: Context) -> None:
    """Raises BootError in a shop whose orders are real."""
    if context.shop.production:
        raise BootError(
            "plugin 'payments_sandbox' only simulates payments, and [shop] production is true; "
            "take it out of [plugins] enabled"
        )
