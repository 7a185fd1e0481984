"""The storefront's page that an abandoned cart leads back to."""

from urllib.parse import quote

from mercat.context import Context
from mercat.ids import encode_id
from mercat_orders.settings import OrderSettings


def cart_url(context: Context, cart: str) -> str | None:
    """Where the buyer finds a cart; None where the settings don't say."""
    address = context.settings(OrderSettings).cart_url
    return None if address is None else address.replace("{cart}", quote(encode_id("Cart", cart)))
