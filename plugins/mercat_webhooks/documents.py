"""What is stored of outgoing webhooks."""

from datetime import datetime
from typing import Any, Literal

from beanie import Document, PydanticObjectId
from pymongo import IndexModel

ENDPOINTS = "webhook_endpoints"
DELIVERIES = "webhook_deliveries"
"""What counts their numbers."""

DeliveryState = Literal["WAITING", "DELIVERED", "DEAD"]


class WebhookEndpointDocument(Document):
    """A URL that is told of events. `secret` is sealed; so is the one before, until `old_until`.

    `failing_since` is when the first of those deliveries failed that have all failed since.
    """

    number: int
    url: str
    description: str = ""
    events: list[str]
    is_enabled: bool = True
    secret: Any
    old_secret: Any = None
    old_until: datetime | None = None
    failing_since: datetime | None = None
    disabled_reason: str | None = None
    created_at: datetime
    updated_at: datetime
    version: int = 1

    class Settings:
        name = "webhook_endpoints"
        indexes = [IndexModel([("number", 1)], unique=True)]


class WebhookDeliveryDocument(Document):
    """An event for one endpoint; its id is made of both, so that it is there once.

    `message` is what receivers tell repeats by. While it waits, `due_at` is when it is sent, or
    when it is looked at again because whoever took it, `owner`, is gone. `tries` are the last ones.
    """

    id: str  # type: ignore[assignment]
    number: int
    endpoint: PydanticObjectId
    message: str
    type: str
    body: str
    state: DeliveryState = "WAITING"
    due_at: datetime
    attempts: int = 0
    owner: str | None = None
    tries: list[dict[str, Any]] = []
    created_at: datetime
    settled_at: datetime | None = None

    class Settings:
        name = "webhook_deliveries"
        indexes = [
            IndexModel([("number", 1)], unique=True),
            IndexModel([("state", 1), ("due_at", 1)]),
            IndexModel([("endpoint", 1), ("number", 1)]),
            IndexModel([("endpoint", 1), ("state", 1), ("number", 1)]),
            IndexModel([("endpoint", 1), ("state", 1), ("due_at", 1)]),
            IndexModel([("created_at", 1)]),
        ]
