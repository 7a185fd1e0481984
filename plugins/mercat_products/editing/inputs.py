"""The inputs of the mutations, and what the service takes for them."""

from datetime import UTC, datetime, time
from datetime import date as Day  # noqa: N812  a field is named `date`
from typing import Any

import strawberry
from strawberry import UNSET

from mercat.errors import InvalidError
from mercat.graphql.scalars import CurrencyCode, DecimalString
from mercat.ids import object_id
from mercat_products.schema import ProductStatus
from mercat_products.values import input_name


@strawberry.input(description="What one costs where at least so many are bought.")
class PriceBreakInput:
    quantity: int = strawberry.field(description="From how many on; 2 at least.")
    amount: DecimalString = strawberry.field(description="The price of one, such as `9.50`.")


@strawberry.input(description="A price in one currency.")
class PriceInput:
    amount: DecimalString = strawberry.field(description="What one costs, such as `12.50`.")
    currency: CurrencyCode | None = strawberry.field(
        default=None, description="The shop's own where left out."
    )
    compare_at: DecimalString | None = strawberry.field(
        default=None, description="What it used to cost."
    )
    breaks: list[PriceBreakInput] = strawberry.field(
        default_factory=list, description="What larger quantities cost, the smallest first."
    )


@strawberry.input(description="The value that a variant has for one option.")
class SelectedOptionInput:
    name: str = strawberry.field(description="Such as `Size`.")
    value: str = strawberry.field(description="Such as `M`.")


@strawberry.input(description="A box around it, in millimetres.")
class DimensionsInput:
    length: int = strawberry.field(description="The longest side.")
    width: int = strawberry.field(description="The other side of its base.")
    height: int = strawberry.field(description="How high it stands.")


@strawberry.input(description="A picture: one that was uploaded, by its id, or one elsewhere.")
class PictureInput:
    id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of a picture of the shop."
    )
    url: str | None = strawberry.field(
        default=None, description="An http(s) URL, or a path below `/media/`; without an id."
    )
    alt: str = strawberry.field(
        default="", description="What it shows, in words; an uploaded one has its own."
    )


@strawberry.input(description="A key with its value.")
class MetadataInput:
    key: str = strawberry.field(description="The key.")
    value: str = strawberry.field(description="The value.")


@strawberry.input(description="How search engines show it.")
class SeoInput:
    title: str = strawberry.field(default="", description="Its title; its name where empty.")
    description: str = strawberry.field(default="", description="A sentence or two.")


@strawberry.input(description="The texts in one of the shop's other locales.")
class ProductTranslationInput:
    locale: str = strawberry.field(description="The locale, such as `de`.")
    name: str | None = strawberry.field(default=None, description="Falls back where left out.")
    description: str | None = strawberry.field(
        default=None, description="Falls back where left out."
    )
    slug: str | None = strawberry.field(default=None, description="Falls back where left out.")


@strawberry.input(one_of=True, description="The value of an attribute, by its kind.")
class AttributeContentInput:
    text: str | None = strawberry.field(default=UNSET, description="Of a text.")
    number: float | None = strawberry.field(default=UNSET, description="Of a number.")
    boolean: bool | None = strawberry.field(default=UNSET, description="Of a yes or no.")
    choices: list[str] | None = strawberry.field(default=UNSET, description="Of a selection.")
    date: Day | None = strawberry.field(default=UNSET, description="Of a day.")


@strawberry.input(description="The value of one attribute of the product's type.")
class AttributeInput:
    key: str = strawberry.field(description="The attribute's key.")
    value: AttributeContentInput = strawberry.field(description="The value.")


@strawberry.input(description="A variant to be added.")
class VariantCreateInput:
    sku: str = strawberry.field(description="Stock keeping unit; unique in the shop.")
    name: str = strawberry.field(default="", description="How it differs from its siblings.")
    barcode: str | None = strawberry.field(default=None, description="GTIN: EAN, UPC or ISBN.")
    options: list[SelectedOptionInput] = strawberry.field(
        default_factory=list, description="Its value for each option; all have the same options."
    )
    prices: list[PriceInput] = strawberry.field(
        default_factory=list, description="One for each currency that it is sold in."
    )
    available: bool = strawberry.field(default=True, description="Whether it is offered.")
    tax_class: str | None = strawberry.field(default=None, description="Such as `reduced`.")
    weight: int | None = strawberry.field(default=None, description="In grams.")
    dimensions: DimensionsInput | None = strawberry.field(
        default=None, description="A box around it."
    )
    media: list[PictureInput] = strawberry.field(
        default_factory=list, description="Its own pictures."
    )


@strawberry.input(description="A change of a variant; what is left out stays as it is.")
class VariantUpdateInput:
    id: strawberry.ID = strawberry.field(description="Its id.")
    sku: str | None = strawberry.field(default=UNSET, description="Unique in the shop.")
    name: str | None = strawberry.field(default=UNSET, description="How it differs.")
    barcode: str | None = strawberry.field(default=UNSET, description="GTIN; null for none.")
    options: list[SelectedOptionInput] | None = strawberry.field(
        default=UNSET, description="Its value for each option."
    )
    prices: list[PriceInput] | None = strawberry.field(
        default=UNSET, description="All of its prices."
    )
    available: bool | None = strawberry.field(default=UNSET, description="Whether it is offered.")
    tax_class: str | None = strawberry.field(default=UNSET, description="Null for none.")
    weight: int | None = strawberry.field(default=UNSET, description="In grams; null for unknown.")
    dimensions: DimensionsInput | None = strawberry.field(
        default=UNSET, description="A box around it; null for unknown."
    )
    media: list[PictureInput] | None = strawberry.field(
        default=UNSET, description="All of its own pictures."
    )


