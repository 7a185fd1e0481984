from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from mercat.manifest import PluginSettings
from mercat_tickets.inbound.settings import InboundSettings
from mercat_tickets.sla.settings import SlaSettings


def _has_its_places(url: str) -> str:
    for place in ("{number}", "{secret}"):
        if place not in url:
            raise ValueError(f"it must have {place} in it")
    if not url.startswith(("https://", "http://")):
        raise ValueError("it must begin with https:// or http://")
    return url


class TicketSettings(PluginSettings):
    """`[plugins.tickets]`."""

    url: Annotated[str, AfterValidator(_has_its_places)] | None = None
    """Where the storefront shows a ticket, with `{number}` and `{secret}` in it."""

    reopen_days: int = Field(default=14, ge=0, le=365)
    """For how many days a reply opens a ticket again that was solved."""

    assignment: Literal["none", "round_robin", "least_loaded", "by_skill"] = "none"
    """Who of those who are given tickets has the next one."""

    sla: SlaSettings | None = None
    """`[plugins.tickets.sla]`: within which time tickets are answered and solved."""

    inbound: InboundSettings | None = None
    """`[plugins.tickets.inbound]`: tickets and replies by mail."""

    guest_tickets: int = Field(default=10, ge=1, le=1_000)
    """How many tickets one caller without an account opens within ten minutes."""
