"""What is stored of tickets."""

from datetime import datetime
from typing import Any, Literal

from beanie import Document, PydanticObjectId
from pymongo import IndexModel

State = Literal["OPEN", "PENDING", "ON_HOLD", "SOLVED", "CLOSED"]
Priority = Literal["LOW", "NORMAL", "HIGH", "URGENT"]
Channel = Literal["WEB", "EMAIL", "PHONE", "CHAT", "API"]

COUNTER = "tickets"
"""What counts the numbers of tickets."""


class TicketDocument(Document):
    """A ticket. Each change writes entries of its history, and `version` is the last one's number.

    It is the user's or, with `email_digest`, a guest's: their address and name are sealed. `seller`
    is the key of the one seller who answers it beside the shop's staff. `words` are what staff
    finds it by, `public_words` those that are not of notes.
    """

    number: int
    subject: str
    state: State = "OPEN"
    priority: Priority = "NORMAL"
    channel: Channel = "WEB"
    tags: list[str] = []
    locale: str
    user: str | None = None
    guest: str | None = None
    email: Any = None
    name: Any = None
    email_digest: str = ""
    assignee: str | None = None
    team: str | None = None
    seller: str | None = None
    subjects: list[dict[str, Any]] = []
    words: list[str] = []
    public_words: list[str] = []
    rating: int | None = None
    rating_comment: str = ""
    merged_into: PydanticObjectId | None = None
    opened_at: datetime
    updated_at: datetime
    first_replied_at: datetime | None = None
    solved_at: datetime | None = None
    closed_at: datetime | None = None
    respond_by: datetime | None = None
    resolve_by: datetime | None = None
    next_due: datetime | None = None
    paused_at: datetime | None = None
    paused_minutes: int = 0
    breaches: list[dict[str, Any]] = []
    version: int = 1

    class Settings:
        name = "tickets"
        indexes = [
            IndexModel([("number", 1)], unique=True),
            IndexModel([("state", 1), ("number", 1)]),
            IndexModel([("assignee", 1), ("state", 1), ("number", 1)]),
            IndexModel([("team", 1), ("state", 1), ("number", 1)]),
            IndexModel([("user", 1), ("number", 1)]),
            IndexModel([("guest", 1), ("number", 1)]),
            IndexModel([("email_digest", 1), ("number", 1)]),
            IndexModel([("seller", 1), ("number", 1)]),
            IndexModel([("subjects.id", 1), ("number", 1)]),
            IndexModel([("tags", 1), ("number", 1)]),
            IndexModel([("words", 1), ("number", 1)]),
            IndexModel([("state", 1), ("solved_at", 1)]),
            IndexModel([("updated_at", 1)]),
            IndexModel([("next_due", 1)]),
            IndexModel([("opened_at", 1)]),
        ]


class TicketEntryDocument(Document):
    """Something that happened to a ticket: a message, a note, or a change with its `facts`.

    `author` says as whom somebody did it: `CUSTOMER`, `SELLER`, `STAFF` or `SYSTEM`. What is
    internal is seen by the shop's staff alone.
    """

    ticket: PydanticObjectId
    number: int
    kind: str
    at: datetime
    author: str
    user: str | None = None
    is_internal: bool
    text: str | None = None
    html: str | None = None
    facts: dict[str, Any] = {}

    class Settings:
        name = "ticket_entries"
        indexes = [IndexModel([("ticket", 1), ("number", 1)], unique=True)]
