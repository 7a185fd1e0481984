"""The inputs of the mutations."""

from datetime import date as Day  # noqa: N812  a field is named `date`

import strawberry
from strawberry import UNSET

from mercat.graphql.scalars import CurrencyCode, DecimalString
from mercat_products.schema import ProductStatus


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
        default=None, description="What it used to cost, which is more."
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
        default=UNSET, description="The seller's id or key; the viewer's own where left out."
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
    seller: str | None = strawberry.field(
        default=UNSET, description="The seller's id or key; null for the shop itself."
    )
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
