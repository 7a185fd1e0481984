"""A simulated payment company, to try a shop with: no money moves."""

from mercat.manifest import Manifest
from mercat_payments_sandbox.settings import SandboxSettings

manifest = Manifest(
    name="payments_sandbox",
    version="0.1.0",
    engine=">=0.1,<1",
    requires={"payments": ">=0.1,<1"},
    settings=SandboxSettings,
)
