"""Payouts: what sellers are owed of the shop's orders, and how they get it."""

from mercat.manifest import Manifest
from mercat_payouts.settings import PayoutSettings

manifest = Manifest(
    name="payouts",
    version="0.1.0",
    engine=">=0.1,<1",
    requires={"auth": ">=0.1,<1", "orders": ">=0.1,<1", "products": ">=0.1,<1"},
    settings=PayoutSettings,
)
