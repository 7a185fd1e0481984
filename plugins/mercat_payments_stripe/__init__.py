"""Payments by Stripe: cards and what else its Payment Element offers, with saved cards."""

from mercat.manifest import Manifest
from mercat_payments_stripe.settings import StripeSettings

manifest = Manifest(
    name="payments_stripe",
    version="0.1.0",
    engine=">=0.1,<1",
    requires={"payments": ">=0.1,<1"},
    settings=StripeSettings,
)
