"""Tickets: what people ask a shop and its sellers, and who answers."""

from mercat.manifest import Manifest
from mercat_tickets.settings import TicketSettings

manifest = Manifest(
    name="tickets",
    version="0.1.0",
    engine=">=0.1,<1",
    requires={"auth": ">=0.1,<1"},
    settings=TicketSettings,
)
