"""Keeping the index up to date: one process of a host follows the change stream and writes.

Each commit has the change stream's resume token in it, so a restart goes on where the last commit
ended, and what was not committed is told again. Without a token that the database still knows, the
index is made anew beside the old one, which answers meanwhile.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

from bson import json_util

from mercat.errors import MercatError
from mercat.storage import Record, Storage
from mercat.storage.changes import Batch, ChangeFeed, ChangesLostError
from mercat.storage.lookups import find_by
from mercat.storage.pages import known_highest
from mercat_products.documents import COUNTER, ProductDocument
from mercat_products.search.fields import Fields
from mercat_products.search.folder import IndexFolder, WriterLock, is_whole
from mercat_products.search.writing import Generation, IndexLostError

_TURN_SECONDS = 0.25
_AGAIN_SECONDS = 2.0
_IDLE_COMMIT_SECONDS = 60.0  # so that the database never forgets the last commit's token
_WINDOW = 500
_SHOWN_EVERY = 5_000
_STATUSES = ("active", "draft", "archived", "withheld")
_HIDDEN = {"imported": 0, "media": 0, "metadata": 0, "private_metadata": 0}

_logger = logging.getLogger(__name__)


class Follower:
    """Writes a host's index whenever no other process does."""

    def __init__(
        self, storage: Storage, known: Fields, folder: IndexFolder, megabytes: int
    ) -> None:
        self._storage = storage
        self._known = known
        self._folder = folder
        self._megabytes = megabytes

    async def run(self) -> None:
        """Try to write, for ever."""
        while True:
            pause = _TURN_SECONDS
            try:
                with self._folder.lock() as lock:
                    if lock is not None:
                        await self._write(lock)
            except (MercatError, OSError, ValueError) as error:
                _logger.warning("the search index has to wait: %s", error)
                pause = _AGAIN_SECONDS
            except Exception:
                _logger.exception("the search index has to wait")
                pause = _AGAIN_SECONDS
            await asyncio.sleep(pause)

    async def _write(self, lock: WriterLock) -> None:
        generation = await asyncio.to_thread(self._open)
        try:
            while lock.holds():
                if generation is None:
                    generation = await self._build()
                try:
                    await self._follow(generation, lock)
                except (ChangesLostError, IndexLostError) as error:
                    _logger.warning("the search index is made anew: %s", error)
                    await self._close(generation)
                    generation = None
                    await asyncio.sleep(_TURN_SECONDS)
        finally:
            await self._close(generation)

    async def _close(self, generation: Generation | None) -> None:
        if generation is not None:
            with contextlib.suppress(ValueError, OSError):
                await asyncio.shield(asyncio.to_thread(generation.close))

    def _open(self) -> Generation | None:
        """The current generation where it is whole."""
        path = self._folder.current()
        if path is None:
            return None
        try:
            found = Generation.open(self._known, path, self._megabytes)
        except IndexLostError as error:
            _logger.warning("%s", error)
            return None
        if found.token is None:
            found.close()
            return None
        return found

    async def _build(self) -> Generation:
        """Make an index of all products; while there is no other, it is read as it grows."""
        started = time.monotonic()
        feed = ChangeFeed(self._storage, [ProductDocument])
        async with contextlib.aclosing(feed.batches()) as batches:
            token = json_util.dumps((await anext(batches)).token)
        path = await asyncio.to_thread(self._folder.create)
        made = await asyncio.to_thread(Generation.create, self._known, path, self._megabytes)
        try:
            is_shown = self._folder.current() is None
            if is_shown:
                self._folder.switch(path)
            count = await self._add_all(made, is_shown=is_shown)
            await asyncio.to_thread(made.commit, token)
        except BaseException:
            await self._close(made)
            raise
        self._folder.switch(path)
        await asyncio.to_thread(self._folder.clear, path)
        _logger.info(
            "the search index has %d products, made in %.1f s", count, time.monotonic() - started
        )
        return made

    async def _add_all(self, made: Generation, *, is_shown: bool) -> int:
        count = shown = 0
        async for records in self._all():
            count += await asyncio.to_thread(made.add, records)
            if is_shown and count - shown >= _SHOWN_EVERY:
                await asyncio.to_thread(made.commit, None)
                shown = count
        return count

    async def _all(self) -> AsyncIterator[list[Record]]:
        """All products in windows of their numbers, newest first; see `storage.pages`."""
        products = self._storage.collection(ProductDocument)
        top = await known_highest(self._storage, COUNTER)
        for status in _STATUSES:
            high = top
            bound: dict[str, int] = {}
            while not bound or high > 0:
                low = high - _WINDOW + 1
                window = {"$gte": low, **bound}
                found = await products.find({"status": status, "number": window}, _HIDDEN).to_list()
                if found:
                    yield found
                high, bound = low - 1, {"$lte": low - 1}

    async def _follow(self, generation: Generation, lock: WriterLock) -> None:
        """Commit what changes, batch by batch. Raises ChangesLostError, IndexLostError."""
        said = await asyncio.to_thread(lambda: generation.token)
        if said is None:
            raise IndexLostError("it is not whole")
        committed = time.monotonic()
        feed = ChangeFeed(self._storage, [ProductDocument])
        async with contextlib.aclosing(feed.batches(json_util.loads(said))) as batches:
            async for batch in batches:
                if not lock.holds() or self._folder.current() != generation.path:
                    raise IndexLostError("it is gone, or somebody found it broken")
                if batch.changes or time.monotonic() - committed > _IDLE_COMMIT_SECONDS:
                    await self._commit(generation, batch)
                    committed = time.monotonic()

    async def _commit(self, generation: Generation, batch: Batch) -> None:
        if any(change.key is None for change in batch.changes):
            raise IndexLostError("the collection of products was dropped")
        keys = list(dict.fromkeys(change.key for change in batch.changes))
        records = await self._records(keys)
        token = json_util.dumps(batch.token)
        write = partial(_write_all, generation, list(map(str, keys)), records, token)
        await asyncio.to_thread(write)

    async def _records(self, keys: Sequence[object]) -> list[Record]:
        products = self._storage.collection(ProductDocument)
        return [record async for record in find_by(products, "_id", keys, _HIDDEN)]


def _write_all(
    generation: Generation, keys: Sequence[str], records: Sequence[Record], token: str
) -> None:
    if not is_whole(Path(generation.path)):
        raise IndexLostError("it is gone, or somebody found it broken")
    generation.replace(keys, records)
    generation.commit(token)
