from typing import Literal

from mercat.manifest import PluginSettings


class PaymentSettings(PluginSettings):
    """`[plugins.payments]`."""

    capture: Literal["at_once", "on_fulfilment", "by_hand"] = "at_once"
    """When money that a provider can reserve is taken: with the order, as goods go, or by hand."""