@strawberry.input(description="A product to be added; a draft unless it says otherwise.")
class ProductCreateInput:
    name: str = strawberry.field(description="Its name.")
    variants: list[VariantCreateInput] = strawberry.field(description="What is sold; one at least.")
    slug: str | None = strawberry.field(
        default=UNSET, description="Its name in URLs; made from its name where left out."
    )
    description: str | None = strawberry.field(
        default=UNSET, description="What it is; HTML, of which only what is harmless is kept."
    )
    status: ProductStatus | None = strawberry.field(
        default=UNSET, description="A draft where left out."
    )
    brand: str | None = strawberry.field(default=UNSET, description="Who makes it.")
    seller: str | None = strawberry.field(
        default=UNSET, description="The key of the seller; the viewer's own where left out."
    )
    type: strawberry.ID | None = strawberry.field(default=UNSET, description="The id of its type.")
    attributes: list[AttributeInput] | None = strawberry.field(
        default=UNSET, description="The values of its type's attributes."
    )
    tags: list[str] | None = strawberry.field(
        default=UNSET, description="Words that it is found by."
    )
    seo: SeoInput | None = strawberry.field(
        default=UNSET, description="How search engines show it."
    )
    media: list[PictureInput] | None = strawberry.field(
        default=UNSET, description="Its pictures, the first one first."
    )
    metadata: list[MetadataInput] | None = strawberry.field(
        default=UNSET, description="For everybody to read."
    )
    private_metadata: list[MetadataInput] | None = strawberry.field(
        default=UNSET, description="For those to read who may change it."
    )
    translations: list[ProductTranslationInput] | None = strawberry.field(
        default=UNSET, description="Its texts in the shop's other locales."
    )


@strawberry.input(description="A change of a product; what is left out stays as it is.")
class ProductUpdateInput:
    id: strawberry.ID = strawberry.field(description="Its id.")
    version: int | None = strawberry.field(
        default=None, description="The version that was read; refused where it is not the last."
    )
    name: str | None = strawberry.field(default=UNSET, description="Its name.")
    slug: str | None = strawberry.field(
        default=UNSET, description="Its name in URLs; the one that it had still leads to it."
    )
    description: str | None = strawberry.field(default=UNSET, description="What it is; HTML.")
    status: ProductStatus | None = strawberry.field(
        default=UNSET, description="Whether it is sold."
    )
    brand: str | None = strawberry.field(default=UNSET, description="Null for none.")
    seller: str | None = strawberry.field(default=UNSET, description="The key of the seller.")
    type: strawberry.ID | None = strawberry.field(
        default=UNSET, description="The id of its type; null for none."
    )
    attributes: list[AttributeInput] | None = strawberry.field(
        default=UNSET, description="All values of its type's attributes."
    )
    tags: list[str] | None = strawberry.field(default=UNSET, description="All of its tags.")
    seo: SeoInput | None = strawberry.field(
        default=UNSET, description="How search engines show it."
    )
    media: list[PictureInput] | None = strawberry.field(
        default=UNSET, description="All of its pictures."
    )
    metadata: list[MetadataInput] | None = strawberry.field(default=UNSET, description="All of it.")
    private_metadata: list[MetadataInput] | None = strawberry.field(
        default=UNSET, description="All of it."
    )
    translations: list[ProductTranslationInput] | None = strawberry.field(
        default=UNSET, description="All of them."
    )


_NULLABLE = {"brand", "seller", "type", "barcode", "tax_class", "weight", "dimensions"}
_NOT_VALUES = {"id", "version"}


def product_values(given: ProductCreateInput | ProductUpdateInput) -> dict[str, Any]:
    """What of a product is given, by the service's names. Raises InvalidError."""
    return _values(given, (), _PRODUCT)


def variant_values(
    given: VariantCreateInput | VariantUpdateInput, field: tuple[str, ...]
) -> dict[str, Any]:
    """What of a variant is given. Raises InvalidError."""
    return _values(given, field, _VARIANT)


def _values(given: Any, field: tuple[str, ...], convert: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in vars(given).items():
        if value is UNSET or name in _NOT_VALUES:
            continue
        if value is None and name not in _NULLABLE:
            raise InvalidError("this can't be null", field=(*field, input_name(name)))
        found[name] = convert[name](value) if name in convert and value is not None else value
    return found


def _prices(given: list[PriceInput]) -> list[dict[str, Any]]:
    return [{**vars(price), "breaks": [vars(one) for one in price.breaks]} for price in given]


def _pictures(given: list[PictureInput]) -> list[dict[str, Any]]:
    return [
        {"id": one.id and object_id(one.id, "Media"), "url": one.url, "alt": one.alt}
        for one in given
    ]


def _plain(given: list[Any]) -> list[dict[str, Any]]:
    return [vars(one) for one in given]


def _variants(given: list[VariantCreateInput]) -> list[dict[str, Any]]:
    return [variant_values(one, ("variants", str(i))) for i, one in enumerate(given)]


def _content(given: AttributeContentInput) -> Any:
    (value,) = (value for value in vars(given).values() if value is not UNSET)
    if isinstance(value, Day):
        return datetime.combine(value, time(), UTC)
    return value


_VARIANT: dict[str, Any] = {
    "options": lambda given: [(one.name, one.value) for one in given],
    "prices": _prices,
    "dimensions": vars,
    "media": _pictures,
}
_PRODUCT: dict[str, Any] = {
    "variants": _variants,
    "status": lambda given: given.value,
    "type": lambda given: object_id(given, "ProductType"),
    "attributes": lambda given: [(one.key, _content(one.value)) for one in given],
    "seo": vars,
    "media": _pictures,
    "metadata": lambda given: [(one.key, one.value) for one in given],
    "private_metadata": lambda given: [(one.key, one.value) for one in given],
    "translations": _plain,
}
