from datetime import datetime

from beanie import Document
from pydantic import Field


class RoleDocument(Document):
    """A role that admins made; its name is its key.

    `used_at` is touched by who gives it to somebody, so that it isn't removed meanwhile.
    """

    id: str  # type: ignore[assignment]
    description: str = ""
    permissions: list[str] = Field(default_factory=list)
    created_at: datetime
    updated_at: datetime
    used_at: datetime | None = None
    version: int = 1

    class Settings:
        name = "roles"
