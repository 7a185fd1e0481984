"""What was held becomes sold, and what was sold comes back."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection

from mercat.context import Context
from mercat.errors import InvalidError, NotFoundError
from mercat.storage import Record, Session
from mercat_products.stock import feed, signals
from mercat_products.stock.documents import ReservationDocument
from mercat_products.stock.errors import OutOfStockError, Shortage
from mercat_products.stock.holds import Line, held_by, merged, stored
from mercat_products.stock.ledger import Amounts, Entry, change, changes, fill, read, stocks
from mercat_products.stock.turns import in_transaction

T = TypeVar("T")

_REMEMBERED = timedelta(days=90)


async def commit(
    context: Context,
    key: str,
    session: Session | None = None,
    lines: Iterable[Line] | None = None,
) -> tuple[Line, ...]:
    """Sell what was reserved under the key, all of it once; returns it.

    With a session it is part of the caller's transaction, which `in_turn` runs. A caller says which
    `lines` it wanted reserved: nothing is, where none of them was counted. What expired is sold all
    the same while there is enough. Raises OutOfStockError where there isn't, ConflictError where
    too many are at it, NotFoundError where nothing was reserved, or it was released or expired a
    week ago. Repeating within 90 days changes nothing.
    """
    if session is not None:
        return await _commit(context, key, session, lines)
    if lines is None:
        record = await _reservations(context).find_one({"_id": key})
        lines = _lines(record) if record else ()
    wanted = tuple(lines)

    async def work(session: Session) -> tuple[Line, ...]:
        return await _commit(context, key, session, wanted)

    return await in_turn(context, wanted, work)


async def in_turn(
    context: Context, lines: Iterable[Line], work: Callable[[Session], Awaitable[T]]
) -> T:
    """Run `work` in a transaction when it is the turn of the stocks of these lines.

    For `work` that commits them, and does more: many buyers of the same would be in each other's
    way. Raises what `work` does, and ConflictError, with nothing changed, where it takes too long.
    """
    variants = [line.variant for line in lines]
    result = await in_transaction(context, variants, work)
    await feed.publish(context, variants)
    return result


async def restock(
    context: Context, key: str, lines: Iterable[Line], session: Session | None = None
) -> None:
    """Put sold units back, as of a return or a cancelled order; once for each key.

    Raises InvalidError for a quantity below 1.
    """
    wanted = sorted(lines, key=lambda line: line.variant)
    if any(line.quantity < 1 for line in wanted):
        raise InvalidError("a quantity is 1 or more")

    async def work(session: Session) -> None:
        if await _is_restocked(context, key, session):
            return
        found = [await _put_back(context, session, key, line) for line in wanted]
        await signals.tell(context, session, [stock for stock in found if stock is not None])

    if session is not None:
        return await work(session)
    variants = [line.variant for line in wanted]
    await in_transaction(context, variants, work)
    return await feed.publish(context, variants)


async def _commit(
    context: Context, key: str, session: Session, lines: Iterable[Line] | None
) -> tuple[Line, ...]:
    given = merged(lines or ())
    known = await _known(context, session, given)
    if given and not known:
        return given
    if known and await _closed(context, session, {"_id": key, "lines": stored(given)}):
        await _sell_all(context, session, key, given, known)
        return given
    record = await _reservations(context).find_one({"_id": key}, session=session)
    if record is None and given:  # nothing of it was counted then
        await _reservations(context).insert_one(_sold(key, given), session=session)
        await _sell_all(context, session, key, given, known)
        return given
    if record is None or record["state"] == "RELEASED":
        raise NotFoundError("nothing is reserved under this key")
    reserved = _lines(record)
    if record["state"] != "COMMITTED":
        await _closed(context, session, {"_id": key})
        known = await _known(context, session, reserved)
        await _sell_all(context, session, key, reserved, known)
    return reserved


async def _known(
    context: Context, session: Session, lines: Iterable[Line]
) -> dict[ObjectId, Record]:
    """The stocks of these lines, where there are any."""
    keys = [line.variant for line in lines]
    if not keys:
        return {}
    found = stocks(context).find({"_id": {"$in": keys}}, session=session)
    return {stock["_id"]: stock async for stock in found}


async def _closed(context: Context, session: Session, wanted: Record) -> bool:
    """Have what is held be sold; false where that isn't what is held."""
    values = {"state": "COMMITTED", "forget_at": datetime.now(UTC) + _REMEMBERED}
    closed = await _reservations(context).update_one(
        {**wanted, "state": "HELD"}, {"$set": values, "$inc": {"attempt": 1}}, session=session
    )
    return bool(closed.modified_count)


def _sold(key: str, lines: Iterable[Line]) -> Record:
    """A reservation as it is written where none was."""
    now = datetime.now(UTC)
    return {
        "_id": key,
        "state": "COMMITTED",
        "attempt": 1,
        "lines": stored(lines),
        "expires_at": now,
        "forget_at": now + _REMEMBERED,
    }


def _reservations(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(ReservationDocument)


def _lines(record: Record) -> tuple[Line, ...]:
    return tuple(Line(line["variant"], line["quantity"]) for line in record["lines"])


async def _sell_all(
    context: Context,
    session: Session,
    key: str,
    lines: Iterable[Line],
    known: Mapping[ObjectId, Record],
) -> None:
    sold: list[Record] = []
    shortages: list[Shortage] = []
    for line in lines:
        if line.variant not in known:
            continue
        found = await _sell(context, session, key, line, known[line.variant])
        if isinstance(found, Shortage):
            shortages.append(found)
        else:
            sold.append(found)
    if shortages:
        raise OutOfStockError(shortages)
    await signals.tell(context, session, sold)


async def _sell(
    context: Context, session: Session, key: str, line: Line, stock: Record
) -> Record | Shortage:
    """Sell what is held, or what is left where the hold is gone."""
    mine = held_by(stock, key)
    more = line.quantity - (mine["quantity"] if mine else 0)
    if more > stock["sellable"]:
        available = line.quantity - more + stock["sellable"]
        return Shortage(line.variant, stock["sku"], line.quantity, max(0, available))
    there = min(line.quantity, stock["on_hand"])
    owed = line.quantity - there
    entry = Entry(kind="SOLD", reference=key, backordered=owed)
    amounts = Amounts(on_hand=-there, reserved=more - there, owed=owed)
    return await change(context, session, stock, entry, amounts, without=mine)


async def _put_back(context: Context, session: Session, key: str, line: Line) -> Record | None:
    stock = await read(context, session, line.variant)
    if stock is None:
        return None
    entry = Entry(kind="RESTOCKED", reference=key)
    after = await change(context, session, stock, entry, Amounts(on_hand=line.quantity))
    return await fill(context, session, after)


async def _is_restocked(context: Context, key: str, session: Session) -> bool:
    done = {"reference": key, "kind": "RESTOCKED"}
    return await changes(context).find_one(done, {"_id": 1}, session=session) is not None
