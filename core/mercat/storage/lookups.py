"""Finding many documents by their keys."""

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection

from mercat.storage import Record

# SecantusDB compares each document that it finds with the whole list, so short lists are faster,
# but where nothing is found, long ones are.
_AT_ONCE = 50
_GROWTH = 4
_A_PAGE = 100  # is one call, however many of its rows there are


async def find_by(
    collection: AsyncCollection[Record],
    field: str,
    values: Collection[Any],
    projection: Mapping[str, Any] | None = None,
) -> AsyncIterator[Record]:
    """The documents whose `field`, which an index must have first, is one of `values`."""
    wanted = list(dict.fromkeys(values))
    start, size = 0, _A_PAGE if len(wanted) <= _A_PAGE else _AT_ONCE
    while start < len(wanted):
        chunk = wanted[start : start + size]
        start += size
        size *= _GROWTH
        async for record in collection.find({field: {"$in": chunk}}, projection):
            size = _AT_ONCE
            yield record
