from pydantic import Field

from mercat.manifest import PluginSettings


class GiftCardSettings(PluginSettings):
    """`[plugins.gift_cards]`."""

    max_cards: int = Field(default=5, ge=1, le=20)
    """How many gift cards a cart is paid with at most."""

    wrong_codes: int = Field(default=10, ge=1, le=1_000)
    """How many wrong codes one caller tries within ten minutes."""
