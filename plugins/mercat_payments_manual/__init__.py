"""Payments whose money comes in by hand: on delivery, and by bank transfer."""

from mercat.manifest import Manifest
from mercat_payments_manual.settings import ManualSettings

manifest = Manifest(
    name="payments_manual",
    version="0.1.0",
    engine=">=0.1,<1",
    requires={"payments": ">=0.1,<1"},
    settings=ManualSettings,
)
