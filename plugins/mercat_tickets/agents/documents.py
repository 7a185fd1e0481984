"""What is stored of those who answer tickets for the shop."""

from datetime import datetime

from beanie import Document
from pymongo import IndexModel


class TicketAgentDocument(Document):
    """Somebody who is given tickets, by the key of their account.

    `capacity` is how many at once; 0 for any number. `given_at` is when the last one was.
    """

    id: str  # type: ignore[assignment]
    team: str | None = None
    skills: list[str] = []
    capacity: int = 0
    is_available: bool = True
    given_at: datetime
    version: int = 1

    class Settings:
        name = "ticket_agents"
        indexes = [IndexModel([("is_available", 1), ("given_at", 1)])]
