"""What products look like."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from functools import partial
from typing import Annotated, Self

import strawberry
from bson import ObjectId

from mercat.errors import InvalidError
from mercat.graphql.batching import batched
from mercat.graphql.connections import (
    After,
    Before,
    Connection,
    First,
    Last,
    ListWindow,
    connection,
    page_request,
)
from mercat.graphql.context import Info
from mercat.graphql.extend import Query, extend
from mercat.graphql.records import reads, stored, wanted_keys
from mercat.graphql.scalars import URL, CurrencyCode
from mercat.graphql.schema import Money, Node
from mercat.ids import id_encoder, object_id
from mercat.storage import Record
from mercat_products import service

CURSOR = "products"

Currency = Annotated[
    CurrencyCode | None, strawberry.argument(description="The shop's own where left out.")
]


@strawberry.enum(description="Whether a product is sold.")
class ProductStatus(Enum):
    DRAFT = strawberry.enum_value("draft", description="Not shown yet.")
    ACTIVE = strawberry.enum_value("active", description="Shown, and sold where available.")
    ARCHIVED = strawberry.enum_value("archived", description="Not shown any more.")


@strawberry.enum(description="The order of a list of products.")
class ProductSort(Enum):
    NEWEST = strawberry.enum_value("newest", description="The last added first.")
    OLDEST = strawberry.enum_value("oldest", description="The first added first.")


_STATUSES = {status.value: status for status in ProductStatus}


@strawberry.type(description="A picture.")
class Media:
    url: URL = stored("url", "Where it is.")
    alt: str = stored("alt", "What it shows, in words.")
    record: strawberry.Private[Record]


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


@strawberry.type(description="What a variant costs.")
class VariantPrice:
    price: Money = strawberry.field(description="What is paid.")
    compare_at: Money | None = strawberry.field(description="What it used to cost.")


@strawberry.type(description="From the cheapest variant to the dearest.")
class PriceRange:
    minimum: Money = strawberry.field(description="The cheapest variant's price.")
    maximum: Money = strawberry.field(description="The dearest variant's price.")


def _prices(
    variants: "Sequence[ProductVariant]", info: Info, currency: Currency = None
) -> list[VariantPrice | None]:
    wanted = currency or info.context.shop.currency
    return [price_in(variant.record["prices"], wanted) for variant in variants]


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
    available_for_sale: bool = stored("available", "Whether it can be bought now.")
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


def _is_available(variants: Sequence[Record]) -> bool:
    return any(variant["available"] for variant in variants)


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

    @property
    def key(self) -> ObjectId:
        found: ObjectId = self.record["_id"]
        return found

    @strawberry.field(description="Its public metadata.")
    @reads("metadata")
    def metadata(self) -> list[MetadataItem]:
        found = self.record.get("metadata", {})
        return [MetadataItem(key=key, value=value) for key, value in found.items()]

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


def price_in(prices: Sequence[Record], currency: str) -> VariantPrice | None:
    """The price in a currency, or None; nothing is ever converted."""
    for price in prices:
        if price["currency"] == currency:
            compare_at = price.get("compare_at")
            return VariantPrice(
                price=Money.of(price["amount"], currency),
                compare_at=Money.of(compare_at, currency) if compare_at else None,
            )
    return None


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
    sort: ProductSort,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
    *,
    group: ObjectId | None = None,
) -> Connection[Product]:
    """A page of products, of the whole shop or of one group. Raises InvalidError."""
    context = info.context
    page = await service.product_page(
        context,
        page_request(CURSOR, first, after, last, before),
        newest_first=sort is ProductSort.NEWEST,
        group=group,
        keys=wanted_keys(info, Product),
    )

    async def count() -> int:
        return await service.count_products(context, group)

    return connection(CURSOR, page, [Product(record=record) for record in page.records], count)


Sort = Annotated[ProductSort, strawberry.argument(description="The order of the list.")]


@extend(Query)
class ProductQuery:
    @strawberry.field(description="One product, by its id or its slug; null where there is none.")
    @staticmethod
    async def product(
        info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Its id.")] = None,  # noqa: A002
        slug: Annotated[str | None, strawberry.argument(description="Its slug.")] = None,
    ) -> Product | None:
        if (id is None) == (slug is None):
            raise InvalidError("give either `id` or `slug`")
        if slug is not None:
            keys = wanted_keys(info, Product)
            record = await service.product_by_slug(info.context, slug, keys)
        else:
            key = object_id(id or "", "Product")
            record = (await service.products_by_id(info.context, [key])).get(key)
        return Product(record=record) if record else None

    @strawberry.field(description="The products that are for sale.")
    @staticmethod
    async def products(
        info: Info,
        sort: Sort = ProductSort.NEWEST,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Product]:
        return await products_connection(info, sort, first, after, last, before)

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
