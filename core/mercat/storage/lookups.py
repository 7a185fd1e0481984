"""Finding many documents by their keys."""

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection

from mercat.storage import Record

# SecantusDB compares each document that it finds with the whole list, so short lists are faster.
_AT_ONCE = 50


async def find_by(
    collection: AsyncCollection[Record],
    field: str,
    values: Collection[Any],
    projection: Mapping[str, Any] | None = None,
) -> AsyncIterator[Record]:
    """The documents whose `field`, which an index must have first, is one of `values`."""
    wanted = list(dict.fromkeys(values))
    for start in range(0, len(wanted), _AT_ONCE):
        chunk = wanted[start : start + _AT_ONCE]
        async for record in collection.find({field: {"$in": chunk}}, projection):
            yield record
