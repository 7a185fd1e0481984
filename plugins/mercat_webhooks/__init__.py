"""Outgoing webhooks: programs elsewhere are told what happens in the shop."""

from mercat.manifest import Manifest
from mercat_webhooks.settings import WebhookSettings

manifest = Manifest(
    name="webhooks",
    version="0.1.0",
    engine=">=0.1,<1",
    requires={"auth": ">=0.1,<1"},
    settings=WebhookSettings,
)
