"""Pages of orders and of their parts, the newest first."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mercat.context import Context
from mercat.storage import Record
from mercat.storage.pages import Page, PageRequest, known_highest
from mercat_orders.checkout.beginning import NUMBERS
from mercat_orders.orders.access import orders
from mercat_orders.orders.sight import PLACED

PLACES = 512
"""More than there are sellers in an order: each of its parts has a number of its own."""

_FIRST_WINDOW = 2  # times a page: most numbers are orders
_GROWTH = 8
_MOST = 2**53


@dataclass(frozen=True, slots=True)
class Condition:
    """Which orders are listed: by what an index has before `number`, and by the rest."""

    indexed: Mapping[str, Any] = field(default_factory=dict)
    rest: Mapping[str, Any] = field(default_factory=dict)

    @property
    def whole(self) -> dict[str, Any]:
        return {**self.indexed, **PLACED, **self.rest}


Entries = Callable[[Record], Sequence[Record]]
"""What a stored order becomes in a list, the highest `number` first."""


def whole(record: Record) -> Sequence[Record]:
    return [record]


def parts_where(keep: Callable[[Record], bool]) -> Entries:
    """Parts with their orders, as entries that have `part` and `order`."""

    def entries(record: Record) -> Sequence[Record]:
        return [
            {"number": slot_of(record, at), "part": part, "order": record}
            for at, part in enumerate(record["seller_orders"])
            if keep(part)
        ]

    return entries


def slot_of(record: Record, at: int) -> int:
    """The number of a part, by its place in the order; the first has the highest."""
    return int(record["number"]) * PLACES + PLACES - 1 - at


async def order_entries(
    context: Context,
    wanted: Condition,
    request: PageRequest,
    entries: Entries,
    *,
    places: int = 1,
    keys: frozenset[str] | None = None,
) -> Page:
    """A page of what the orders become that meet a condition; those have these keys or all.

    Read in windows of numbers, as `mercat.storage.pages` does, and by an aggregation of two steps:
    SecantusDB reads every order of a seller where a step asks for more than the index has.
    """
    found: list[Record] = []
    highest = await known_highest(context.storage, NUMBERS)
    for bounds in _windows(request, places, highest):
        count = request.count + 2 - len(found)  # nothing may be left of the cursor's own order
        records = await _read(context, wanted, bounds, request, count, keys)
        read = [one for record in records for one in _beyond(record, entries, request)]
        found = [*read, *found] if request.backward else [*found, *read]
        if len(found) > request.count:
            break
    return _page(found, request)


async def _read(
    context: Context,
    wanted: Condition,
    bounds: Mapping[str, int],
    request: PageRequest,
    count: int,
    keys: frozenset[str] | None,
) -> list[Record]:
    """The orders nearest to the cursor in a window, the newest first."""
    steps: list[Record] = [
        {"$match": {**wanted.indexed, "number": dict(bounds)}},
        {"$match": {**PLACED, **wanted.rest}},
        {"$sort": {"number": 1 if request.backward else -1}},
        {"$limit": count},
    ]
    if keys is not None:
        steps.append({"$project": dict.fromkeys((*keys, "number"), 1)})
    records = await (await orders(context).aggregate(steps)).to_list()
    return records[::-1] if request.backward else records


def _windows(request: PageRequest, places: int, highest: int) -> Iterator[Mapping[str, int]]:
    """Ranges of orders' numbers from the cursor's own on, each larger than the one before."""
    size = _FIRST_WINDOW * request.count
    edge = None if request.cursor is None else min(request.cursor // places, _MOST)
    if request.backward:
        low = 1 if edge is None else edge
        while low + size <= highest:
            yield {"$gte": low, "$lt": low + size}
            low, size = low + size, size * _GROWTH
        yield {"$gte": low}
        return
    top = {} if edge is None else {"$lte": edge}
    high = highest if edge is None else min(edge, highest)
    while high - size > 0:
        yield {"$gt": high - size, **top}
        high, size = high - size, size * _GROWTH
        top = {"$lte": high}
    yield {"$gte": 1, **top}


def _beyond(record: Record, entries: Entries, request: PageRequest) -> Sequence[Record]:
    """What an order becomes, without what is on this side of the cursor."""
    cursor, found = request.cursor, entries(record)
    if cursor is None:
        return found
    if request.backward:
        return [one for one in found if one["number"] > cursor]
    return [one for one in found if one["number"] < cursor]


def _page(found: list[Record], request: PageRequest) -> Page:
    more, given = len(found) > request.count, request.cursor is not None
    if request.backward:
        return Page(found[-request.count :], has_next=given, has_previous=more)
    return Page(found[: request.count], has_next=more, has_previous=given)
