from datetime import datetime
from typing import Any

from beanie import Document, PydanticObjectId
from pydantic import BaseModel, Field
from pymongo import IndexModel

COUNTER = "categories"
TREE = "tree"


class Seo(BaseModel):
    title: str = ""
    description: str = ""


class Translation(BaseModel):
    """A category's texts in one of the shop's other locales; what is None falls back."""

    locale: str
    name: str | None = None
    description: str | None = None
    slug: str | None = None


class CategoryDocument(Document):
    """A category; `ancestors` are all those above it, the root first.

    `key` is its identity in imports. `path` is its names from the root, case-folded: products that
    are imported name their categories by it, or by one of `former_paths`. `addresses` are its slug
    and those of its translations, which no other has; `old_addresses` those that it had.
    `merged_ids` are categories that became part of it. `image` is what mercat_media embeds, or the
    address of a picture elsewhere. `tree_version` is the tree's when it was
    last written. Nothing else is looked up in the database: the tree is read whole, into memory.
    """

    number: int
    key: str
    slug: str
    addresses: list[str] = Field(default_factory=list)
    old_addresses: list[str] = Field(default_factory=list)
    name: str
    description: str = ""
    seo: Seo = Field(default_factory=Seo)
    image: dict[str, Any] | None = None
    translations: list[Translation] = Field(default_factory=list)
    parent_id: PydanticObjectId | None = None
    ancestors: list[PydanticObjectId] = Field(default_factory=list)
    path: str
    former_paths: list[str] = Field(default_factory=list)
    merged_ids: list[PydanticObjectId] = Field(default_factory=list)
    position: int = 0
    tree_version: int = 0
    created_at: datetime
    updated_at: datetime
    version: int = 1

    class Settings:
        name = "categories"
        indexes = [
            IndexModel([("key", 1)], unique=True),
            IndexModel([("slug", 1)], unique=True),
            IndexModel([("tree_version", 1)]),
        ]


class Removal(BaseModel):
    version: int
    category: PydanticObjectId


class CategoryTreeDocument(Document):
    """What every change of the tree writes, so that of two at once one has to look again.

    `removed` are the last categories that were removed, `done` the last changes that were made.
    """

    id: str  # type: ignore[assignment]
    version: int = 0
    removed: list[Removal] = Field(default_factory=list)
    done: list[PydanticObjectId] = Field(default_factory=list)

    class Settings:
        name = "category_tree"


class CountDocument(Document):
    """How many active products were put in a category, and in it or anything below it."""

    id: PydanticObjectId
    direct: int = 0
    total: int = 0

    class Settings:
        name = "category_counts"


class ListingDocument(Document):
    """An active product as the categories' counts have it; its id and number are the product's."""

    id: PydanticObjectId
    number: int
    placed: list[PydanticObjectId]
    listed: list[PydanticObjectId]

    class Settings:
        name = "category_listings"
        indexes = [IndexModel([("placed", 1), ("number", 1)])]


class RelistingDocument(Document):
    """The products that a category lists, or listed, have yet to follow a change of the tree.

    `status` and `number` say how far that has come.
    """

    category: PydanticObjectId
    status: int = 0
    number: int = 0
    created_at: datetime

    class Settings:
        name = "category_relistings"
