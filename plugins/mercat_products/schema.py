"""What products look like."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import Enum
from functools import partial
from typing import Annotated, Self

import strawberry
from bson import ObjectId

from mercat.context import Context
from mercat.errors import InvalidError
from mercat.graphql.batching import batched
from mercat.graphql.connections import (
    After,
    Connection,
    First,
    ListWindow,
    connection,
    page_request,
)
from mercat.graphql.context import Info
from mercat.graphql.extend import Query, extend
from mercat.graphql.records import reads, stored, wanted_keys
from mercat.graphql.scalars import CurrencyCode
from mercat.graphql.schema import Money, Node
from mercat.ids import id_encoder, object_id
from mercat.storage import Record
from mercat_media.schema import Media
from mercat_products import service
from mercat_products.permissions import may_edit

CURSOR = "products"

Currency = Annotated[
    CurrencyCode | None, strawberry.argument(description="The shop's own where left out.")
]


@strawberry.enum(description="Whether a product is sold.")
class ProductStatus(Enum):
    DRAFT = strawberry.enum_value("draft", description="Not shown yet.")
    ACTIVE = strawberry.enum_value("active", description="Shown, and sold where available.")
    ARCHIVED = strawberry.enum_value("archived", description="Not shown any more.")


_STATUSES = {status.value: status for status in ProductStatus}


@strawberry.type(description="One way in which a product's variants differ, such as the size.")
class ProductOption:
    name: str = strawberry.field(description="Such as `Size`.")
    values: list[str] = strawberry.field(description="Such as `S`, `M` and `L`.")


@strawberry.type(description="The value that a variant has for one option.")
class SelectedOption:
    name: str = stored("name", "Such as `Size`.")
    value: str = stored("value", "Such as `M`.")
    record: strawberry.Private[Record]


@strawberry.type(description="A key with its value.")
class MetadataItem:
    key: str = strawberry.field(description="The key.")
    value: str = strawberry.field(description="The value.")


@strawberry.type(description="What one costs where at least so many are bought.")
class PriceBreak:
    quantity: int = strawberry.field(description="From how many on.")
    price: Money = strawberry.field(description="What one costs then.")


@strawberry.type(description="What a variant costs.")
class VariantPrice:
    price: Money = strawberry.field(description="What one costs in the quantity asked for.")
    compare_at: Money | None = strawberry.field(description="What it used to cost.")
    breaks: list[PriceBreak] = strawberry.field(
        description="What larger quantities cost, the smallest first."
    )


@strawberry.type(description="How heavy it is.")
class Weight:
    grams: int = strawberry.field(description="In grams.")


@strawberry.type(description="A box around it, in millimetres.")
class Dimensions:
    length: int = stored("length", "The longest side.")
    width: int = stored("width", "The other side of its base.")
    height: int = stored("height", "How high it stands.")
    record: strawberry.Private[Record]


@strawberry.type(description="How search engines show it.")
class Seo:
    title: str = stored("title", "Its title; its name where empty.", default="")
    description: str = stored("description", "A sentence or two.", default="")
    record: strawberry.Private[Record]


@strawberry.type(description="A product's texts in one of the shop's other locales.")
class ProductTranslation:
    locale: str = stored("locale", "Such as `de`.")
    name: str | None = stored("name", "Null where it falls back.")
    description: str | None = stored("description", "Null where it falls back.")
    slug: str | None = stored("slug", "Null where it falls back.")
    record: strawberry.Private[Record]


@strawberry.type(description="From the cheapest variant to the dearest.")
class PriceRange:
    minimum: Money = strawberry.field(description="The cheapest variant's price.")
    maximum: Money = strawberry.field(description="The dearest variant's price.")


def _prices(
    variants: "Sequence[ProductVariant]",
    info: Info,
    currency: Currency = None,
    quantity: Annotated[int, strawberry.argument(description="How many are bought.")] = 1,
) -> list[VariantPrice | None]:
    wanted = currency or info.context.shop.currency
    return [price_in(variant.record["prices"], wanted, quantity) for variant in variants]


def _can_be_bought(variants: "Sequence[ProductVariant]", _info: Info) -> list[bool]:
    return [is_for_sale(variant.record) for variant in variants]


def _to_weight(grams: int) -> Weight:
    return Weight(grams=grams)


def _to_dimensions(record: Record) -> Dimensions:
    return Dimensions(record=record)


def _selected_options(records: Sequence[Record]) -> list[SelectedOption]:
    return [SelectedOption(record=record) for record in records]


@strawberry.type(description="What is sold: a product in one size, one colour.")
class ProductVariant(Node):
    id: strawberry.ID = stored(
        "id", "Opaque, and unique in the whole shop.", convert=id_encoder("ProductVariant")
    )
    sku: str = stored("sku", "Stock keeping unit; unique in the shop.")
    name: str = stored("name", "How it differs from its siblings.")
    barcode: str | None = stored("barcode", "GTIN: EAN, UPC or ISBN.")
    options: list[SelectedOption] = stored(
        "options", "Its value for each option.", convert=_selected_options
    )
    available_for_sale = batched("Whether it can be bought now.", _can_be_bought)
    tax_class: str | None = stored("tax_class", "Its class of tax, such as `reduced`.")
    weight: Weight | None = stored("weight", "How heavy it is.", convert=_to_weight)
    dimensions: Dimensions | None = stored("dimensions", "A box around it.", convert=_to_dimensions)
    media: list[Media] = stored(
        "media", "Its own pictures.", convert=lambda found: list(map(_to_media, found)), default=()
    )
    price = batched("What it costs; null where it isn't sold in the currency.", _prices)
    product: "Product" = strawberry.field(description="The product it is a variant of.")
    record: strawberry.Private[Record]

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        ids = [ObjectId(key) if ObjectId.is_valid(key) else None for key in keys]
        records = await service.products_by_variant(info.context, [key for key in ids if key])
        products = {record["_id"]: Product(record=record) for record in records.values()}
        variants = {
            variant["id"]: cls(record=variant, product=product)
            for product in products.values()
            for variant in product.record["variants"]
        }
        return [variants.get(key) if key else None for key in ids]


@reads("media")
def _media(
    products: "Sequence[Product]", _info: Info, first: First = None, after: After = None
) -> list[Connection[Media]]:
    window = ListWindow.of("media", first, after)
    return [window.connection(product.record.get("media", ()), _to_media) for product in products]


def _to_media(record: Record) -> Media:
    return Media(record=record)


def _first_media(records: Sequence[Record]) -> Media | None:
    return Media(record=records[0]) if records else None


@reads("variants")
def _variants(
    products: "Sequence[Product]", _info: Info, first: First = None, after: After = None
) -> list[Connection[ProductVariant]]:
    window = ListWindow.of("variants", first, after)
    return [
        window.connection(product.record["variants"], partial(_to_variant, product))
        for product in products
    ]


def _to_variant(product: "Product", record: Record) -> ProductVariant:
    return ProductVariant(record=record, product=product)


@reads("variants")
def _price_ranges(
    products: "Sequence[Product]", info: Info, currency: Currency = None
) -> list[PriceRange | None]:
    wanted = currency or info.context.shop.currency
    return [_price_range(product.record["variants"], wanted) for product in products]


def is_for_sale(variant: Record) -> bool:
    """Whether a stored variant is offered and in stock."""
    return bool(variant["available"] and variant.get("in_stock", True))


def _is_available(variants: Sequence[Record]) -> bool:
    return any(map(is_for_sale, variants))


def _to_seo(record: Record) -> Seo:
    return Seo(record=record)


def _to_translations(records: Sequence[Record]) -> list[ProductTranslation]:
    return [ProductTranslation(record=record) for record in records]


@strawberry.type(description="Something that the shop sells, in one or more variants.")
class Product(Node):
    id: strawberry.ID = stored(
        "_id", "Opaque, and unique in the whole shop.", convert=id_encoder("Product")
    )
    slug: str = stored("slug", "Its name in URLs; unique in the shop.")
    name: str = stored("name", "Its name.")
    description: str = stored("description", "What it is.", default="")
    status: ProductStatus = stored("status", "Whether it is sold.", convert=_STATUSES.__getitem__)
    brand: str | None = stored("brand", "Who makes it.")
    tags: list[str] = stored("tags", "Words that it is found by.", default=())
    created_at: datetime = stored("created_at", "When it was added.")
    updated_at: datetime = stored("updated_at", "When it was last changed.")
    version: int = stored("version", "Grows with each change.")
    available_for_sale: bool = stored(
        "variants", "Whether any variant can be bought.", convert=_is_available
    )
    featured_media: Media | None = stored("media", "Its first picture.", convert=_first_media)
    media = batched("Its pictures, the first one first.", _media)
    variants = batched("Its variants in order.", _variants)
    price_range = batched("Its prices; null where it isn't sold in the currency.", _price_ranges)
    record: strawberry.Private[Record]

    seo: Seo = stored("seo", "How search engines show it.", convert=_to_seo, default=_to_seo({}))
    translations: list[ProductTranslation] = stored(
        "translations",
        "Its texts in the shop's other locales.",
        convert=_to_translations,
        default=(),
    )

    @property
    def key(self) -> ObjectId:
        found: ObjectId = self.record["_id"]
        return found

    @strawberry.field(description="Its public metadata.")
    @reads("metadata")
    def metadata(self) -> list[MetadataItem]:
        return _to_items(self.record.get("metadata", {}))

    @strawberry.field(description="Metadata for those who may change it; null for others.")
    @reads("private_metadata", "seller")
    def private_metadata(self, info: Info) -> list[MetadataItem] | None:
        if not may_edit(info.context.viewer, self.record.get("seller")):
            return None
        return _to_items(self.record.get("private_metadata", {}))

    @strawberry.field(description="How its variants differ.")
    @reads("variants")
    def options(self) -> list[ProductOption]:
        values: dict[str, dict[str, None]] = {}
        for variant in self.record["variants"]:
            for option in variant["options"]:
                values.setdefault(option["name"], {})[option["value"]] = None
        return [ProductOption(name=name, values=list(found)) for name, found in values.items()]

    @strawberry.field(description="The first variant that can be bought, or the first.")
    @reads("variants")
    def default_variant(self) -> ProductVariant | None:
        variants = self.record["variants"]
        available = (variant for variant in variants if variant["available"])
        found = next(available, variants[0] if variants else None)
        return ProductVariant(record=found, product=self) if found else None

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        ids = [ObjectId(key) if ObjectId.is_valid(key) else None for key in keys]
        records = await service.products_by_id(info.context, [key for key in ids if key])
        return [cls(record=records[key]) if key in records else None for key in ids]


def _to_items(found: Mapping[str, str]) -> list[MetadataItem]:
    return [MetadataItem(key=key, value=value) for key, value in found.items()]


def price_in(prices: Sequence[Record], currency: str, quantity: int = 1) -> VariantPrice | None:
    """The price of one of so many in a currency, or None; nothing is ever converted."""
    for price in prices:
        if price["currency"] == currency:
            compare_at = price.get("compare_at")
            breaks = price.get("breaks")
            return VariantPrice(
                price=Money.of(_amount(price, quantity) if breaks else price["amount"], currency),
                compare_at=Money.of(compare_at, currency) if compare_at else None,
                breaks=_to_breaks(breaks, currency) if breaks else [],
            )
    return None


def _amount(price: Record, quantity: int) -> int:
    """What one costs in that quantity, in minor units."""
    amount: int = price["amount"]
    for one in price["breaks"]:
        if one["quantity"] <= quantity:
            amount = one["amount"]
    return amount


def _to_breaks(breaks: Sequence[Record], currency: str) -> list[PriceBreak]:
    return [
        PriceBreak(quantity=one["quantity"], price=Money.of(one["amount"], currency))
        for one in breaks
    ]


def _price_range(variants: Sequence[Record], currency: str) -> PriceRange | None:
    amounts = [
        price["amount"]
        for variant in variants
        for price in variant["prices"]
        if price["currency"] == currency
    ]
    if not amounts:
        return None
    return PriceRange(
        minimum=Money.of(min(amounts), currency),
        maximum=Money.of(max(amounts), currency),
    )


async def products_connection(
    info: Info,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
    *,
    newest_first: bool,
    group: ObjectId | None = None,
) -> Connection[Product]:
    """A page of products, of the whole shop or of one group. Raises InvalidError."""
    context = info.context
    page = await service.product_page(
        context,
        page_request(CURSOR, first, after, last, before),
        newest_first=newest_first,
        group=group,
        keys=wanted_keys(info, Product),
    )

    async def count() -> int:
        return await service.count_products(context, group)

    return connection(CURSOR, page, [Product(record=record) for record in page.records], count)


Locale = Annotated[
    str | None,
    strawberry.argument(
        description="The shop's locale of its texts; what Accept-Language prefers where left out."
    ),
]


def in_locale(context: Context, locale: str | None) -> Context:
    """The context with another locale, where one is given. Raises InvalidError."""
    if locale is None:
        return context
    if locale not in context.shop.all_locales:
        known = ", ".join(context.shop.all_locales)
        raise InvalidError(f"the shop has no locale '{locale[:20]}'; it has {known}")
    return replace(context, languages=locale)


@extend(Query)
class ProductQuery:
    @strawberry.field(description="One product, by its id or its slug; null where there is none.")
    @staticmethod
    async def product(
        info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Its id.")] = None,  # noqa: A002
        slug: Annotated[
            str | None,
            strawberry.argument(
                description="Its slug. One that it had finds it too: compare the answer's `slug`."
            ),
        ] = None,
        locale: Locale = None,
    ) -> Product | None:
        if (id is None) == (slug is None):
            raise InvalidError("give either `id` or `slug`")
        context, keys = in_locale(info.context, locale), wanted_keys(info, Product)
        if slug is not None:
            record = await service.product_by_slug(context, slug, keys)
        else:
            key = object_id(id or "", "Product")
            record = (await service.products_by_id(context, [key], keys)).get(key)
        return Product(record=record) if record else None

    @strawberry.field(description="One variant, by its id or its SKU; null where there is none.")
    @staticmethod
    async def variant(
        info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Its id.")] = None,  # noqa: A002
        sku: Annotated[str | None, strawberry.argument(description="Its SKU.")] = None,
    ) -> ProductVariant | None:
        if (id is None) == (sku is None):
            raise InvalidError("give either `id` or `sku`")
        if id is not None:
            key = object_id(id, "ProductVariant")
            return (await ProductVariant.load_nodes(info, [str(key)]))[0]
        record = await service.product_by_sku(info.context, sku or "")
        for variant in record["variants"] if record else ():
            if variant["sku"] == sku:
                return ProductVariant(record=variant, product=Product(record=record or {}))
        return None
