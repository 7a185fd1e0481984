"""What stocks look like."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry

from mercat.caching import cacheable
from mercat.graphql.batching import batched
from mercat.graphql.connections import (
    After,
    Connection,
    First,
    connection,
    decode_cursor,
    page_request,
)
from mercat.graphql.context import Info
from mercat.graphql.extend import Query, extend
from mercat.graphql.records import reads, stored
from mercat.storage import Record
from mercat.storage.pages import Page
from mercat_products.schema import Product, ProductVariant
from mercat_products.sellers import seller_key
from mercat_products.settings import ProductSettings
from mercat_products.stock import service
from mercat_products.stock.documents import StockDocument

CURSOR = "stock"
_HISTORY = "stock-history"


@strawberry.enum(description="Whether more than is on hand may be sold.")
class BackorderPolicy(Enum):
    DENY = strawberry.enum_value("DENY", description="Only what is on hand is sold.")
    ALLOW = strawberry.enum_value("ALLOW", description="More is sold, up to the limit if any.")


@strawberry.enum(description="Why what is on hand was changed.")
class StockReason(Enum):
    RECEIVED = strawberry.enum_value("RECEIVED", description="Goods came in.")
    COUNTED = strawberry.enum_value("COUNTED", description="Somebody counted.")
    DAMAGED = strawberry.enum_value("DAMAGED", description="Units can't be sold any more.")
    LOST = strawberry.enum_value("LOST", description="Units can't be found.")
    RETURNED = strawberry.enum_value("RETURNED", description="A customer sent units back.")
    CORRECTION = strawberry.enum_value("CORRECTION", description="A mistake is put right.")
    IMPORTED = strawberry.enum_value("IMPORTED", description="A file said how many there are.")
    OTHER = strawberry.enum_value("OTHER", description="Anything else; the note may say what.")


@strawberry.enum(description="What happened to a stock.")
class StockChangeKind(Enum):
    ADJUSTED = strawberry.enum_value("ADJUSTED", description="Somebody changed what is on hand.")
    SOLD = strawberry.enum_value("SOLD", description="An order took units.")
    RESTOCKED = strawberry.enum_value("RESTOCKED", description="Sold units were put back.")
    FILLED = strawberry.enum_value(
        "FILLED", description="Units that came in went to those sold on backorder."
    )
    POLICY = strawberry.enum_value("POLICY", description="How it is sold was changed.")


@strawberry.type(description="Whether more than is on hand may be sold, and what was.")
class StockBackorder:
    policy: BackorderPolicy = strawberry.field(description="Whether it may.")
    limit: int | None = strawberry.field(
        description="How many units at most; null where there is no limit, or none are sold."
    )
    owed: int = strawberry.field(description="How many units are sold and not there yet.")


def _or_none(reason: str) -> StockReason:
    return StockReason[reason]


@strawberry.type(description="One change of a stock; it never changes itself.")
class StockHistoryEntry:
    kind: StockChangeKind = stored("kind", "What happened.", convert=StockChangeKind.__getitem__)
    delta: int = stored("delta", "By how much what is on hand changed.")
    backordered: int = stored(
        "backordered", "How many of the units sold were not there.", default=0
    )
    reason: StockReason | None = stored(
        "reason", "Why; null where nobody adjusted it.", convert=_or_none
    )
    note: str = stored("note", "What was noted.", default="")
    reference: str | None = stored("reference", "The key of the order or the return.")
    who: str = stored("who", "The user's key, or the role of who had none.")
    at: datetime = stored("at", "When.")
    on_hand: int = stored("on_hand", "How many were on hand then.")
    reserved: int = stored("reserved", "How many were reserved then.")
    record: strawberry.Private[Record]

    @strawberry.field(description="On hand - reserved then.")
    @reads("on_hand", "reserved")
    def available(self) -> int:
        return _available(self.record)


def _available(record: Record) -> int:
    available: int = record["on_hand"] - record["reserved"]
    return available


async def _histories(
    stocks: "list[Stock]", info: Info, first: First = None, after: After = None
) -> list[Connection[StockHistoryEntry]]:
    records = [stock.record for stock in stocks]
    cursor = decode_cursor(_HISTORY, after)
    pages = await service.history_pages(info.context, records, first, cursor)
    return [_history(stock, page) for stock, page in zip(records, pages, strict=True)]


def _history(stock: Record, page: Page) -> Connection[StockHistoryEntry]:
    async def count() -> int:
        version: int = stock["version"]  # grows with each entry
        return version

    return connection(
        _HISTORY, page, [StockHistoryEntry(record=record) for record in page.records], count
    )


async def _products(stocks: "list[Stock]", info: Info) -> list[Product | None]:
    wanted = [stock.record["product"] for stock in stocks]
    found = await service.products_by_id(info.context, wanted)
    return [Product(record=found[key]) if key in found else None for key in wanted]


async def _variants(stocks: "list[Stock]", info: Info) -> list[ProductVariant | None]:
    products = await _products(stocks, info)
    return [
        _variant(stock.record, product) if product else None
        for stock, product in zip(stocks, products, strict=True)
    ]


def _variant(stock: Record, product: Product) -> ProductVariant | None:
    for variant in product.record["variants"]:
        if variant["id"] == stock["_id"]:
            return ProductVariant(record=variant, product=product)
    return None


@strawberry.type(description="How many of a variant there are.")
class Stock:
    sku: str = stored("sku", "The variant's stock keeping unit.")
    on_hand: int = stored("on_hand", "How many are there.")
    reserved: int = stored("reserved", "How many of them wait for a checkout, or are owed.")
    low_at: int = stored("low_at", "At how many available units it counts as low.")
    low: bool = stored("low", "Whether it is low.")
    version: int = stored("version", "Grows with each entry of its history.")
    history = batched("What happened to it, the latest first.", _histories)
    product = batched("The product; null where it is gone.", _products)
    variant = batched("The variant; null where it is gone.", _variants)
    record: strawberry.Private[Record]

    @strawberry.field(description="On hand - reserved; below 0 where more is sold on backorder.")
    @reads("on_hand", "reserved")
    def available(self) -> int:
        return _available(self.record)

    @strawberry.field(description="Whether more than is on hand may be sold.")
    @reads("backorders", "backorder_limit", "owed")
    def backorder(self) -> StockBackorder:
        return StockBackorder(
            policy=BackorderPolicy[self.record["backorders"]],
            limit=self.record["backorder_limit"],
            owed=self.record["owed"],
        )


async def _stocks(variants: list[ProductVariant], info: Info) -> list[Stock | None]:
    keys = [variant.record["id"] for variant in variants]
    found = await service.visible_stocks(info.context, keys)
    return [Stock(record=found[key]) if key in found else None for key in keys]


@cacheable(named=[StockDocument])
async def _quantities(variants: list[ProductVariant], info: Info) -> list[int | None]:
    is_shown = info.context.settings(ProductSettings).show_quantities
    keys = [variant.record["id"] for variant in variants] if is_shown else []
    info.context.about(StockDocument, keys)
    if not is_shown:
        return [None] * len(variants)
    found = await service.stocks_by_variant(info.context, keys)
    return [max(0, _available(found[key])) if key in found else None for key in keys]


@extend(ProductVariant)
class VariantStock:
    quantity_available = batched(
        "How many can be had at once; null unless the shop shows and counts it.", _quantities
    )
    stock = batched("Its stock; null where it isn't counted or isn't the viewer's.", _stocks)


LowOnly = Annotated[bool, strawberry.argument(description="Only those that are low.")]
Seller = Annotated[
    strawberry.ID | None, strawberry.argument(description="Only those of the seller with the id.")
]


@extend(Query)
class StockQuery:
    @strawberry.field(
        description="The stocks of the viewer's seller; of all sellers with `products.manage`."
    )
    @staticmethod
    async def stock_report(
        info: Info,
        first: First = None,
        after: After = None,
        low_only: LowOnly = False,
        seller: Seller = None,
    ) -> Connection[Stock]:
        context = info.context
        chosen = seller_key(seller)
        request = page_request(CURSOR, first, after, None, None)
        page = await service.report_page(context, request, low_only=low_only, seller=chosen)

        async def count() -> int:
            return await service.count_report(context, low_only=low_only, seller=chosen)

        return connection(CURSOR, page, _shown(page.records), count)


def _shown(records: Sequence[Record]) -> list[Stock]:
    return [Stock(record=record) for record in records]
