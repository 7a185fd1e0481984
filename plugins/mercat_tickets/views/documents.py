"""What is stored of saved views."""

from datetime import datetime
from typing import Any

from beanie import Document
from pymongo import IndexModel


class TicketViewDocument(Document):
    """A filter that staff keeps by a name: everybody's, or `user`'s own."""

    name: str
    user: str | None = None
    filter: dict[str, Any]
    created_at: datetime

    class Settings:
        name = "ticket_views"
        indexes = [IndexModel([("user", 1), ("name", 1)], unique=True)]
