"""What was held becomes sold, and what was sold comes back."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from mercat.context import Context
from mercat.errors import InvalidError, NotFoundError
from mercat.storage import Record, Session
from mercat_products.stock import feed, signals
from mercat_products.stock.documents import ReservationDocument
from mercat_products.stock.errors import OutOfStockError, Shortage
from mercat_products.stock.holds import Line, held_by
from mercat_products.stock.ledger import Amounts, Entry, change, changes, fill, in_transaction, read

_REMEMBERED = timedelta(days=90)


async def commit(context: Context, key: str, session: Session | None = None) -> tuple[Line, ...]:
    """Sell what was reserved under the key, all of it once; returns it.

    With a session it is part of the caller's transaction. What expired is sold all the same while
    there is enough. Raises OutOfStockError where there isn't, NotFoundError where nothing was
    reserved, or it was released or expired a week ago. Repeating within 90 days changes nothing.
    """

    async def work(session: Session) -> tuple[Line, ...]:
        return await _commit(context, key, session)

    lines = await in_transaction(context, session, work)
    if session is None:
        await feed.publish(context, [line.variant for line in lines])
    return lines


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

    await in_transaction(context, session, work)
    if session is None:
        await feed.publish(context, [line.variant for line in wanted])


async def _commit(context: Context, key: str, session: Session) -> tuple[Line, ...]:
    reservations = context.storage.collection(ReservationDocument)
    record = await reservations.find_one_and_update(
        {"_id": key, "state": "HELD"},
        {
            "$set": {"state": "COMMITTED", "forget_at": datetime.now(UTC) + _REMEMBERED},
            "$inc": {"attempt": 1},
        },
        session=session,
    )
    if record is None:
        done = await reservations.find_one({"_id": key, "state": "COMMITTED"}, session=session)
        if done is None:
            raise NotFoundError("nothing is reserved under this key")
        return _lines(done)
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
