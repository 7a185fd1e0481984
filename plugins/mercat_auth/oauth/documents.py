from datetime import datetime

from beanie import Document
from pymongo import IndexModel


class SpentFlowDocument(Document):
    """A sign-in that has come back from its provider once; its id is the digest of its state."""

    id: str  # type: ignore[assignment]
    expires_at: datetime

    class Settings:
        name = "spent_flows"
        indexes = [IndexModel([("expires_at", 1)])]


class HandoverDocument(Document):
    """What a frontend gets for a one-time code, whose digest is the id; `sealed` is who it was."""

    id: str  # type: ignore[assignment]
    sealed: bytes
    expires_at: datetime

    class Settings:
        name = "handovers"
        indexes = [IndexModel([("expires_at", 1)])]
