from datetime import datetime

from beanie import Document, PydanticObjectId
from pydantic import Field
from pymongo import IndexModel

COUNTER = "categories"


class CategoryDocument(Document):
    """A category; `ancestors` are all those above it, the root first.

    `key` is its identity in imports. `path` is its names from the root, case-folded: products that
    are imported name their categories by it.
    """

    number: int
    key: str
    slug: str
    name: str
    description: str = ""
    parent_id: PydanticObjectId | None = None
    ancestors: list[PydanticObjectId] = Field(default_factory=list)
    path: str
    position: int = 0
    created_at: datetime
    updated_at: datetime
    version: int = 1

    class Settings:
        name = "categories"
        indexes = [
            IndexModel([("key", 1)], unique=True),
            IndexModel([("slug", 1)], unique=True),
            IndexModel([("number", 1)]),
            IndexModel([("parent_id", 1), ("number", 1)]),
            IndexModel([("path", 1)]),
        ]
