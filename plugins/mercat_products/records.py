"""A product as a file gives it, whatever the file's format."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=200)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100_000)]
ShortText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
Filled = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class PriceRecord(_Record):
    """A price; without a currency it is in the shop's own."""

    amount: Annotated[Decimal, Field(ge=0)]
    currency: str | None = None
    compare_at: Annotated[Decimal, Field(ge=0)] | None = None


class MediaRecord(_Record):
    """A picture: an absolute http(s) URL, or a path below `/media/`."""

    url: Annotated[
        str, StringConstraints(pattern=r"^(https?://|/media/)[^\s\x00]+$", max_length=2000)
    ]
    alt: ShortText = ""


class VariantRecord(_Record):
    """What is sold; `options` says how it differs: `{"Size": "M", "Colour": "red"}`."""

    sku: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    name: ShortText = ""
    barcode: ShortText | None = None
    options: dict[Filled, Filled] = {}
    prices: tuple[PriceRecord, ...] = ()
    available: bool = True


class ProductRecord(_Record):
    """One product with its variants; `slug` is its identity from one import to the next.

    `categories` are paths from the root, their names separated by ` > `.
    """

    slug: Slug
    name: Filled
    description: Text = ""
    brand: ShortText | None = None
    status: Literal["draft", "active", "archived"] = "active"
    tags: tuple[Filled, ...] = ()
    categories: tuple[Filled, ...] = ()
    media: tuple[MediaRecord, ...] = ()
    variants: Annotated[tuple[VariantRecord, ...], Field(min_length=1, max_length=2000)]
    metadata: dict[Filled, ShortText] = {}
