from datetime import date
from typing import Literal

from pydantic import Field

from mercat.manifest import PluginSettings


class PayoutSettings(PluginSettings):
    """`[plugins.payouts]`."""

    due: Literal["fulfilment", "delivery", "completion"] = "delivery"
    """When a seller's share of an order is due."""

    hold_days: int = Field(default=0, ge=0, le=365)
    """How long it is held back after that, such as for returns."""

    provider: str = Field(default="ledger", pattern=r"^[a-z][a-z0-9_]{0,29}$")
    """By which provider sellers are paid what becomes due from now on."""

    since: date | None = None
    """Orders placed before that day don't count; all of them do without."""
