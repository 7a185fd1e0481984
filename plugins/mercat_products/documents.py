from datetime import datetime
from typing import Literal

from beanie import Document, PydanticObjectId
from pydantic import BaseModel, Field
from pymongo import IndexModel

COUNTER = "products"

Status = Literal["draft", "active", "archived", "withheld"]


class PriceBreak(BaseModel):
    """What one costs where at least so many are bought; in minor units."""

    quantity: int
    amount: int


class Price(BaseModel):
    """In minor units of an ISO 4217 currency."""

    currency: str
    amount: int
    compare_at: int | None = None
    breaks: list[PriceBreak] = Field(default_factory=list)


class Option(BaseModel):
    name: str
    value: str


class Media(BaseModel):
    """A picture elsewhere has a `url`; one of the shop's own what `mercat_media` embeds of it."""

    id: PydanticObjectId | None = None
    folder: str | None = None
    url: str | None = None
    alt: str = ""
    width: int | None = None
    height: int | None = None
    blurhash: str | None = None


class Dimensions(BaseModel):
    """In millimetres."""

    length: int
    width: int
    height: int


class Variant(BaseModel):
    """`weight` is in grams; `in_stock` follows the stock of the variant, where it is kept."""

    id: PydanticObjectId
    sku: str
    name: str = ""
    barcode: str | None = None
    options: list[Option] = Field(default_factory=list)
    prices: list[Price] = Field(default_factory=list)
    available: bool = True
    in_stock: bool = True
    tax_class: str | None = None
    weight: int | None = None
    dimensions: Dimensions | None = None
    media: list[Media] = Field(default_factory=list)


class Attribute(BaseModel):
    """The value of an attribute of the product's type; `key` names it there."""

    key: str
    value: str | float | bool | list[str] | datetime


class Seo(BaseModel):
    title: str = ""
    description: str = ""


class Translation(BaseModel):
    """A product's texts in one of the shop's other locales; what is None falls back."""

    locale: str
    name: str | None = None
    description: str | None = None
    slug: str | None = None


class ProductDocument(Document):
    """A product with its variants inside, so that a list is one read.

    `addresses` are its slug and those of its translations: no two products share one.
    `old_addresses` are those that it had. `seller` is the seller's key; None is the shop
    itself; while that one is suspended its active products are `withheld`. `placed_in` are the
    groups, such as categories, that other plugins put it in; `listed_in` those that list it: them
    and everything above. `imported` is the digest of what was last imported, where nobody has
    changed it since.
    """

    number: int
    slug: str
    addresses: list[str]
    old_addresses: list[str] = Field(default_factory=list)
    name: str
    description: str = ""
    brand: str | None = None
    status: Status = "active"
    seller: str | None = None
    type_id: PydanticObjectId | None = None
    attributes: list[Attribute] = Field(default_factory=list)
    tags: list[str] = Field(default_factory=list)
    seo: Seo = Field(default_factory=Seo)
    media: list[Media] = Field(default_factory=list)
    variants: list[Variant]
    translations: list[Translation] = Field(default_factory=list)
    metadata: dict[str, str] = Field(default_factory=dict)
    private_metadata: dict[str, str] = Field(default_factory=dict)
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
            IndexModel([("addresses", 1)], unique=True, sparse=True),
            IndexModel([("old_addresses", 1)]),
            IndexModel([("variants.sku", 1)], unique=True),
            IndexModel([("variants.id", 1)]),
            IndexModel([("status", 1), ("number", 1)]),
            IndexModel([("listed_in", 1), ("status", 1), ("number", 1)]),
            IndexModel([("type_id", 1), ("attributes.key", 1)]),
            IndexModel([("seller", 1), ("status", 1), ("number", 1)]),
        ]
