from datetime import datetime
from typing import Any, Literal

from beanie import Document
from pydantic import Field
from pymongo import IndexModel

COUNTER = "notifications"

NotificationState = Literal["WAITING", "SENT", "BOUNCED", "SKIPPED", "DEAD"]


class NotificationDocument(Document):
    """A mail to one recipient of one message; its id is made of both, so that it is there once.

    `number` grows with time. `key`, `kind`, `subject` and `locale` are the message's. `to` is the
    address, sealed, until the recipient is forgotten, and `digest` a keyed hash of it. What the
    mail says isn't stored. While it waits, `due_at` is when it is sent, or when it is looked at
    again because whoever took it, `owner`, is gone.
    """

    id: str  # type: ignore[assignment]
    number: int
    key: str
    kind: str
    subject: str
    locale: str
    to: Any = None
    digest: str
    user: str | None = None
    state: NotificationState = "WAITING"
    due_at: datetime
    attempts: int = 0
    owner: str | None = None
    error: str | None = None
    created_at: datetime
    settled_at: datetime | None = None

    class Settings:
        name = "notifications"
        # Each costs SecantusDB 0.2 ms or more of every write.
        indexes = [
            IndexModel([("number", 1)], unique=True),
            IndexModel([("state", 1), ("due_at", 1)]),
            IndexModel([("user", 1), ("number", 1)]),
        ]


class BouncedAddressDocument(Document):
    """An address that a mail server refused for good; its id is the address's digest."""

    id: str  # type: ignore[assignment]
    bounced_at: datetime

    class Settings:
        name = "notification_bounces"


class NotificationChoiceDocument(Document):
    """Kinds that somebody doesn't want; its id is `user:` and a key or `address:` and a digest."""

    id: str  # type: ignore[assignment]
    refused: list[str] = Field(default_factory=list)
    updated_at: datetime

    class Settings:
        name = "notification_choices"
