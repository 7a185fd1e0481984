"""Payments by Examplepay, a wallet."""

from mercat import Manifest
from mercat_examplepay.settings import ExamplepaySettings

manifest = Manifest(
    name="examplepay",
    version="1.0.0",
    engine=">=0.1,<1",
    requires={"payments": ">=0.1,<1"},
    settings=ExamplepaySettings,
)
