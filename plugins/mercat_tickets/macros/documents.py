"""What is stored of macros."""

from datetime import datetime

from beanie import Document
from pymongo import IndexModel


class TicketMacroDocument(Document):
    """A canned reply, and what it makes of a ticket; `name` is unique in the shop."""

    name: str
    text: str = ""
    is_note: bool = False
    state: str | None = None
    priority: str | None = None
    team: str | None = None
    tags: list[str] = []
    created_at: datetime
    updated_at: datetime
    version: int = 1

    class Settings:
        name = "ticket_macros"
        indexes = [IndexModel([("name", 1)], unique=True)]
