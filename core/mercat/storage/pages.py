"""Pages of numbered documents: page 1,000 costs what page 1 costs, whatever the store.

Listed documents carry a `number`, given out at creation by a counter of their collection. A page is
read in windows of numbers, each a range of an index that ends on both sides: a store that fetches
everything in a range before it applies the limit, as SecantusDB does, then fetches no more than one
that stops early.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import Any

from beanie import Document
from pymongo import ASCENDING, DESCENDING, ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from mercat.errors import InvalidError
from mercat.storage import Record, Session, Storage

_FIRST_WINDOW = 1.25  # of a page: most numbers are in use, and SecantusDB reads every one
_GROWTH = 8
_FRESH_SECONDS = 1.0
_KEPT_SECONDS = 1.0
_MOST_AT_ONCE = 32
_MOST = 2**62
MOST = 100


class CounterDocument(Document):
    id: str  # type: ignore[assignment]
    value: int

    class Settings:
        name = "counters"


async def reserve_numbers(
    storage: Storage, name: str, count: int, session: Session | None = None
) -> range:
    """Give out `count` numbers that nobody else gets; those never used leave gaps."""
    counters = storage.collection(CounterDocument)
    while True:
        record = await counters.find_one_and_update(
            {"_id": name},
            {"$inc": {"value": count}},
            upsert=session is not None,
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        if record is not None:
            last: int = record["value"]
            return range(last - count + 1, last + 1)
        # Not by an upsert: of two at once SecantusDB may let one change nothing.
        with contextlib.suppress(DuplicateKeyError):
            await counters.insert_one({"_id": name, "value": 0})


class _Numbers:
    """A counter's numbers as one process gives them out."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._left = range(0)
        self._until = 0.0
        self._size = 1

    async def next(self, storage: Storage, name: str) -> int:
        async with self._turn:
            is_late = time.monotonic() >= self._until
            if is_late or not self._left:
                used = self._size - len(self._left)
                self._size = max(1, used) if is_late else min(2 * self._size, _MOST_AT_ONCE)
                self._left = await reserve_numbers(storage, name, self._size)
                self._until = time.monotonic() + _KEPT_SECONDS
            number, self._left = self._left[0], self._left[1:]
            return number


async def next_number(storage: Storage, name: str) -> int:
    """A number that nobody else gets.

    Where many are wanted a process takes some at once, as many as it gave out within the last
    second, so that numbers of several processes are in order but for a second. Those that nobody
    wants meanwhile leave a gap.
    """
    known: _Numbers = storage.numbers.setdefault(name, _Numbers())
    return await known.next(storage, name)


async def highest_number(storage: Storage, name: str) -> int:
    """The last number given out; 0 where there is none."""
    record = await storage.collection(CounterDocument).find_one({"_id": name})
    return record["value"] if record else 0


async def known_highest(storage: Storage, name: str) -> int:
    """The last number given out, as far as this process knew within the last second."""
    asked_at, highest = storage.highest_numbers.get(name, (-_FRESH_SECONDS, 0))
    now = time.monotonic()
    if now - asked_at >= _FRESH_SECONDS:
        highest = await highest_number(storage, name)
        storage.highest_numbers[name] = now, highest
    return highest


@dataclass(frozen=True, slots=True)
class PageRequest:
    """How many to read, from where, and in which direction; `cursor` is a number or None."""

    count: int
    cursor: int | None = None
    backward: bool = False

    @staticmethod
    def of(
        first: int | None, after: int | None, last: int | None, before: int | None
    ) -> "PageRequest":
        """Check Relay's paging arguments.

        Raises InvalidError unless exactly one of `first` and `last` is given, from 1 to 100, and
        `after` comes only with `first`, `before` only with `last`.
        """
        if (first is None) == (last is None):
            raise InvalidError("give either `first` or `last`")
        name, count = ("first", first) if first is not None else ("last", last)
        if count is None or not 1 <= count <= MOST:
            raise InvalidError(f"`{name}` must be from 1 to {MOST}")
        if first is not None and before is not None:
            raise InvalidError("`before` goes with `last`")
        if last is not None and after is not None:
            raise InvalidError("`after` goes with `first`")
        return PageRequest(count, after if first is not None else before, first is None)


