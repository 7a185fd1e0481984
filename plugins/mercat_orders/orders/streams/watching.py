"""Following an order: every entry of its timeline, in order, each once."""

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from bson import ObjectId

from mercat.context import Context
from mercat.errors import NotFoundError
from mercat.storage import Record
from mercat_orders.orders.access import orders
from mercat_orders.orders.sight import Sight, is_about, sees_entry, sight_of
from mercat_orders.orders.streams import feed


@dataclass(frozen=True, slots=True)
class Followed:
    """An order by its key, or with `is_part` a seller's part of one by that part's key."""

    key: ObjectId
    is_part: bool = False
    secret: str | None = None

    @property
    def condition(self) -> Record:
        return {"seller_orders.id" if self.is_part else "_id": self.key}

    def seller_in(self, record: Record) -> str | None:
        """Whose part it is."""
        keys = {part["id"]: part["seller"] for part in record["seller_orders"]}
        seller: str | None = keys[self.key]
        return seller


async def followed(context: Context, wanted: Followed) -> Record:
    """What is followed, as it is stored. Raises NotFoundError where the viewer may not see it."""
    record: Record | None = await orders(context).find_one(wanted.condition)
    if record is None:
        raise _missing()
    await _sight(context, record, wanted)
    return record


async def entries_after(
    context: Context, wanted: Followed, key: ObjectId, last: int
) -> AsyncGenerator[tuple[Record, Sight, Record], None]:
    """The entries after that number, as they come: each with its order, and as whom it is seen.

    Whether it may be seen is asked anew at each. Raises NotFoundError once it may not.
    """
    async with contextlib.aclosing(feed.follow(context, str(key))) as moments:
        async for _ in moments:
            for record, entry in await _news(context, key, last):
                sight = await _sight(context, record, wanted)
                last = entry["number"]
                if _is_shown(wanted, sight, entry):
                    yield record, sight, entry


async def _news(context: Context, key: ObjectId, last: int) -> list[tuple[Record, Record]]:
    """What came after that number; nothing is read of an order where nothing did."""
    condition: dict[str, Any] = {"_id": key, f"timeline.{last}": {"$exists": True}}
    record: Record | None = await orders(context).find_one(condition)
    return [] if record is None else [(record, entry) for entry in record["timeline"][last:]]


async def _sight(context: Context, record: Record, wanted: Followed) -> Sight:
    sight = await sight_of(context, record, wanted.secret)
    if sight is None:
        raise _missing()
    if sight.is_whole:
        return sight
    if not wanted.is_part or wanted.seller_in(record) != sight.seller:
        raise _missing()
    return sight


def _is_shown(wanted: Followed, sight: Sight, entry: Record) -> bool:
    if wanted.is_part and not is_about(entry, wanted.key):
        return False
    return sees_entry(sight, entry)


def _missing() -> NotFoundError:
    return NotFoundError("there is no such order", field=("id",))
