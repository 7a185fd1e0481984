"""How many products each category lists: stored with it, and kept in memory while they hold."""

import time
from collections.abc import Sequence
from typing import NamedTuple

from bson import ObjectId

from mercat.context import Context
from mercat.storage import Record
from mercat.storage.changes import Change
from mercat.storage.lookups import find_by
from mercat_categories.changing import counts

_FRESH_SECONDS = 0.8
_MANY = 500


class Counts(NamedTuple):
    """Active products: those that were put in it, and those in it or below it."""

    direct: int = 0
    total: int = 0


class CountMemory:
    """The counts that one engine knows."""

    def __init__(self) -> None:
        self._known: dict[ObjectId, Counts] = {}
        self._spoilt: list[set[ObjectId | None]] = []  # during each reading

    def spoil(self, changes: Sequence[Change]) -> None:
        """Forget what was changed."""
        keys = {change.key for change in changes}
        for spoilt in self._spoilt:
            spoilt.update(keys)
        if None in keys:
            self._known.clear()
        for key in keys:
            self._known.pop(key, None)

    def forget(self) -> None:
        """Forget all, for a caller who knows that it changed before he is told."""
        self._known.clear()
        for spoilt in self._spoilt:
            spoilt.add(None)

    async def counts(self, context: Context, keys: Sequence[ObjectId]) -> dict[ObjectId, Counts]:
        """The counts of each category; asked of the database unless changes are told in time."""
        if context.engine.changes.told_until < time.monotonic() - _FRESH_SECONDS:
            return await _read(context, keys)
        missing = [key for key in keys if key not in self._known]
        read: dict[ObjectId, Counts] = {}
        if missing:
            spoilt: set[ObjectId | None] = set()
            self._spoilt.append(spoilt)
            try:
                read = await _read(context, missing)
            finally:
                self._spoilt.remove(spoilt)
            if None not in spoilt:
                self._known |= {key: read[key] for key in read.keys() - spoilt}
        none = Counts()
        return {key: read.get(key) or self._known.get(key, none) for key in keys}


async def _read(context: Context, keys: Sequence[ObjectId]) -> dict[ObjectId, Counts]:
    if len(keys) > _MANY:
        found = await counts(context).find({}).to_list()
        return {record["_id"]: _counts(record) for record in found}
    return {
        record["_id"]: _counts(record) async for record in find_by(counts(context), "_id", keys)
    }


def _counts(record: Record) -> Counts:
    return Counts(record["direct"], record["total"])


def count_memory_of(context: Context) -> CountMemory:
    """The counts that the context's engine knows."""
    return context.engine.own(CountMemory)


async def product_counts(context: Context, keys: Sequence[ObjectId]) -> dict[ObjectId, Counts]:
    """How many active products each category lists."""
    found = await count_memory_of(context).counts(context, keys)
    return {key: found.get(key, Counts()) for key in keys}
