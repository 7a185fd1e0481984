"""Promotions, the coupons that open them, and gift cards."""

from mercat.manifest import Manifest
from mercat_coupons.settings import CouponSettings

manifest = Manifest(
    name="coupons",
    version="0.1.0",
    engine=">=0.1,<1",
    requires={"orders": ">=0.1,<1", "products": ">=0.1,<1"},
    settings=CouponSettings,
)
