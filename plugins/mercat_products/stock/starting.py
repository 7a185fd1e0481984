"""Beginning to count many variants at once, as an import into a new shop does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bson import ObjectId
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from mercat import catalog
from mercat.context import Context
from mercat.storage import Record, Session
from mercat.storage.pages import reserve_numbers
from mercat_products.settings import ProductSettings
from mercat_products.stock import feed
from mercat_products.stock.documents import COUNTER, MOST, Backorders
from mercat_products.stock.ledger import changes, stocks
from mercat_products.stock.signals import figures, products

_TOLD_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class NewStock:
    """A variant that is not counted yet; `shown` is what its product says of it."""

    variant: ObjectId
    product: ObjectId
    seller: str | None
    sku: str
    shown: bool
    on_hand: int = 0
    low_at: int | None = None
    backorders: Backorders = "DENY"
    limit: int | None = None


async def start_all(context: Context, wanted: Sequence[NewStock], reason: str) -> bool:
    """Start all these stocks, each with its line of history, in one transaction.

    False, and none is started, where one of them is there by now.
    """
    numbers = await reserve_numbers(context.storage, COUNTER, len(wanted))
    records = [record_of(context, one, n) for one, n in zip(wanted, numbers, strict=True)]
    lines = [_line(context, record, reason) for record in records]
    marks = [
        _mark(record)
        for one, record in zip(wanted, records, strict=True)
        if one.shown is not record["shown"]
    ]

    async def work(session: Session) -> None:
        await stocks(context).insert_many(records, session=session)
        await changes(context).insert_many(lines, session=session)
        if marks:
            await products(context).bulk_write(marks, session=session)
        for start in range(0, len(records), _TOLD_AT_ONCE):
            told = [figures(record) for record in records[start : start + _TOLD_AT_ONCE]]
            await context.engine.outbox.add(session, catalog.stock_changed, context, told)

    try:
        await context.storage.transaction(work)
    except (BulkWriteError, DuplicateKeyError):
        return False
    await feed.publish(context, [one.variant for one in wanted])
    return True


def record_of(context: Context, wanted: NewStock, number: int) -> Record:
    """A stock as it begins, of the first version."""
    now = datetime.now(UTC)
    low_at = context.settings(ProductSettings).low_stock if wanted.low_at is None else wanted.low_at
    beyond = 0
    if wanted.backorders == "ALLOW":
        beyond = MOST if wanted.limit is None else wanted.limit
    return {
        "_id": wanted.variant,
        "product": wanted.product,
        "seller": wanted.seller,
        "sku": wanted.sku,
        "number": number,
        "on_hand": wanted.on_hand,
        "reserved": 0,
        "owed": 0,
        "sellable": wanted.on_hand + beyond,
        "above_low": wanted.on_hand - low_at,
        "low_at": low_at,
        "backorders": wanted.backorders,
        "backorder_limit": wanted.limit,
        "held": [],
        "shown": wanted.on_hand + beyond > 0,
        "low": wanted.on_hand <= low_at,
        "version": 1,
        "created_at": now,
        "updated_at": now,
    }


def _line(context: Context, stock: Record, reason: str) -> Record:
    return {
        "stock": stock["_id"],
        "number": stock["version"],
        "kind": "ADJUSTED",
        "delta": stock["on_hand"],
        "backordered": 0,
        "reason": reason,
        "note": "",
        "reference": None,
        "who": context.viewer.user or context.viewer.role,
        "at": stock["created_at"],
        "on_hand": stock["on_hand"],
        "reserved": 0,
    }


def _mark(stock: Record) -> UpdateOne:
    return UpdateOne(
        {"_id": stock["product"], "variants.id": stock["_id"]},
        {"$set": {"variants.$.in_stock": stock["shown"]}},
    )
