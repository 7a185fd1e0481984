"""Gift cards: a balance that is paid with, before anything else is."""

from mercat.manifest import Manifest
from mercat_gift_cards.settings import GiftCardSettings

manifest = Manifest(
    name="gift_cards",
    version="0.1.0",
    engine=">=0.1,<1",
    requires={"orders": ">=0.1,<1", "payments": ">=0.1,<1"},
    settings=GiftCardSettings,
)
