"""What products look like."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import partial
from typing import Annotated, Self

import strawberry
from bson import ObjectId

from mercat.caching import cacheable
from mercat.errors import InvalidError
from mercat.graphql.batching import batched
from mercat.graphql.connections import (
    After,
    Connection,
    First,
    ListWindow,
    connection,
)
from mercat.graphql.context import Info
from mercat.graphql.extend import Query, extend
from mercat.graphql.localising import Locale, check_locale
from mercat.graphql.records import reads, stored, wanted_keys
from mercat.graphql.schema import Node
from mercat.ids import id_encoder, object_id
from mercat.storage import Record
from mercat.storage.pages import PageRequest
from mercat_media.schema import Media
from mercat_products import service
from mercat_products.details import (
    Dimensions,
    MetadataItem,
    ProductOption,
    ProductTranslation,
    SelectedOption,
    Seo,
    Weight,
)
from mercat_products.documents import ProductDocument
from mercat_products.permissions import may_edit
from mercat_products.pricing import Currency, PriceRange, VariantPrice, price_in, price_range
from mercat_products.sellers import seller_id

CURSOR = "products"


@strawberry.enum(description="Whether a product is sold.")
class ProductStatus(Enum):
    DRAFT = strawberry.enum_value("draft", description="Not shown yet.")
    ACTIVE = strawberry.enum_value("active", description="Shown, and sold where available.")
    ARCHIVED = strawberry.enum_value("archived", description="Not shown any more.")
    WITHHELD = strawberry.enum_value(
        "withheld", description="Active, but not shown while its seller is suspended."
    )


_STATUSES = {status.value: status for status in ProductStatus}


@cacheable()
def _prices(
    variants: "Sequence[ProductVariant]",
    info: Info,
    currency: Currency = None,
    quantity: Annotated[
        int, strawberry.argument(description="How many are bought; 1 at least.")
    ] = 1,
) -> list[VariantPrice | None]:
    if quantity < 1:
        raise InvalidError("quantity must be at least 1")
    wanted = currency or info.context.shop.currency
    return [price_in(variant.record["prices"], wanted, quantity) for variant in variants]


@cacheable()
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


@cacheable()
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


@cacheable()
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


@cacheable()
@reads("variants")
def _price_ranges(
    products: "Sequence[Product]", info: Info, currency: Currency = None
) -> list[PriceRange | None]:
    wanted = currency or info.context.shop.currency
    return [price_range(product.record["variants"], wanted) for product in products]


def is_for_sale(variant: Record) -> bool:
    """Whether a stored variant is offered, at a price in some currency, and in stock."""
    return bool(variant["available"] and variant["prices"] and variant.get("in_stock", True))


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
    seller_id: strawberry.ID | None = stored(
        "seller", "The id of who sells it; null for the shop itself.", convert=seller_id
    )
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
    @cacheable()
    @reads("metadata")
    def metadata(self) -> list[MetadataItem]:
        return _to_items(self.record.get("metadata", {}))

    @strawberry.field(description="Metadata for those who may change it; null for others.")
    @cacheable()
    @reads("private_metadata", "seller")
    def private_metadata(self, info: Info) -> list[MetadataItem] | None:
        if not may_edit(info.context.viewer, self.record.get("seller")):
            return None
        return _to_items(self.record.get("private_metadata", {}))

    @strawberry.field(description="How its variants differ.")
    @cacheable()
    @reads("variants")
    def options(self) -> list[ProductOption]:
        values: dict[str, dict[str, None]] = {}
        for variant in self.record["variants"]:
            for option in variant["options"]:
                values.setdefault(option["name"], {})[option["value"]] = None
        return [ProductOption(name=name, values=list(found)) for name, found in values.items()]

    @strawberry.field(description="The first variant that can be bought, or the first.")
    @cacheable()
    @reads("variants")
    def default_variant(self) -> ProductVariant | None:
        variants = self.record["variants"]
        available = filter(is_for_sale, variants)
        found = next(available, variants[0] if variants else None)
        return ProductVariant(record=found, product=self) if found else None

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        ids = [ObjectId(key) if ObjectId.is_valid(key) else None for key in keys]
        records = await service.products_by_id(info.context, [key for key in ids if key])
        return [cls(record=records[key]) if key in records else None for key in ids]


def _to_items(found: Mapping[str, str]) -> list[MetadataItem]:
    return [MetadataItem(key=key, value=value) for key, value in found.items()]


async def products_connection(
    info: Info,
    request: PageRequest,
    *,
    newest_first: bool,
    group: ObjectId | None = None,
    count: Callable[[], Awaitable[int]] | None = None,
) -> Connection[Product]:
    """A page of products by age, of the whole shop or of one group; `count` says how many it has.

    Without `count` they are counted.
    """
    context = info.context
    page = await service.product_page(
        context,
        request,
        newest_first=newest_first,
        group=group,
        keys=wanted_keys(info, Product),
    )

    async def counted() -> int:
        return await service.count_products(context, group)

    shown = [Product(record=record) for record in page.records]
    return connection(CURSOR, page, shown, count or counted)


@extend(Query)
class ProductQuery:
    @strawberry.field(description="One product, by its id or its slug; null where there is none.")
    @staticmethod
    @cacheable(named=[ProductDocument])
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
        check_locale(info.context, locale)
        context, keys = info.context, wanted_keys(info, Product)
        if slug is not None:
            record = await service.product_by_slug(context, slug, keys)
        else:
            key = object_id(id or "", "Product")
            record = (await service.products_by_id(context, [key], keys)).get(key)
        return Product(record=record) if record else None

    @strawberry.field(description="One variant, by its id or its SKU; null where there is none.")
    @staticmethod
    @cacheable(named=[ProductDocument])
    async def variant(
        info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Its id.")] = None,  # noqa: A002
        sku: Annotated[str | None, strawberry.argument(description="Its SKU.")] = None,
        locale: Locale = None,
    ) -> ProductVariant | None:
        if (id is None) == (sku is None):
            raise InvalidError("give either `id` or `sku`")
        check_locale(info.context, locale)
        context = info.context
        if id is not None:
            key = object_id(id, "ProductVariant")
            return (await ProductVariant.load_nodes(info, [str(key)]))[0]
        record = await service.product_by_sku(context, sku or "")
        for variant in record["variants"] if record else ():
            if variant["sku"] == sku:
                return ProductVariant(record=variant, product=Product(record=record or {}))
        return None
