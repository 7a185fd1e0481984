"""What changes in the database, whoever changes it: MongoDB's change stream, read in batches.

The driver's own `watch` hides when a batch ends. That moment is worth knowing: once the server has
given all that it had, every write acknowledged before it was asked has been told (MongoDB manual,
"Change Streams"; writes are acknowledged by the majority, as is the default since MongoDB 5).
"""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from beanie import Document
from bson import json_util
from pymongo.errors import OperationFailure, PyMongoError
from redis.exceptions import RedisError

from mercat.errors import MercatError
from mercat.storage import Record, Session, Storage

Token: TypeAlias = Mapping[str, Any]

_AWAIT_MILLISECONDS = 200
_PAUSE_SECONDS = 0.1  # many writes are told at once, as each answer costs the server a look
_ANSWER_SECONDS = 5.0  # an answer that takes longer won't come: the connection hangs
_RETRY_SECONDS = 0.2
_REDIS_SECONDS = 0.2  # nobody is told anything meanwhile
_SLOT_SECONDS = 10
_SLOTS = 4  # of which a process that starts is told again
_MOST_CHANGES = 1_000
_WHOLE_DATABASE = "$cmd.aggregate"
# SecantusDB looks at 200 entries at a time, of which a few may be told to nobody, and so may stop
# early. It does look at more than it tells where the pipeline leaves out collections; hence none.
_WHOLE = 150
# FailedToParse, InvalidResumeToken, ChangeStreamFatalError, ChangeStreamHistoryLost, KeyString's
_LOST = {9, 260, 280, 286, 50811}
_FOREIGN = 13  # what SecantusDB says to a token of another collection, or of the whole database

_logger = logging.getLogger(__name__)


class ChangesLostError(MercatError):
    """Changes can't be told from there on any more; what was made of them has to be made anew."""


@dataclass(frozen=True, slots=True)
class Change:
    """One document of a collection was written or removed; all of them where `key` is None.

    `moment` is when: the cluster time's seconds and counter; None where nobody knows.
    """

    collection: str
    key: Any
    removed: bool
    moment: tuple[int, int] | None = field(default=None, compare=False)


Listener: TypeAlias = Callable[[Sequence[Change]], None]


@dataclass(frozen=True, slots=True)
class Batch:
    """Some changes in the order of their commits; often none.

    `token` stands for the place behind them. `told_until` is a reading of `time.monotonic()`: every
    write acknowledged before it has been told; None where more is waiting. `moment` is that of the
    last write to anything in the database: what was written before it has been told.
    """

    changes: Sequence[Change]
    token: Token
    told_until: float | None
    moment: tuple[int, int] | None = None


class ChangeFeed:
    """The changes of some collections; of a single one only its own are asked for."""

    def __init__(self, storage: Storage, documents: Sequence[type[Document]]) -> None:
        self._storage = storage
        self._names = {storage.collection(document).name for document in documents}
        self._only = next(iter(self._names)) if len(self._names) == 1 else None

    async def batches(self, after: Token | None = None) -> AsyncGenerator[Batch, None]:
        """Batches for ever, three a second or more; from now on, or from a token on.

        A write is told within 100 ms where others came just before it, at once where none did.

        Broken connections are made again. Raises ChangesLostError where the server doesn't know the
        token, or no longer.
        """
        warned = False
        while True:
            try:
                async with (
                    self._storage.client.start_session() as session,
                    contextlib.aclosing(self._stream(session, after)) as stream,
                ):
                    async for batch in stream:
                        after, warned = batch.token, False
                        yield batch
            except (PyMongoError, TimeoutError) as error:
                if isinstance(error, OperationFailure) and self._is_lost(error, after):
                    raise ChangesLostError(f"changes were lost: {error}") from error
                if not warned:
                    _logger.warning("changes wait for MongoDB: %s", type(error).__name__)
                    warned = True
                await asyncio.sleep(_RETRY_SECONDS)

    @staticmethod
    def _is_lost(error: OperationFailure, after: Token | None) -> bool:
        return error.code in _LOST or (after is not None and error.code == _FOREIGN)

    async def _stream(self, session: Session, after: Token | None) -> AsyncGenerator[Batch, None]:
        """Batches up to one that says that more is waiting.

        SecantusDB tells only where a stream begins that changes were lost: one that is open and
        falls too far behind is given what is left, as if there had been nothing else.
        """
        pipeline = [
            {"$changeStream": {} if after is None else {"resumeAfter": after}},
            {"$project": {"ns": 1, "documentKey": 1, "operationType": 1, "clusterTime": 1}},
        ]
        sent = time.monotonic()
        cursor = await self._ask(
            session,
            {
                "aggregate": self._only or 1,
                "pipeline": pipeline,
                "cursor": {"batchSize": _MOST_CHANGES},
            },
        )
        found = cursor["firstBatch"]
        more = {
            "getMore": cursor["id"],
            "collection": self._only or _WHOLE_DATABASE,
            "batchSize": _MOST_CHANGES,
            "maxTimeMS": _AWAIT_MILLISECONDS,
        }
        try:
            while True:
                after = cursor.get("postBatchResumeToken") or (found[-1]["_id"] if found else after)
                if after is not None:
                    until = sent if len(found) < _WHOLE else None
                    moment = _moment(found[-1]) if found else None
                    yield Batch(self._changes(found), after, until, moment)
                    if until is None:
                        return
                if not cursor["id"]:
                    raise ChangesLostError("changes were lost: what they are of was dropped")
                await asyncio.sleep(_PAUSE_SECONDS)
                sent = time.monotonic()
                cursor = await self._ask(session, more)
                found = cursor["nextBatch"]
        finally:
            with contextlib.suppress(PyMongoError, TimeoutError):
                await self._kill(session, more["getMore"])

    def _changes(self, events: Sequence[Record]) -> list[Change]:
        found = [event for event in events if event.get("ns", {}).get("coll") in self._names]
        return [_change(event) for event in found]

    async def _ask(self, session: Session, command: Record) -> Record:
        async with asyncio.timeout(_ANSWER_SECONDS):
            answer = await self._storage.database.command(command, session=session)
        found: Record = answer["cursor"]
        return found

    async def _kill(self, session: Session, cursor: int) -> None:
        command = {"killCursors": self._only or _WHOLE_DATABASE, "cursors": [cursor]}
        async with asyncio.timeout(1):
            await self._storage.database.command(command, session=session)


