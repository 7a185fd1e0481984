"""What is set up, in the memory of this process, and how it stays as fresh as the database."""

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from beanie import Document
from pymongo.asynchronous.collection import AsyncCollection

from mercat.context import Context
from mercat.storage import Record
from mercat.storage.changes import Change

T = TypeVar("T")

_FRESH_SECONDS = 0.8


class Kept(Generic[T]):
    """One engine's things of a kind: those of engine.toml, and those stored beside them.

    `noun` is what people call one, `read` makes one of its record, `fixed` are those of engine.toml
    by their keys. No stored one has such a key, unless engine.toml got it later; then that holds.
    """

    def __init__(
        self,
        document: type[Document],
        noun: str,
        read: Callable[[Record], T],
        fixed: Mapping[str, T],
    ) -> None:
        self.document = document
        self.noun = noun
        self.fixed = fixed
        self._read = read
        self._known: tuple[T, ...] = ()
        self._read_at = -math.inf
        self._spoilings = 1
        self._heeded = 0  # of them, by what is known
        self._loading = asyncio.Lock()

    def listen(self, context: Context) -> None:
        """Hear of what other processes change; at startup."""
        context.engine.changes.listen(self.document, self.spoil)

    def spoil(self, _changes: Sequence[Change] = ()) -> None:
        """Have the next reader look at the database."""
        self._spoilings += 1

    async def all(self, context: Context) -> tuple[T, ...]:
        """All of them, no older than 0.8 s: those of engine.toml first, in their order."""
        if self._is_fresh(context):
            return self._known
        async with self._loading:
            if not self._is_fresh(context):
                await self._load(context)
            return self._known

    async def records(self, context: Context) -> list[Record]:
        """What is stored at this moment, in order."""
        found: list[Record] = await self.collection(context).find({}).to_list()
        return sorted((each for each in found if each["_id"] not in self.fixed), key=_place)

    def collection(self, context: Context) -> AsyncCollection[Record]:
        return context.storage.collection(self.document)

    def _is_fresh(self, context: Context) -> bool:
        known_until = max(self._read_at, context.engine.changes.told_until)
        is_heeded = self._heeded == self._spoilings
        return is_heeded and known_until > time.monotonic() - _FRESH_SECONDS

    async def _load(self, context: Context) -> None:
        spoilings, read_at = self._spoilings, time.monotonic()
        stored = [self._read(each) for each in await self.records(context)]
        self._known = (*self.fixed.values(), *stored)
        self._heeded, self._read_at = spoilings, read_at


def _place(record: Record) -> tuple[Any, ...]:
    return record.get("position", 0), record["created_at"], record["_id"]
