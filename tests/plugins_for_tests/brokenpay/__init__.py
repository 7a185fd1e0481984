"""Examplepay, with one deliberate fault."""

from mercat import Manifest
from tests.plugins_for_tests.brokenpay.settings import BrokenSettings

manifest = Manifest(
    name="brokenpay", version="1.0.0", requires={"payments": ">=0.1,<1"}, settings=BrokenSettings
)
