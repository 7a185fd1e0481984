from datetime import datetime

from beanie import Document
from pymongo import IndexModel

COUNTER = "draft_orders"


class DraftOrderDocument(Document):
    """A cart that staff prepared, by its key; `by` is the key of who did, `note` is for staff."""

    id: str  # type: ignore[assignment]
    number: int
    by: str | None
    note: str = ""
    created_at: datetime

    class Settings:
        name = "draft_orders"
        indexes = [IndexModel([("number", 1)], unique=True)]
