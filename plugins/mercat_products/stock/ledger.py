"""Changing what is on hand: each change with its line of history, in one transaction."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection

from mercat.context import Context
from mercat.errors import ConflictError, InvalidError
from mercat.storage import Record, Session
from mercat_products.stock.documents import MOST, Kind, StockChangeDocument, StockDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Why a stock changes; `reference` is the key of an order or of a return."""

    kind: Kind
    reason: str | None = None
    note: str = ""
    reference: str | None = None
    backordered: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """By how much a stock's numbers change."""

    on_hand: int = 0
    reserved: int = 0
    owed: int = 0
    beyond: int = 0  # what may be sold beyond what is on hand


async def change(
    context: Context,
    session: Session,
    stock: Record,
    entry: Entry,
    amounts: Amounts,
    values: Record | None = None,
    without: Record | None = None,
) -> Record:
    """Change a stock that was read with the session; returns it as it is then, without its holds.

    `values` are set, `without` is the hold that ends. Raises ConflictError where it is not any more
    as it was read, which a transaction rules out; InvalidError above the most units.
    """
    if stock["on_hand"] + amounts.on_hand > MOST:
        raise InvalidError(f"there may be at most {MOST} units")
    now = datetime.now(UTC)
    update: Record = {
        "$inc": _increments(stock, amounts, values or {}),
        "$set": {"updated_at": now, **(values or {})},
    }
    if without is not None:
        update["$pull"] = {"held": {"key": without["key"]}}
    written = await stocks(context).update_one(
        {name: stock[name] for name in ("_id", "version", "on_hand", "reserved")},
        update,
        session=session,
    )
    if not written.modified_count:
        raise ConflictError("the stock changed at the same time; try again")
    after = {**stock, **update["$set"]}
    after |= {name: stock[name] + count for name, count in update["$inc"].items()}
    after.pop("held", None)
    await changes(context).insert_one(_line(context, after, entry, amounts, now), session=session)
    return after


async def fill(context: Context, session: Session, stock: Record) -> Record:
    """Give units that came in to those who bought them on backorder."""
    count = min(stock["owed"], stock["on_hand"])
    if count <= 0:
        return stock
    taken = Amounts(on_hand=-count, reserved=-count, owed=-count)
    return await change(context, session, stock, Entry(kind="FILLED"), taken)


async def read(context: Context, session: Session, variant: ObjectId) -> Record | None:
    return await stocks(context).find_one({"_id": variant}, session=session)


def _increments(stock: Record, amounts: Amounts, values: Record) -> dict[str, int]:
    available = amounts.on_hand - amounts.reserved
    raised = values.get("low_at", stock["low_at"]) - stock["low_at"]
    return {
        "on_hand": amounts.on_hand,
        "reserved": amounts.reserved,
        "owed": amounts.owed,
        "sellable": available + amounts.beyond,
        "above_low": available - raised,
        "version": 1,
    }


def _line(
    context: Context, after: Record, entry: Entry, amounts: Amounts, now: datetime
) -> dict[str, Any]:
    viewer = context.viewer
    return {
        "stock": after["_id"],
        "number": after["version"],
        "kind": entry.kind,
        "delta": amounts.on_hand,
        "backordered": entry.backordered,
        "reason": entry.reason,
        "note": entry.note,
        "reference": entry.reference,
        "who": viewer.user or viewer.role,
        "at": now,
        "on_hand": after["on_hand"],
        "reserved": after["reserved"],
    }


def stocks(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(StockDocument)


def changes(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(StockChangeDocument)
