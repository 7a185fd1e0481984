"""Following the orders that are placed: each of them, once, whatever was committed when.

Numbers are given out before orders are placed, and `placed_at` is set by some process's clock in a
transaction that is committed later. So whoever follows looks again and again at all that was placed
within the last minute, and remembers what of it was told: the place in the stream is both, and
goes on exactly there.
"""

import contextlib
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from mercat.context import Context
from mercat.storage import Record
from mercat_orders.orders.access import orders
from mercat_orders.orders.reading import check_sells
from mercat_orders.orders.streams import feed

LATE = timedelta(seconds=60)
"""How long after its `placed_at` an order may come up: a transaction has 20 s, clocks differ."""

_TICK = timedelta(milliseconds=1)  # what MongoDB knows of time
_ROWS = 100
_ROW = {"number": 1, "placed_at": 1}


@dataclass(slots=True)
class Place:
    """How far somebody is: all is told that was placed until `since`, and `told` of the rest.

    `told` has the orders' numbers. Of the order `half[0]` as many parts were told as `half[1]`.
    """

    since: datetime
    told: dict[int, datetime] = field(default_factory=dict)
    half: tuple[int, int] | None = None

    @classmethod
    def of(
        cls, since: datetime, numbers: Iterable[int], half: tuple[int, int] | None = None
    ) -> "Place":
        """A place that somebody was at; when those orders were placed is learned again."""
        return cls(since, dict.fromkeys(numbers, datetime.now(UTC)), half)

    def parts_told(self, number: int) -> int:
        return self.half[1] if self.half is not None and self.half[0] == number else 0

    def tell(self, number: int, placed_at: datetime) -> None:
        """All of an order is told."""
        self.told[number] = placed_at
        self.half = None

    def pass_by(self, moment: datetime) -> None:
        """Nothing comes up any more that was placed until then."""
        if moment > self.since:
            self.since = moment
            self.told = {number: at for number, at in self.told.items() if at > moment}


async def start(context: Context) -> tuple[str | None, Place]:
    """Whose parts the viewer follows, all with None, and the place where it begins now.

    Raises UnauthenticatedError, ForbiddenError.
    """
    seller = await check_sells(context, None)
    place = Place(datetime.now(UTC) - LATE)
    async for rows in _rows(context, seller, place.since):
        place.told |= {row["number"]: row["placed_at"] for row in rows}
    return seller, place


async def placings(
    context: Context, seller: str | None, place: Place
) -> AsyncGenerator[tuple[Record, Record], None]:
    """Each order that is placed from there on with a seller's part of it, all parts with None.

    `place` goes along. Whether the viewer may see them is asked anew at each.
    """
    about = feed.PLACED if seller is None else feed.of_seller(seller)
    async with contextlib.aclosing(feed.follow(context, about)) as moments:
        async for _ in moments:
            async with contextlib.aclosing(_news(context, seller, place)) as news:
                async for record, part in news:
                    await check_sells(context, seller)
                    yield record, part


async def _news(
    context: Context, seller: str | None, place: Place
) -> AsyncGenerator[tuple[Record, Record], None]:
    settled = datetime.now(UTC) - LATE
    async for rows in _rows(context, seller, place.since):
        known = {row["number"]: row["placed_at"] for row in rows if row["number"] in place.told}
        place.told |= known
        for record in await _records(context, [row for row in rows if row["number"] not in known]):
            for part in _told(place, record, seller):
                yield record, part
            place.pass_by(min(record["placed_at"] - _TICK, settled))
    place.pass_by(settled)


def _told(place: Place, record: Record, seller: str | None) -> Iterator[Record]:
    """The parts of an order that are still to be told, each once the place is behind it."""
    number = record["number"]
    wanted = [part for part in record["seller_orders"] if seller in (None, part["seller"])]
    for at in range(place.parts_told(number), len(wanted)):
        if at + 1 == len(wanted):
            place.tell(number, record["placed_at"])
        else:
            place.half = number, at + 1
        yield wanted[at]


async def _rows(
    context: Context, seller: str | None, since: datetime
) -> AsyncGenerator[list[Record], None]:
    """What was placed after a moment, the first first, some at a time."""
    whose: dict[str, Any] = {} if seller is None else {"seller_orders.seller": seller}
    while True:
        found = orders(context).find({"placed_at": {"$gt": since}, **whose}, _ROW)
        rows = await found.sort([("placed_at", 1), ("number", 1)]).limit(_ROWS).to_list()
        yield rows
        if len(rows) < _ROWS:
            return
        since = max(since + _TICK, rows[-1]["placed_at"] - _TICK)  # there may be more of that time


async def _records(context: Context, rows: Sequence[Record]) -> list[Record]:
    """The orders of these rows, in order."""
    if not rows:
        return []
    keys = [row["_id"] for row in rows]
    found = {one["_id"]: one async for one in orders(context).find({"_id": {"$in": keys}})}
    return [found[key] for key in keys if key in found]
