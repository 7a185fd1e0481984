"""Payments: what the shop's providers are asked, once each, and what they said."""

from mercat.manifest import Manifest
from mercat_payments.settings import PaymentSettings

manifest = Manifest(
    name="payments",
    version="0.1.0",
    engine=">=0.1,<1",
    requires={"orders": ">=0.1,<1"},
    after=("auth",),
    settings=PaymentSettings,
)