@dataclass(frozen=True, slots=True)
class Page:
    """The records of one page in list order, and whether there are more on either side."""

    records: list[Record]
    has_next: bool
    has_previous: bool


async def find_page(
    collection: AsyncCollection[Record],
    condition: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    request: PageRequest,
    *,
    newest_first: bool,
    highest: int,
    projection: Mapping[str, Any] | None = None,
    rest: Mapping[str, Any] | None = None,
) -> Page:
    """Read one page of the documents that meet `condition`, listed by `number`.

    `condition` must be equalities that an index has before `number`; of several, of which no
    document may meet two, one is enough. `rest` is what no index is for. `highest` says where the
    numbers end as far as is known; higher ones are found all the same. `projection` must not leave
    `number` out. `has_previous` going forward, and `has_next` going backward, are true wherever a
    cursor was given: the cursor's own document is there.
    """
    conditions = [condition] if isinstance(condition, Mapping) else condition
    records: list[Record] = []
    downward = newest_first is not request.backward
    for bounds in _windows(request, downward=downward, highest=highest):
        wanted = request.count + 1 - len(records)
        order = DESCENDING if downward else ASCENDING
        reads = [
            _read({**one, "number": bounds}, rest, order, wanted, collection, projection)
            for one in conditions
        ]
        if len(reads) == 1:
            records += await reads[0]
        else:
            records += _merged(await asyncio.gather(*reads), downward=downward)[:wanted]
        if len(records) > request.count:
            break
    more = len(records) > request.count
    page = records[: request.count]
    if request.backward:
        page.reverse()
        return Page(page, has_next=request.cursor is not None, has_previous=more)
    return Page(page, has_next=more, has_previous=request.cursor is not None)


async def _read(
    indexed: Mapping[str, Any],
    rest: Mapping[str, Any] | None,
    order: int,
    count: int,
    collection: AsyncCollection[Record],
    projection: Mapping[str, Any] | None,
) -> list[Record]:
    """The documents nearest to the start of a window.

    What no index is for is a step of its own: otherwise SecantusDB reads all that the equalities
    find, whatever the window.
    """
    if not rest:
        found = collection.find(indexed, projection).sort("number", order).limit(count)
        return await found.to_list()
    steps: list[Record] = [
        {"$match": dict(indexed)},
        {"$match": dict(rest)},
        {"$sort": {"number": order}},
        {"$limit": count},
    ]
    if projection is not None:
        steps.append({"$project": dict(projection)})
    return await (await collection.aggregate(steps)).to_list()


def _merged(found: Sequence[list[Record]], *, downward: bool) -> list[Record]:
    """The records of sorted lists in one."""
    return sorted(chain.from_iterable(found), key=itemgetter("number"), reverse=downward)


def _windows(request: PageRequest, *, downward: bool, highest: int) -> Iterator[dict[str, int]]:
    """Ranges of numbers from the cursor on, each larger than the one before.

    The range at the top ends at the cursor or is open, so that numbers above `highest` are in it.
    """
    size = int(_FIRST_WINDOW * request.count) + 1
    edge = request.cursor
    if edge is not None:  # a client may have written the cursor itself, and any number into it
        edge = min(max(edge, 0), _MOST)
    if downward:
        high = highest if edge is None else edge - 1
        top = {} if edge is None else {"$lte": high}
        high = min(high, highest)
        while True:
            low = max(1, high - size + 1)
            yield {"$gte": low, **top}
            if low == 1:
                return
            high, top = low - 1, {"$lte": low - 1}
            size *= _GROWTH
    low = 1 if edge is None else edge + 1
    while low + size <= highest:
        yield {"$gte": low, "$lte": low + size - 1}
        low += size
        size *= _GROWTH
    yield {"$gte": low}
