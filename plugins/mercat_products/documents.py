from datetime import datetime
from typing import Literal

from beanie import Document, PydanticObjectId
from pydantic import BaseModel, Field
from pymongo import IndexModel

COUNTER = "products"

Status = Literal["draft", "active", "archived"]


class Price(BaseModel):
    """In minor units of an ISO 4217 currency."""

    currency: str
    amount: int
    compare_at: int | None = None


class Option(BaseModel):
    name: str
    value: str


class Media(BaseModel):
    url: str
    alt: str = ""


class Variant(BaseModel):
    id: PydanticObjectId
    sku: str
    name: str = ""
    barcode: str | None = None
    options: list[Option] = Field(default_factory=list)
    prices: list[Price] = Field(default_factory=list)
    available: bool = True


class ProductDocument(Document):
    """A product with its variants inside, so that a list is one read.

    `placed_in` are the groups, such as categories, that other plugins put it in; `listed_in` those
    that list it: them and everything above. `imported` is the digest of what was last imported.
    """

    number: int
    slug: str
    name: str
    description: str = ""
    brand: str | None = None
    status: Status = "active"
    tags: list[str] = Field(default_factory=list)
    media: list[Media] = Field(default_factory=list)
    variants: list[Variant]
    metadata: dict[str, str] = Field(default_factory=dict)
    placed_in: list[PydanticObjectId] = Field(default_factory=list)
    listed_in: list[PydanticObjectId] = Field(default_factory=list)
    imported: str | None = None
    created_at: datetime
    updated_at: datetime
    version: int = 1

    class Settings:
        name = "products"
        indexes = [
            IndexModel([("slug", 1)], unique=True),
            IndexModel([("variants.sku", 1)], unique=True),
            IndexModel([("variants.id", 1)]),
            IndexModel([("status", 1), ("number", 1)]),
            IndexModel([("listed_in", 1), ("status", 1), ("number", 1)]),
        ]
