"""Units held inside their stock's document, each change one conditional update of it."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

from mercat.context import Context
from mercat.errors import ConflictError
from mercat.storage import Record
from mercat_products.stock.errors import Shortage
from mercat_products.stock.ledger import stocks
from mercat_products.stock.turns import turn

_AT_ONCE = 50  # of the holds that one update ends
_FIGURES = {"held": 0}


@dataclass(frozen=True, slots=True)
class Line:
    """So many units of a variant."""

    variant: ObjectId
    quantity: int


def merged(lines: Iterable[Line]) -> tuple[Line, ...]:
    """The lines in the order in which every checkout takes them, each variant once."""
    counts: dict[ObjectId, int] = {}
    for line in lines:
        counts[line.variant] = counts.get(line.variant, 0) + line.quantity
    return tuple(Line(variant, counts[variant]) for variant in sorted(counts))


def stored(lines: Iterable[Line]) -> list[Record]:
    """Lines as a reservation has them."""
    return [{"variant": line.variant, "quantity": line.quantity} for line in lines]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A line that one attempt of a checkout wants held until then."""

    key: str
    attempt: int
    line: Line
    expires_at: datetime


async def hold(context: Context, wanted: Wanted, stock: Record) -> Record | Shortage | None:
    """Hold a line; returns the stock after it, what is missing, or None where it isn't tracked.

    `stock` is as it was read: where there is plenty of it, it is returned as it is. Holds of others
    that expired end first where they are in the way. Raises ConflictError where a later attempt
    with the key holds some already, or too many want to hold the same.
    """
    plenty = _plenty(stock, wanted)
    async with turn(context, [wanted.line.variant]):
        if plenty is not None:
            held = await stocks(context).update_one(*_taking(wanted, plenty))
            if held.modified_count:
                return stock
        return await _hold(context, wanted)


def _plenty(stock: Record, wanted: Wanted) -> Record | None:
    """The condition under which nobody has to be told of the hold; None where that can't be."""
    quantity = wanted.line.quantity
    if stock["sellable"] <= quantity or held_by(stock, wanted.key) is not None:
        return None
    above = {"$lte": 0} if stock["low"] else {"$gt": quantity}
    return {
        "shown": True,
        "sellable": {"$gt": quantity},
        "low": stock["low"],
        "above_low": above,
    }


async def _hold(context: Context, wanted: Wanted) -> Record | Shortage | None:
    after = await _take(context, wanted)
    while after is None:
        stock = await stocks(context).find_one({"_id": wanted.line.variant})
        if stock is None:
            return None
        mine = held_by(stock, wanted.key)
        if mine is not None and mine["attempt"] > wanted.attempt:
            raise ConflictError("the reservation changed at the same time; try again")
        more = wanted.line.quantity - (mine["quantity"] if mine else 0)
        if more > 0 and stock["sellable"] < more:
            expired = _expired(stock, but=wanted.key)
            if not expired:
                return _shortage(stock, wanted.line, mine)
            await end(context, stock["_id"], expired)
        after = await (_take(context, wanted) if mine is None else _renew(context, wanted, mine))
    return after


async def missing(context: Context, wanted: Wanted) -> Shortage | None:
    """What would be missing of a line, without holding any."""
    stock = await stocks(context).find_one({"_id": wanted.line.variant})
    if stock is None:
        return None
    free = sum(found["quantity"] for found in _expired(stock, but=wanted.key))
    found = _shortage(stock, wanted.line, held_by(stock, wanted.key), free)
    return found if found.available < found.wanted else None


async def end(context: Context, variant: ObjectId, ended: Sequence[Record]) -> Record | None:
    """Give back units held, if all those holds are still there as they were read."""
    after = None
    for start in range(0, len(ended), _AT_ONCE):
        some = ended[start : start + _AT_ONCE]
        count = sum(found["quantity"] for found in some)
        changed = await _changed(
            context,
            {"_id": variant, "held": {"$all": [{"$elemMatch": found} for found in some]}},
            {
                "$pull": {"held": {"key": {"$in": [found["key"] for found in some]}}},
                "$inc": {"reserved": -count, "sellable": count, "above_low": count},
            },
        )
        after = changed or after
    return after


