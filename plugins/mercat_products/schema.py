"""What products look like."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Annotated, Self

import strawberry
from bson import ObjectId

from mercat.context import Context
from mercat.errors import InvalidError
from mercat.graphql.connections import (
    After,
    Before,
    Connection,
    First,
    Last,
    connection,
    list_connection,
    page_request,
)
from mercat.graphql.context import Info
from mercat.graphql.extend import Query, extend
from mercat.graphql.scalars import URL, CurrencyCode
from mercat.graphql.schema import Money, Node
from mercat.ids import encode_id, object_id
from mercat.money import Amount
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


@strawberry.type(description="A picture.")
class Media:
    url: URL = strawberry.field(description="Where it is.")
    alt: str = strawberry.field(description="What it shows, in words.")


@strawberry.type(description="One way in which a product's variants differ, such as the size.")
class ProductOption:
    name: str = strawberry.field(description="Such as `Size`.")
    values: list[str] = strawberry.field(description="Such as `S`, `M` and `L`.")


@strawberry.type(description="The value that a variant has for one option.")
class SelectedOption:
    name: str = strawberry.field(description="Such as `Size`.")
    value: str = strawberry.field(description="Such as `M`.")


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


@strawberry.type(description="What is sold: a product in one size, one colour.")
class ProductVariant(Node):
    id: strawberry.ID = strawberry.field(description="Opaque, and unique in the whole shop.")
    sku: str = strawberry.field(description="Stock keeping unit; unique in the shop.")
    name: str = strawberry.field(description="How it differs from its siblings.")
    barcode: str | None = strawberry.field(description="GTIN: EAN, UPC or ISBN.")
    options: list[SelectedOption] = strawberry.field(description="Its value for each option.")
    available_for_sale: bool = strawberry.field(description="Whether it can be bought now.")
    prices: strawberry.Private[list[Record]]
    parent: strawberry.Private["Product"]

    @strawberry.field(description="The product it is a variant of.")
    def product(self) -> "Product":
        return self.parent

    @strawberry.field(description="What it costs; null where it isn't sold in the currency.")
    def price(self, info: Info, currency: Currency = None) -> VariantPrice | None:
        return price_in(self.prices, currency or info.context.shop.currency)

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        ids = [ObjectId(key) if ObjectId.is_valid(key) else None for key in keys]
        records = await service.products_by_variant(info.context, [key for key in ids if key])
        variants = {
            variant.id: variant
            for product in map(to_product, {r["_id"]: r for r in records.values()}.values())
            for variant in product.all_variants
        }
        return [variants.get(encode_id("ProductVariant", key)) for key in keys]  # type: ignore[call-overload]


@strawberry.type(description="Something that the shop sells, in one or more variants.")
class Product(Node):
    id: strawberry.ID = strawberry.field(description="Opaque, and unique in the whole shop.")
    slug: str = strawberry.field(description="Its name in URLs; unique in the shop.")
    name: str = strawberry.field(description="Its name.")
    description: str = strawberry.field(description="What it is.")
    status: ProductStatus = strawberry.field(description="Whether it is sold.")
    brand: str | None = strawberry.field(description="Who makes it.")
    tags: list[str] = strawberry.field(description="Words that it is found by.")
    created_at: datetime = strawberry.field(description="When it was added.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    version: int = strawberry.field(description="Grows with each change.")
    available_for_sale: bool = strawberry.field(description="Whether any variant can be bought.")
    featured_media: Media | None = strawberry.field(description="Its first picture.")
    all_media: strawberry.Private[list[Media]]
    all_variants: strawberry.Private[list[ProductVariant]]
    all_metadata: strawberry.Private[dict[str, str]]
    key: strawberry.Private[ObjectId]
    placed_in: strawberry.Private[list[ObjectId]]

    @strawberry.field(description="Its public metadata.")
    def metadata(self) -> list[MetadataItem]:
        return [MetadataItem(key=key, value=value) for key, value in self.all_metadata.items()]

    @strawberry.field(description="Its pictures, the first one first.")
    def media(self, first: First = None, after: After = None) -> Connection[Media]:
        return list_connection("media", self.all_media, first, after)

    @strawberry.field(description="How its variants differ.")
    def options(self) -> list[ProductOption]:
        values: dict[str, dict[str, None]] = {}
        for variant in self.all_variants:
            for option in variant.options:
                values.setdefault(option.name, {})[option.value] = None
        return [ProductOption(name=name, values=list(found)) for name, found in values.items()]

    @strawberry.field(description="Its variants in order.")
    def variants(self, first: First = None, after: After = None) -> Connection[ProductVariant]:
        return list_connection("variants", self.all_variants, first, after)

    @strawberry.field(description="The first variant that can be bought, or the first.")
    def default_variant(self) -> ProductVariant | None:
        available = (variant for variant in self.all_variants if variant.available_for_sale)
        return next(available, self.all_variants[0] if self.all_variants else None)

    @strawberry.field(description="Its prices; null where it isn't sold in the currency.")
    def price_range(self, info: Info, currency: Currency = None) -> PriceRange | None:
        wanted = currency or info.context.shop.currency
        amounts = [
            price["amount"]
            for variant in self.all_variants
            for price in variant.prices
            if price["currency"] == wanted
        ]
        if not amounts:
            return None
        return PriceRange(
            minimum=Money.of(Amount(min(amounts), wanted)),
            maximum=Money.of(Amount(max(amounts), wanted)),
        )

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        ids = [ObjectId(key) if ObjectId.is_valid(key) else None for key in keys]
        records = await service.products_by_id(info.context, [key for key in ids if key])
        return [
            to_product(records[key]) if key in records else None  # type: ignore[misc]
            for key in ids
        ]


def price_in(prices: Sequence[Record], currency: str) -> VariantPrice | None:
    """The price in a currency, or None; nothing is ever converted."""
    for price in prices:
        if price["currency"] == currency:
            compare_at = price.get("compare_at")
            return VariantPrice(
                price=Money.of(Amount(price["amount"], currency)),
                compare_at=Money.of(Amount(compare_at, currency)) if compare_at else None,
            )
    return None


_STATUSES = {status.value: status for status in ProductStatus}


def to_product(record: Record) -> Product:
    """A stored product as it is shown."""
    media = [Media(url=URL(m["url"]), alt=m["alt"]) for m in record.get("media", ())]
    product = Product(
        id=strawberry.ID(encode_id("Product", record["_id"])),
        key=record["_id"],
        slug=record["slug"],
        name=record["name"],
        description=record.get("description", ""),
        status=_STATUSES[record["status"]],
        brand=record.get("brand"),
        tags=record.get("tags", []),
        created_at=record["created_at"],
        updated_at=record["updated_at"],
        version=record["version"],
        available_for_sale=any(variant["available"] for variant in record["variants"]),
        featured_media=media[0] if media else None,
        all_media=media,
        all_variants=[],
        all_metadata=record.get("metadata", {}),
        placed_in=record.get("placed_in", []),
    )
    product.all_variants = [_to_variant(variant, product) for variant in record["variants"]]
    return product


def _to_variant(record: Record, product: Product) -> ProductVariant:
    return ProductVariant(
        id=strawberry.ID(encode_id("ProductVariant", record["id"])),
        sku=record["sku"],
        name=record["name"],
        barcode=record.get("barcode"),
        options=[SelectedOption(name=o["name"], value=o["value"]) for o in record["options"]],
        available_for_sale=record["available"],
        prices=record["prices"],
        parent=product,
    )


async def products_connection(
    context: Context,
    sort: ProductSort,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
    *,
    group: ObjectId | None = None,
) -> Connection[Product]:
    """A page of products, of the whole shop or of one group. Raises InvalidError."""
    page = await service.product_page(
        context,
        page_request(CURSOR, first, after, last, before),
        newest_first=sort is ProductSort.NEWEST,
        group=group,
    )

    async def count() -> int:
        return await service.count_products(context, group)

    return connection(CURSOR, page, [to_product(record) for record in page.records], count)


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
            record = await service.product_by_slug(info.context, slug)
        else:
            key = object_id(id or "", "Product")
            record = (await service.products_by_id(info.context, [key])).get(key)
        return to_product(record) if record else None

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
        return await products_connection(info.context, sort, first, after, last, before)

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
        variants = to_product(record).all_variants if record else []
        return next((variant for variant in variants if variant.sku == sku), None)
