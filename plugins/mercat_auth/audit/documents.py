from datetime import datetime

from beanie import Document
from pydantic import Field
from pymongo import IndexModel


class AuditDocument(Document):
    """One deed. `number` grows with time, so that the log is read page by page.

    `kind` and `key` are what it was done to; `facts` say more, and have no secrets and nothing that
    says who a person is. `address` is forgotten after a while.
    """

    number: int
    at: datetime
    role: str
    user: str | None = None
    address: str | None = None
    action: str
    kind: str
    key: str | None = None
    facts: dict[str, str] = Field(default_factory=dict)

    class Settings:
        name = "audit_log"
        indexes = [
            IndexModel([("number", 1)]),
            IndexModel([("user", 1), ("number", 1)]),
            IndexModel([("action", 1), ("number", 1)]),
            IndexModel([("kind", 1), ("key", 1), ("number", 1)]),
            IndexModel([("at", 1)], partialFilterExpression={"address": {"$gt": ""}}),
        ]
