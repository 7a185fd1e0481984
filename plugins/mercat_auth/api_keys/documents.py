from datetime import datetime

from beanie import Document, PydanticObjectId
from pymongo import IndexModel


class ServiceAccountDocument(Document):
    """A program that acts like a user, by its name."""

    name: str
    seller: str | None = None
    created_at: datetime

    class Settings:
        name = "service_accounts"
        indexes = [IndexModel([("name", 1)], unique=True)]


class ApiKeyDocument(Document):
    """A key of a service account; `digest` is what is stored of it, its id a part of it.

    `used_at` is written once a minute at most.
    """

    id: str  # type: ignore[assignment]
    number: int
    account: PydanticObjectId
    account_name: str
    digest: str
    permissions: list[str]
    seller: str | None = None
    made_by: str | None = None
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    ended_at: datetime | None = None

    class Settings:
        name = "api_keys"
        indexes = [IndexModel([("number", 1)], unique=True), IndexModel([("account", 1)])]
