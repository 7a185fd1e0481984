"""A product as a file gives it, whatever the file's format.

What a record does not name stays as it is in the shop; a new product gets the default.
"""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StringConstraints,
    model_validator,
)

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=200)]
Address = Annotated[
    str, StringConstraints(pattern=r"^([A-Za-z0-9_-]+/)?[a-z0-9]+(-[a-z0-9]+)*$", max_length=300)
]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100_000)]
ShortText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
Filled = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
_Words = Annotated[str, StringConstraints(strict=True, max_length=10_000)]
Measure = Annotated[int, Field(ge=0)]
Units = Annotated[int, Field(ge=0, le=1_000_000_000)]


def _binary(value: object) -> object:
    if not isinstance(value, Decimal | int | float | str | list | tuple):
        raise ValueError("it is no text, number, true or false, nor a list of texts")  # noqa: TRY004
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        return value
    try:
        return float(value)
    except OverflowError:
        raise ValueError("this number is too large") from None


# Fractions are read as Decimal, which is right for money and nothing that an attribute could be.
Attribute = Annotated[
    StrictBool | StrictFloat | _Words | tuple[_Words, ...], BeforeValidator(_binary)
]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class BreakRecord(_Record):
    """What one costs where at least so many are bought."""

    quantity: Annotated[int, Field(ge=2)]
    amount: Annotated[Decimal, Field(ge=0)]


class PriceRecord(_Record):
    """A price; without a currency it is in the shop's own."""

    amount: Annotated[Decimal, Field(ge=0)]
    currency: str | None = None
    compare_at: Annotated[Decimal, Field(ge=0)] | None = None
    breaks: tuple[BreakRecord, ...] = ()


class MediaRecord(_Record):
    """A picture: an absolute http(s) URL, or a path below `/media/`."""

    url: Annotated[
        str, StringConstraints(pattern=r"^(https?://|/media/)[^\s\x00]+$", max_length=2000)
    ]
    alt: ShortText = ""


class DimensionsRecord(_Record):
    """A box around it, in millimetres."""

    length: Measure
    width: Measure
    height: Measure


class StockRecord(_Record):
    """What is on hand, and how it is sold; what is None stays as it is in the shop.

    `low_at` is at how many units it counts as low. With `allow` up to `backorder_limit` more are
    sold than are on hand, or any number.
    """

    on_hand: Units
    low_at: Units | None = None
    backorders: Literal["deny", "allow"] | None = None
    backorder_limit: Units | None = None

    @model_validator(mode="after")
    def _limits_what_is_allowed(self) -> Self:
        if self.backorder_limit is not None and self.backorders != "allow":
            raise ValueError("a backorder_limit goes with backorders that are `allow`")
        return self


class VariantRecord(_Record):
    """What is sold; `options` says how it differs: `{"Size": "M", "Colour": "red"}`.

    `weight` is in grams. Without a `stock` nothing is said of what is on hand.
    """

    sku: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    name: ShortText = ""
    barcode: ShortText | None = None
    options: dict[Filled, Filled] = Field(default_factory=dict)
    prices: tuple[PriceRecord, ...] = ()
    available: bool = True
    tax_class: ShortText | None = None
    weight: Measure | None = None
    dimensions: DimensionsRecord | None = None
    media: tuple[MediaRecord, ...] = ()
    stock: StockRecord | None = None


class SeoRecord(_Record):
    """How search engines show it."""

    title: ShortText = ""
    description: Text = ""


class TranslationRecord(_Record):
    """The texts in one of the shop's other locales; what is None falls back.

    What it doesn't name stays as it is in the shop, and so do the locales that no record names.
    """

    locale: Filled
    name: ShortText | None = None
    description: Text | None = None
    slug: Slug | None = None


class ProductRecord(_Record):
    """One product with its variants; `slug` is its identity from one import to the next.

    `type` is the name of a product type; `attributes` have its attributes' keys, a day as
    `2026-01-31`. `categories` are paths from the root, their names separated by ` > `. `seller` is
    a seller's key. `old_slugs` lead to the product as well, as they are or, as they once were
    written, as `locale/slug`; an import adds to them and takes none away.
    """

    slug: Slug
    name: Filled
    description: Text = ""
    brand: ShortText | None = None
    status: Literal["draft", "active", "archived", "withheld"] = "active"
    seller: ShortText | None = None
    type: Filled | None = None
    attributes: dict[Filled, Attribute] = Field(default_factory=dict)
    tags: tuple[Filled, ...] = ()
    categories: tuple[Filled, ...] = ()
    seo: SeoRecord = SeoRecord()
    media: tuple[MediaRecord, ...] = ()
    variants: Annotated[tuple[VariantRecord, ...], Field(min_length=1, max_length=2000)]
    metadata: dict[Filled, ShortText] = Field(default_factory=dict)
    private_metadata: dict[Filled, ShortText] = Field(default_factory=dict)
    translations: tuple[TranslationRecord, ...] = ()
    old_slugs: tuple[Address, ...] = ()
