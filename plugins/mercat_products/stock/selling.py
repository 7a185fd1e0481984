"""What was held becomes sold, and what was sold comes back."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from mercat.context import Context
from mercat.errors import InvalidError, NotFoundError
from mercat.storage import Record, Session
from mercat_products.stock import feed, signals
from mercat_products.stock.documents import ReservationDocument
from mercat_products.stock.errors import OutOfStockError, Shortage
from mercat_products.stock.holds import Line, held_by
from mercat_products.stock.ledger import Amounts, Entry, change, changes, fill, read
from mercat_products.stock.turns import in_transaction

T = TypeVar("T")

_REMEMBERED = timedelta(days=90)


async def commit(context: Context, key: str, session: Session | None = None) -> tuple[Line, ...]:
    """Sell what was reserved under the key, all of it once; returns it.

    With a session it is part of the caller's transaction, which `in_turn` runs. What expired is
    sold all the same while there is enough. Raises OutOfStockError where there isn't, ConflictError
    where too many are at it, NotFoundError where nothing was reserved, or it was released or
    expired a week ago. Repeating within 90 days changes nothing.
    """

    async def work(session: Session) -> tuple[Line, ...]:
        return await _commit(context, key, session)

    return await (in_turn(context, key, work) if session is None else work(session))


async def in_turn(context: Context, key: str, work: Callable[[Session], Awaitable[T]]) -> T:
    """Run `work` in a transaction when it is the turn of the stocks reserved under the key.

    For `work` that commits them, and does more: many buyers of the same would be in each other's
    way. Raises what `work` does, and ConflictError, with nothing changed, where it takes too long.
    """
    record = await context.storage.collection(ReservationDocument).find_one({"_id": key})
    variants = [line.variant for line in _lines(record)] if record else []
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


async def _commit(context: Context, key: str, session: Session) -> tuple[Line, ...]:
    reservations = context.storage.collection(ReservationDocument)
    record = await reservations.find_one({"_id": key}, session=session)
    if record is None or record["state"] == "RELEASED":
        raise NotFoundError("nothing is reserved under this key")
    if record["state"] == "COMMITTED":
        return _lines(record)
    await reservations.update_one(
        {"_id": key},
        {
            "$set": {"state": "COMMITTED", "forget_at": datetime.now(UTC) + _REMEMBERED},
            "$inc": {"attempt": 1},
        },
        session=session,
    )
    await _sell_all(context, session, key, _lines(record))
    return _lines(record)


def _lines(record: Record) -> tuple[Line, ...]:
    return tuple(Line(line["variant"], line["quantity"]) for line in record["lines"])


async def _sell_all(context: Context, session: Session, key: str, lines: Iterable[Line]) -> None:
    sold: list[Record] = []
    shortages: list[Shortage] = []
    for line in lines:
        found = await _sell(context, session, key, line)
        if isinstance(found, Shortage):
            shortages.append(found)
        elif found is not None:
            sold.append(found)
    if shortages:
        raise OutOfStockError(shortages)
    await signals.tell(context, session, sold)


async def _sell(
    context: Context, session: Session, key: str, line: Line
) -> Record | Shortage | None:
    """Sell what is held, or what is left where the hold is gone; None where it isn't tracked."""
    stock = await read(context, session, line.variant)
    if stock is None:
        return None
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
