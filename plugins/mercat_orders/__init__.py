"""Carts, checkout and orders, of one seller or many."""

from mercat.manifest import Manifest
from mercat_orders.settings import OrderSettings

manifest = Manifest(
    name="orders",
    version="0.1.0",
    engine=">=0.1,<1",
    requires={"products": ">=0.1,<1"},
    after=("auth",),
    settings=OrderSettings,
)
