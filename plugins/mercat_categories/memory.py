"""The tree in the memory of this process, and how it stays as fresh as the database.

A change of the tree grows the tree's version and stamps what it writes with it. So what changed
since a version is one range of an index, and reading it in a transaction gives a tree as it was at
one moment.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.storage import Record, Session, Storage
from mercat.storage.changes import Change
from mercat_categories.documents import TREE, CategoryDocument, CategoryTreeDocument
from mercat_categories.forest import Forest

MOST_REMOVALS = 200
MOST_DONE = 100
_FRESH_SECONDS = 0.8


class TreeMemory:
    """One engine's tree.

    The locks have this process make one change, and settle some products, after another.
    """

    def __init__(self) -> None:
        self._forest = Forest(-1, {}, frozenset())
        self._spoilings = 1
        self._heeded = 0  # of them, by the forest that is known
        self._loading = asyncio.Lock()
        self.changing = asyncio.Lock()
        self.settling = asyncio.Lock()
        self.relisting: asyncio.Task[None] | None = None

    def spoil(self, _changes: Sequence[Change] = ()) -> None:
        """Have the next reader look at the database."""
        self._spoilings += 1

    def advance(self, forest: Forest) -> None:
        """Take the tree as it is after this process's own change, unless there is a later one."""
        if self._forest.version == forest.version - 1:
            self._forest = forest

    async def forest(self, storage: Storage, told_until: float) -> Forest:
        """The tree, no older than 0.8 s.

        `told_until` says up to when changes were told; without it the tree's version is asked.
        """
        if self._heeded == self._spoilings and told_until > time.monotonic() - _FRESH_SECONDS:
            return self._forest
        return await self.newest(storage)

    async def newest(self, storage: Storage) -> Forest:
        """The tree as it is now, or later."""
        async with self._loading:
            spoilings = self._spoilings
            known = await _trees(storage).find_one({"_id": TREE}, {"version": 1})
            if known is None:
                await _begin(storage)
            if known is None or known["version"] != self._forest.version:
                self._forest = await storage.transaction(partial(self._read, storage))
            self._heeded = spoilings
            return self._forest

    async def _read(self, storage: Storage, session: Session) -> Forest:
        tree = await _trees(storage).find_one({"_id": TREE}, session=session)
        if tree is None:
            return Forest(-1, {}, frozenset())
        known = self._forest
        done = frozenset(tree["done"])
        categories = storage.collection(CategoryDocument)
        if not _is_continued(known, tree):
            found = await categories.find({}, session=session).to_list()
            return Forest(tree["version"], {record["_id"]: record for record in found}, done)
        found = await categories.find(
            {"tree_version": {"$gt": known.version}}, session=session
        ).to_list()
        records = {**known.records, **{record["_id"]: record for record in found}}
        for removal in tree["removed"]:
            if removal["version"] > known.version:
                records.pop(removal["category"], None)
        return Forest(tree["version"], records, done)


async def _begin(storage: Storage) -> None:
    with suppress(DuplicateKeyError):
        await _trees(storage).insert_one({"_id": TREE, "version": 0, "removed": [], "done": []})


def _trees(storage: Storage) -> AsyncCollection[Record]:
    return storage.collection(CategoryTreeDocument)


def _is_continued(known: Forest, tree: Record) -> bool:
    """Whether the tree's list of removals goes back to what is known."""
    if not 0 <= known.version <= tree["version"]:
        return False
    removed = tree["removed"]
    return len(removed) < MOST_REMOVALS or removed[0]["version"] <= known.version


def memory_of(context: Context) -> TreeMemory:
    """The memory of the context's engine."""
    return context.engine.own(TreeMemory)


async def current_forest(context: Context) -> Forest:
    """The tree for readers: what was changed elsewhere within the last second may be missing."""
    return await memory_of(context).forest(context.storage, context.engine.changes.told_until)


async def newest_forest(context: Context) -> Forest:
    """The tree for decisions: all that was changed before the call is in it."""
    return await memory_of(context).newest(context.storage)


async def categories_by_id(context: Context, ids: Sequence[ObjectId]) -> dict[ObjectId, Record]:
    """The categories with these ids; one that became part of another is that one."""
    if not ids:
        return {}
    forest = await current_forest(context)
    return {key: record for key in ids if (record := forest.get(key))}
