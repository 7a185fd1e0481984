"""What others are told of a stock: the product's record, the hooks, and subscribers."""

import contextlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection

from mercat import catalog
from mercat.catalog import StockFigures
from mercat.context import Context
from mercat.errors import ConflictError
from mercat.storage import Record, Session
from mercat_products.documents import ProductDocument
from mercat_products.stock import feed
from mercat_products.stock.ledger import read, stocks
from mercat_products.stock.messages import tell_seller
from mercat_products.stock.turns import in_transaction


def figures(stock: Record) -> StockFigures:
    return StockFigures(
        variant_id=str(stock["_id"]),
        product_id=str(stock["product"]),
        seller=stock["seller"],
        sku=stock["sku"],
        on_hand=stock["on_hand"],
        reserved=stock["reserved"],
        available=stock["on_hand"] - stock["reserved"],
        in_stock=stock["sellable"] > 0,
    )


async def tell(context: Context, session: Session, changed: Sequence[Record]) -> None:
    """Tell of stocks that were changed with the session, in its transaction."""
    for stock in changed:
        await _follow(context, session, stock)
    if changed:
        told = [figures(stock) for stock in changed]
        await context.engine.outbox.add(session, catalog.stock_changed, context, told)


def is_told(stock: Record) -> bool:
    """Whether others know already on which side of its thresholds a stock is."""
    in_stock: bool = stock["sellable"] > 0
    return stock["shown"] is in_stock and stock["low"] is (stock["above_low"] <= 0)


async def tell_of_holds(context: Context, stocks_after: Iterable[Record]) -> None:
    """Tell of stocks whose holds changed; what a crash leaves untold, the job tells."""
    changed = list(stocks_after)
    for stock in changed:
        if not is_told(stock):
            await retell(context, stock["_id"])
    await feed.publish(context, [stock["_id"] for stock in changed])


async def retell(context: Context, variant: ObjectId) -> None:
    """Read a stock anew, and tell others where they don't know what it is now.

    Where too many are at it just then the job does it.
    """

    async def work(session: Session) -> None:
        stock = await read(context, session, variant)
        if stock is None or is_told(stock):
            return
        if stock["shown"] is (stock["sellable"] > 0):
            await _follow(context, session, stock)
        else:
            await tell(context, session, [stock])

    with contextlib.suppress(ConflictError):
        await in_transaction(context, [variant], work)


async def remark(context: Context, variant: ObjectId) -> None:
    """Write into the product anew whether a variant of it is in stock.

    The stock is written too, so that a change of it at the same time comes before or after.
    """

    async def work(session: Session) -> None:
        stock = await read(context, session, variant)
        if stock is None:
            return
        in_stock = stock["sellable"] > 0
        await mark(context, stock, in_stock=in_stock, session=session)
        await stocks(context).update_one(
            {"_id": variant},
            {"$set": {"shown": in_stock, "updated_at": datetime.now(UTC)}},
            session=session,
        )

    await in_transaction(context, [variant], work)


async def untold(context: Context) -> list[ObjectId]:
    """Stocks of which others don't know on which side of their thresholds they are."""
    crossed: Sequence[Record] = (
        {"shown": True, "sellable": {"$lte": 0}},
        {"shown": False, "sellable": {"$gt": 0}},
        {"low": False, "above_low": {"$lte": 0}},
        {"low": True, "above_low": {"$gt": 0}},
    )
    found: dict[ObjectId, None] = {}
    for condition in crossed:
        async for stock in stocks(context).find(condition, {"_id": 1}):
            found[stock["_id"]] = None
    return list(found)


async def _follow(context: Context, session: Session, stock: Record) -> None:
    """Let the product's record and the low mark follow the stock."""
    in_stock, low = stock["sellable"] > 0, stock["above_low"] <= 0
    if stock["shown"] is not in_stock:
        await mark(context, stock, in_stock=in_stock, session=session)
    if low and not stock["low"]:
        await context.engine.outbox.add(
            session, catalog.stock_low, context, figures(stock), stock["low_at"]
        )
        await tell_seller(context, session, stock)
    if not is_told(stock):
        await stocks(context).update_one(
            {"_id": stock["_id"]}, {"$set": {"shown": in_stock, "low": low}}, session=session
        )


async def mark(
    context: Context, stock: Record, *, in_stock: bool, session: Session | None = None
) -> None:
    """Write into the product whether a variant of it is in stock; repeating changes nothing."""
    await products(context).update_one(
        {
            "_id": stock["product"],
            "variants": {"$elemMatch": {"id": stock["_id"], "in_stock": {"$ne": in_stock}}},
        },
        {"$set": {"variants.$.in_stock": in_stock}},
        session=session,
    )


def products(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(ProductDocument)