async def end_of_key(
    context: Context, key: str, attempt: int, but: Sequence[ObjectId] = ()
) -> list[Record]:
    """End what attempts up to this one hold, except of some variants; returns the stocks then."""
    changed: list[Record] = []
    async for stock in stocks(context).find({"held.key": key}):
        mine = held_by(stock, key)
        if mine is None or mine["attempt"] > attempt or stock["_id"] in but:
            continue
        after = await end(context, stock["_id"], [mine])
        if after is not None:
            changed.append(after)
    return changed


async def end_expired(context: Context) -> AsyncIterator[Record]:
    """End every hold whose time is over; yields the stocks after it."""
    now = datetime.now(UTC)
    found = stocks(context).find({"held.expires_at": {"$lte": now}}, {"held": 1})
    for stock in await found.to_list():
        after = await end(context, stock["_id"], _expired(stock))
        if after is not None:
            yield after


def held_by(stock: Record, key: str) -> Record | None:
    """What a key holds of a stock."""
    return next((found for found in stock["held"] if found["key"] == key), None)


async def _take(context: Context, wanted: Wanted) -> Record | None:
    """Hold a line of which the key holds nothing yet."""
    return await _changed(context, *_taking(wanted, {"sellable": {"$gte": wanted.line.quantity}}))


def _taking(wanted: Wanted, condition: Record) -> tuple[Record, Record]:
    """What to find, under that condition, and the update that holds it."""
    quantity = wanted.line.quantity
    new = {
        "key": wanted.key,
        "quantity": quantity,
        "attempt": wanted.attempt,
        "expires_at": wanted.expires_at,
    }
    found = {"_id": wanted.line.variant, "held.key": {"$ne": wanted.key}, **condition}
    return found, {"$push": {"held": new}, "$inc": _moved(quantity)}


async def _renew(context: Context, wanted: Wanted, mine: Record) -> Record | None:
    """Change what the key holds already."""
    more = wanted.line.quantity - mine["quantity"]
    same = {"key": wanted.key, "quantity": mine["quantity"], "attempt": mine["attempt"]}
    condition: dict[str, Any] = {"_id": wanted.line.variant, "held": {"$elemMatch": same}}
    if more > 0:
        condition["sellable"] = {"$gte": more}
    return await _changed(
        context,
        condition,
        {
            "$set": {
                "held.$[mine].quantity": wanted.line.quantity,
                "held.$[mine].attempt": wanted.attempt,
                "held.$[mine].expires_at": wanted.expires_at,
            },
            "$inc": _moved(more),
        },
        array_filters=[{"mine.key": wanted.key}],
    )


async def _changed(
    context: Context, condition: Record, update: Record, **more: Any
) -> Record | None:
    """The stock after a conditional update, or after what came next; None where it didn't hold.

    Not by findAndModify, for which SecantusDB reads every stock there is.
    """
    written = await stocks(context).update_one(condition, update, **more)
    if not written.matched_count:  # where its reply was lost, it changed nothing the second time
        return None
    return await stocks(context).find_one({"_id": condition["_id"]}, _FIGURES)


def _moved(count: int) -> dict[str, int]:
    return {"reserved": count, "sellable": -count, "above_low": -count}


def _expired(stock: Record, but: str | None = None) -> list[Record]:
    now = datetime.now(UTC)
    return [found for found in stock["held"] if found["expires_at"] <= now and found["key"] != but]


def _shortage(stock: Record, line: Line, mine: Record | None, free: int = 0) -> Shortage:
    available = max(0, stock["sellable"] + (mine["quantity"] if mine else 0) + free)
    return Shortage(line.variant, stock["sku"], line.quantity, available)