def _change(event: Record) -> Change:
    kind = event["operationType"]
    key = event.get("documentKey", {}).get("_id")
    return Change(event["ns"]["coll"], key, kind == "delete" or key is None, _moment(event))


def _moment(event: Record) -> tuple[int, int] | None:
    time = event.get("clusterTime")
    return None if time is None else (time.time, time.inc)


class Changes:
    """Tells this process what changes in the collections that somebody in it listens to."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._listeners: dict[type[Document], list[Listener]] = {}
        self._slot = -1
        self.told_until = -math.inf
        """Every write acknowledged before this `time.monotonic()` has been told to all."""
        self.moment: tuple[int, int] | None = None
        """What was written before this cluster time has been told to all; None for unknown."""

    def listen(self, document: type[Document], listener: Listener) -> None:
        """Have the changes of a collection told, from `lifecycle.startup` on.

        A listener must be quick and must not fail. A change without a key says that anything may
        have changed until its moment. At a start the last half minute is told too where it can be.
        """
        self._listeners.setdefault(document, []).append(listener)

    async def run(self) -> None:
        """Tell, for ever."""
        if not self._listeners:
            return
        feed = ChangeFeed(self._storage, list(self._listeners))
        start = await self._remembered()
        while True:
            try:
                after = None if start is None else start["token"]
                async with contextlib.aclosing(feed.batches(after)) as batches:
                    await self._follow(batches, start)
            except ChangesLostError as error:
                _logger.warning("%s; starting anew", error)
            except Exception:  # a listener's fault; what it missed is told as "anything" then
                _logger.exception("telling changes failed; starting anew")
            start = None
            await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(
        self, batches: AsyncGenerator[Batch, None], start: Mapping[str, Any] | None
    ) -> None:
        is_first = True
        async for batch in batches:
            if is_first:  # nobody was told what came before it
                before = None if start is None else tuple(start["moment"])
                self._tell([Change(name, None, True, before) for name in self._names()])
                is_first = False
            self._tell(batch.changes)
            self.told_until = batch.told_until or self.told_until
            self.moment = batch.moment or self.moment
            await self._remember(batch.token)

    async def _remember(self, token: Token) -> None:
        """Write down where the changes are; the first process to do so in each slot of 10 s."""
        slot = int(time.time() // _SLOT_SECONDS)
        if slot == self._slot or self.moment is None:
            return
        self._slot = slot
        said = json_util.dumps({"token": token, "moment": self.moment})
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(_REDIS_SECONDS):
                await self._storage.redis.set(
                    self._key(slot), said, nx=True, ex=_SLOT_SECONDS * (_SLOTS + 1)
                )

    async def _remembered(self) -> Mapping[str, Any] | None:
        """The earliest place that is written down, half a minute ago or so."""
        slot = int(time.time() // _SLOT_SECONDS)
        keys = [self._key(slot - ago) for ago in reversed(range(_SLOTS))]
        with contextlib.suppress(RedisError, OSError, TimeoutError, ValueError):
            async with asyncio.timeout(_ANSWER_SECONDS):
                written = await self._storage.redis.mget(keys)
            for said in written:
                if said is not None:
                    found: Mapping[str, Any] = json_util.loads(said)
                    return found
        return None

    def _key(self, slot: int) -> str:
        return f"mercat:{self._storage.database.name}:changes:{slot}"

    def _names(self) -> list[str]:
        return [self._storage.collection(document).name for document in self._listeners]

    def _tell(self, changes: Sequence[Change]) -> None:
        if not changes:
            return
        for name, listeners in zip(self._names(), self._listeners.values(), strict=True):
            own = [change for change in changes if change.collection == name]
            for listener in listeners if own else ():
                listener(own)
