"""What changes in the queue of tickets: read once a process, whoever follows it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from datetime import timedelta

from bson import ObjectId
from pymongo.errors import PyMongoError

from mercat.context import Context
from mercat.engine import Engine
from mercat.storage import Record, cancel, stored_now
from mercat_tickets.tickets import feed
from mercat_tickets.tickets.access import tickets

_OVERLAP = timedelta(seconds=30)
"""For how long a change may take from its time to its commit: a transaction has 20 s."""
_MOST_AT_ONCE = 5_000
_RETRY_SECONDS = 1.0

_logger = logging.getLogger(__name__)

Changed = tuple[Record, Record | None]
"""A ticket as it is, and as it was where this process knows."""


class QueueWatch:
    """One engine's watch; it reads while somebody follows.

    Each follower has the last state of what changed since it last looked, so that a slow one holds
    up nobody and piles up no more than there are tickets that changed.
    """

    def __init__(self, engine: Engine) -> None:
        self._context = engine.context()
        self._followers: set[_Follower] = set()
        self._known: dict[ObjectId, Record] = {}
        self._task: asyncio.Task[None] | None = None

    async def changes(self) -> AsyncGenerator[list[Changed], None]:
        """What changed, for ever: some tickets at a time, each as it is by then."""
        follower = _Follower()
        self._followers.add(follower)
        try:
            await self._start()
            while True:
                yield await follower.take()
        finally:
            self._followers.discard(follower)
            if not self._followers:
                await self.stop()

    async def stop(self) -> None:
        """End the reading."""
        task, self._task = self._task, None
        if task is not None:
            await cancel([task])

    async def _start(self) -> None:
        if self._task is None:
            self._known = await self._read()
            if self._task is None:
                self._task = asyncio.create_task(self._run(), name="watch-tickets")

    async def _run(self) -> None:
        while True:
            try:
                async with contextlib.aclosing(feed.follow(self._context, feed.QUEUE)) as moments:
                    async for _ in moments:
                        self._tell(await self._read())
            except PyMongoError as error:
                _logger.warning("the queue of tickets waits: %s", type(error).__name__)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _read(self) -> dict[ObjectId, Record]:
        """The tickets that changed lately."""
        lately = {"updated_at": {"$gt": stored_now() - _OVERLAP}}
        found = tickets(self._context).find(lately).limit(_MOST_AT_ONCE)
        return {one["_id"]: one async for one in found}

    def _tell(self, lately: dict[ObjectId, Record]) -> None:
        known, self._known = self._known, lately
        changed: dict[ObjectId, Changed] = {}
        for key, ticket in lately.items():
            before = known.get(key)
            if before is None or before["version"] < ticket["version"]:
                changed[key] = ticket, before
        if changed:
            for follower in self._followers:
                follower.give(changed)


class _Follower:
    __slots__ = ("_there", "_waiting")

    def __init__(self) -> None:
        self._waiting: dict[ObjectId, Changed] = {}
        self._there = asyncio.Event()

    def give(self, changed: dict[ObjectId, Changed]) -> None:
        if not self._waiting:
            self._waiting = changed  # shared by all who have taken what was before
        else:
            merged = dict(self._waiting)
            for key, (ticket, before) in changed.items():
                merged[key] = ticket, merged[key][1] if key in merged else before
            self._waiting = merged
        self._there.set()

    async def take(self) -> list[Changed]:
        await self._there.wait()
        self._there.clear()
        found, self._waiting = self._waiting, {}
        return list(found.values())


def watch_of(context: Context) -> QueueWatch:
    """The engine's watch."""
    return context.engine.own(QueueWatch, context.engine)
