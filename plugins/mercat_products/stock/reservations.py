"""Stock for checkouts: reserve, then commit or release. For the plugin that makes orders.

`key` is the cart's or the checkout's. Each variant is one conditional update; what a process leaves
half done when it is killed expires.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.errors import ConflictError, InvalidError, NotFoundError
from mercat.storage import Record
from mercat_products.stock import holds, signals
from mercat_products.stock.documents import MOST, ReservationDocument
from mercat_products.stock.errors import OutOfStockError, Shortage
from mercat_products.stock.holds import Line, Wanted, merged, stored
from mercat_products.stock.ledger import stocks
from mercat_products.stock.selling import commit, in_turn, restock

__all__ = ["Line", "Reservation", "commit", "extend", "in_turn", "release", "reserve", "restock"]

KEPT = timedelta(days=7)
"""For how long after it expired a reservation can still be committed, if stock remains."""

_MOST_LINES = 500
_LONGEST_KEY = 255


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is held, by variant, and until when; `is_counted` is false where nothing of it is."""

    key: str
    lines: tuple[Line, ...]
    expires_at: datetime
    is_counted: bool = True


async def reserve(context: Context, key: str, lines: Iterable[Line], ttl: timedelta) -> Reservation:
    """Hold all lines for `ttl`, or none; what isn't tracked is always there.

    Where nothing of it is tracked nothing is written.

    The same key again holds anew for `ttl`, with other lines those instead. Raises InvalidError,
    OutOfStockError, which leaves nothing held, and ConflictError where the key was committed, or
    is reserved or released by somebody else at the same time.
    """
    wanted = _checked(key, lines, ttl)
    expires_at = datetime.now(UTC) + ttl
    known = await _known(context, wanted)
    if not known and not await _reservations(context).find_one({"_id": key}, {"_id": 1}):
        return Reservation(key, wanted, expires_at, is_counted=False)
    attempt = await _begin(context, key, wanted, expires_at)
    try:
        after = await _hold_all(
            context, [Wanted(key, attempt, line, expires_at) for line in wanted], known
        )
    except (OutOfStockError, ConflictError):
        await _give_up(context, key, attempt)
        raise
    if attempt > 1:
        kept = [line.variant for line in wanted]
        after += await holds.end_of_key(context, key, attempt, but=kept)
    if not await _is_latest(context, key, attempt):
        after += await holds.end_of_key(context, key, attempt)
        await signals.tell_of_holds(context, after)
        raise ConflictError("the reservation changed at the same time; try again")
    await signals.tell_of_holds(context, after)
    return Reservation(key, wanted, expires_at)


async def extend(context: Context, key: str, ttl: timedelta) -> Reservation:
    """Hold what is reserved for `ttl` from now on; what was lost meanwhile is taken again.

    Raises NotFoundError where nothing is reserved, and what `reserve` raises.
    """
    record = await _reservations(context).find_one({"_id": key, "state": "HELD"})
    if record is None:
        raise NotFoundError("nothing is reserved under this key")
    lines = [Line(line["variant"], line["quantity"]) for line in record["lines"]]
    return await reserve(context, key, lines, ttl)


async def release(context: Context, key: str) -> None:
    """Give back what is held; nothing happens where nothing is, or where it was committed."""
    attempt = await _next_attempt(context, key, {"state": "RELEASED"})
    if attempt is not None:
        await signals.tell_of_holds(context, await holds.end_of_key(context, key, attempt))


async def expire(context: Context) -> None:
    """End the holds whose time is over, tell what is untold, and forget old reservations."""
    async for stock in holds.end_expired(context):
        await signals.tell_of_holds(context, [stock])
    for variant in await signals.untold(context):
        await signals.retell(context, variant)
    await _reservations(context).delete_many({"forget_at": {"$lt": datetime.now(UTC)}})


def _checked(key: str, lines: Iterable[Line], ttl: timedelta) -> tuple[Line, ...]:
    """The lines, merged. Raises InvalidError."""
    if not 0 < len(key) <= _LONGEST_KEY:
        raise InvalidError(f"a reservation's key has 1 to {_LONGEST_KEY} characters")
    if ttl <= timedelta():
        raise InvalidError("a reservation lasts longer than no time")
    given = list(lines)
    found = merged(given)
    if any(line.quantity < 1 for line in given) or any(line.quantity > MOST for line in found):
        raise InvalidError(f"a quantity is from 1 to {MOST}")
    if len(found) > _MOST_LINES:
        raise InvalidError(f"a reservation has at most {_MOST_LINES} lines")
    return found


async def _begin(context: Context, key: str, lines: tuple[Line, ...], expires_at: datetime) -> int:
    """Write down what is wanted before any of it is held; returns the number of the attempt."""
    values = {
        "state": "HELD",
        "lines": stored(lines),
        "expires_at": expires_at,
        "forget_at": expires_at + KEPT,
    }
    while True:
        try:
            await _reservations(context).insert_one({"_id": key, "attempt": 1, **values})
        except DuplicateKeyError:
            pass
        else:
            return 1
        attempt = await _next_attempt(context, key, values)
        if attempt is not None:
            return attempt
        if await _reservations(context).find_one({"_id": key}, {"_id": 1}):
            raise ConflictError("what was reserved under this key is sold")


async def _next_attempt(context: Context, key: str, values: Record) -> int | None:
    """Change a reservation; returns its attempt then, None where it is sold or not there.

    Read and then written on condition: SecantusDB's findAndModify reads every document there is.
    """
    wanted: Record = {"_id": key, "state": {"$ne": "COMMITTED"}}
    while (record := await _reservations(context).find_one(wanted, {"attempt": 1})) is not None:
        attempt: int = record["attempt"]
        written = await _reservations(context).update_one(
            {**wanted, "attempt": attempt}, {"$set": values, "$inc": {"attempt": 1}}
        )
        if written.modified_count:
            return attempt + 1
    return None


async def _hold_all(
    context: Context, wanted: list[Wanted], known: Mapping[ObjectId, Record]
) -> list[Record]:
    """Hold each, or learn everything that is missing. Raises OutOfStockError."""
    after: list[Record] = []
    shortages: list[Shortage] = []
    for one in wanted:
        stock = known.get(one.line.variant)
        if stock is None:  # it isn't tracked
            continue
        missing = holds.missing(context, one) if shortages else holds.hold(context, one, stock)
        found = await missing
        if isinstance(found, Shortage):
            shortages.append(found)
        elif found is not None:
            after.append(found)
    if shortages:
        raise OutOfStockError(shortages)
    return after


async def _known(context: Context, lines: Iterable[Line]) -> dict[ObjectId, Record]:
    """The stocks of what is wanted, where there are any."""
    keys = [line.variant for line in lines]
    return {stock["_id"]: stock async for stock in stocks(context).find({"_id": {"$in": keys}})}


async def _give_up(context: Context, key: str, attempt: int) -> None:
    await _reservations(context).update_one(
        {"_id": key, "state": "HELD", "attempt": attempt}, {"$set": {"state": "RELEASED"}}
    )
    await signals.tell_of_holds(context, await holds.end_of_key(context, key, attempt))


async def _is_latest(context: Context, key: str, attempt: int) -> bool:
    found = await _reservations(context).find_one({"_id": key, "attempt": attempt}, {"_id": 1})
    return found is not None


def _reservations(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(ReservationDocument)
