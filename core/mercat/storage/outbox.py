"""The transactional outbox: hooks that must not get lost.

An event is written in the transaction of the fact that it tells of, and delivered at least once to
each plugin that implements its hook, by whichever process takes it; so implementations must be safe
to repeat. What keeps failing is retried later and later, and in the end put aside as dead, for
`mercat outbox list` and `mercat outbox replay`. What no plugin wants to hear is not written.
"""

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Literal, ParamSpec, get_type_hints

from beanie import Document, PydanticObjectId
from bson import ObjectId
from pydantic import Field, TypeAdapter
from pydantic.errors import PydanticUserError
from pymongo import IndexModel
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from mercat.context import Context
from mercat.errors import InvalidError, NotFoundError
from mercat.hooks import Implementation
from mercat.storage import Record, Session, storable, stored_now

P = ParamSpec("P")

LEASE = timedelta(seconds=60)
MOST_ATTEMPTS = 12
MOST_AT_ONCE = 16
_READ_AT_ONCE = 500
_GROWTH = 3
_LONGEST_PAUSE = timedelta(hours=1)
_POLL_SECONDS = 0.5

_logger = logging.getLogger(__name__)


def pause_after(attempts: int) -> timedelta:
    """How long to wait after that many attempts: 1 s, 3 s, 9 s and so on to an hour.

    Twelve attempts take about four hours, as long as a mail server may well be away.
    """
    return min(timedelta(seconds=_GROWTH ** (attempts - 1)), _LONGEST_PAUSE)


class OutboxDocument(Document):
    """One event. `due_at` is also the lease: it lies ahead while a process delivers the event."""

    hook: str
    payload: dict[str, Any]
    created_at: datetime
    due_at: datetime
    attempts: int = 0
    delivered: list[str] = Field(default_factory=list)
    state: Literal["pending", "dead"] = "pending"
    owner: str | None = None
    error: str | None = None

    class Settings:
        name = "outbox"
        indexes = [IndexModel([("state", 1), ("due_at", 1)])]


class Outbox:
    """Writes events, and delivers those that are due while `run` runs."""

    def __init__(self, context: Context, lease: timedelta = LEASE) -> None:
        self._context = context
        self._storage = context.storage
        self._hooks = context.hooks
        self._lease = lease
        self._wake = asyncio.Event()
        self._is_added = False
        self._due: deque[Record] = deque()
        self._spared: set[tuple[str, str]] = set()
        self._storage.on_commit.append(self._on_commit)

    def spare(self, plugin: str, *hooks: Callable[..., Awaitable[None]]) -> None:
        """Write no events of these hooks that only a plugin would hear whose settings ask for none.

        Those that another plugin hears are written all the same, and reach this one too.
        """
        self._spared |= {(plugin, hook.__name__) for hook in hooks}

    async def add(
        self,
        session: Session | None,
        hook: Callable[P, Awaitable[None]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Write an event in the transaction of `session`; without the fact there is no event.

        An event that is all there is of a fact needs no transaction: then `session` is None.
        `hook` is a specification whose first parameter is the context, which is passed here too
        and not stored; the others must be values that pydantic can write as JSON and read again.
        Raises TypeError for a hook that isn't this engine's and for a value that isn't such.
        """
        if self._hooks.specification(hook.__name__) is not hook:
            raise TypeError(f"{hook.__module__}.{hook.__name__} is not a hook of this engine")
        payload = _written(hook, _signature(hook).bind(*args, **kwargs).arguments)
        if not self._is_heard(hook.__name__):
            return
        now = datetime.now(UTC)
        await self._collection.insert_one(
            {
                "hook": hook.__name__,
                "payload": payload,
                "created_at": now,
                "due_at": now,
                "attempts": 0,
                "delivered": [],
                "state": "pending",
                "owner": None,
                "error": None,
            },
            session=session,
        )
        if session is None:
            self._wake.set()
        else:
            self._is_added = True

    def _is_heard(self, hook: str) -> bool:
        hearing = {each.plugin for each in self._hooks.implementations(hook)}
        return any((plugin, hook) not in self._spared for plugin in hearing)

    async def run(self) -> None:
        """Deliver what is due, 16 events at once, for ever.

        The poll is what counts, the wake-up only hurries it. When cancelled, events that are being
        delivered become due again.
        """
        slots = asyncio.Semaphore(MOST_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            while True:
                await slots.acquire()
                event = await self._take_patiently()
                if event is None:
                    slots.release()
                    await self._pause()
                    continue
                delivery = group.create_task(self._deliver(event))
                delivery.add_done_callback(lambda _: slots.release())

    async def deliver_due(self) -> int:
        """Deliver up to 16 events that are due, at once; returns how many were taken."""
        count = 0
        async with asyncio.TaskGroup() as group:
            while count < MOST_AT_ONCE and (event := await self._take_patiently()) is not None:
                group.create_task(self._deliver(event))
                count += 1
        return count

    async def dead(self) -> list[Record]:
        """The events that were given up, oldest first."""
        return await self._collection.find({"state": "dead"}).sort("_id", 1).to_list()

    async def pending_count(self) -> int:
        return await self._collection.count_documents({"state": "pending"})

    async def replay(self, event_id: str | None) -> int:
        """Make one dead event, or all with None, due again; returns how many.

        Raises InvalidError for what is no id, NotFoundError where no such event is dead.
        """
        chosen: Record = {"state": "dead"}
        if event_id is not None:
            if not ObjectId.is_valid(event_id):
                raise InvalidError(f"'{event_id}' is no event's id; see mercat outbox list")
            chosen["_id"] = PydanticObjectId(event_id)
        result = await self._collection.update_many(
            chosen, {"$set": {"state": "pending", "attempts": 0, "due_at": datetime.now(UTC)}}
        )
        if event_id is not None and result.modified_count == 0:
            raise NotFoundError(f"no dead event has the id {event_id}; see mercat outbox list")
        return result.modified_count

    @property
    def _collection(self) -> AsyncCollection[Record]:
        return self._storage.collection(OutboxDocument)

    def _on_commit(self) -> None:
        if self._is_added:
            self._is_added = False
            self._wake.set()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(_POLL_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def _take_patiently(self) -> Record | None:
        try:
            return await self._take()
        except PyMongoError as error:
            _logger.warning("the outbox waits for MongoDB: %s", type(error).__name__)
            return None

    async def _take(self) -> Record | None:
        """The event that is due first, leased: SecantusDB's findAndModify would read them all."""
        while True:
            now = stored_now()
            found = await self._next(now)
            if found is None:
                return None
            mine = {"due_at": now + self._lease, "owner": self._storage.owner}
            written = await self._collection.update_one(
                {name: found[name] for name in ("_id", "state", "due_at", "attempts")},
                {"$set": mine, "$inc": {"attempts": 1}},
            )
            if written.modified_count:
                return {**found, **mine, "attempts": found["attempts"] + 1}

    async def _next(self, now: datetime) -> Record | None:
        """An event that was due when it was read; somebody else may have it by now.

        Many are read at once: SecantusDB looks at all that are due, however few it gives.
        """
        if not self._due:
            due = {"state": "pending", "due_at": {"$lte": now}}
            found = self._collection.find(due).sort("due_at", 1).limit(_READ_AT_ONCE)
            self._due.extend(await found.to_list())
        return self._due.popleft() if self._due else None

    async def _deliver(self, event: Record) -> None:
        mine = {"_id": event["_id"], "owner": self._storage.owner, "attempts": event["attempts"]}
        try:
            failures = await self._attempt(event, mine)
            if failures is None:
                return
            if failures:
                await self._put_off(event, mine, "; ".join(failures))
            else:
                await self._collection.delete_one(mine)
        except PyMongoError as error:
            # The lease runs out, and the event is delivered again.
            _logger.warning("event %s waits for MongoDB: %s", event["_id"], type(error).__name__)
        except asyncio.CancelledError:
            await self._give_back(mine)
            raise
        except Exception:
            _logger.exception("event %s could not be delivered", event["_id"])

    async def _attempt(self, event: Record, mine: Record) -> list[str] | None:
        """Tell each plugin that wasn't told; returns what failed, or None if the lease is lost."""
        if event["attempts"] > MOST_ATTEMPTS:
            return ["each process that delivered it ended before it was done"]
        try:
            values = self._values(event)
        except Exception as error:  # noqa: BLE001  an event of a plugin that is gone or changed
            return [f"{event['hook']}: {error}"]
        failures = []
        for implementation in self._hooks.implementations(event["hook"]):
            if implementation.plugin in event["delivered"]:
                continue
            failure = await self._tell(implementation, values)
            if failure is not None:
                failures.append(failure)
            if not await self._note(mine, implementation.plugin if failure is None else None):
                return None
        return failures

    async def _tell(self, implementation: Implementation, values: dict[str, Any]) -> str | None:
        try:
            async with asyncio.timeout(self._lease.total_seconds() / 2):
                await implementation(values)
        except Exception as error:
            _logger.info("plugin %s failed", implementation.plugin, exc_info=error)
            return f"{implementation.plugin}: {type(error).__name__}: {error}"
        return None

    async def _note(self, mine: Record, delivered_to: str | None) -> bool:
        """Renew the lease, and note who was told; false where the lease is lost."""
        change: Record = {"$set": {"due_at": datetime.now(UTC) + self._lease}}
        if delivered_to is not None:
            change["$addToSet"] = {"delivered": delivered_to}
        result = await self._collection.update_one(mine, change)
        return result.matched_count == 1

    def _values(self, event: Record) -> dict[str, Any]:
        hook = self._hooks.specification(event["hook"])
        if hook is None:
            raise InvalidError("no such hook in this engine")
        hints = _hints(hook)
        values = {
            name: _adapter(hints[name]).validate_python(value)
            for name, value in event["payload"].items()
        }
        return {"context": replace(self._context, event=str(event["_id"])), **values}

    async def _put_off(self, event: Record, mine: Record, error: str) -> None:
        attempts = event["attempts"]
        _logger.warning(
            "event %s of %s failed, attempt %d: %s", event["_id"], event["hook"], attempts, error
        )
        await self._collection.update_one(
            mine,
            {
                "$set": {
                    "state": "dead" if attempts >= MOST_ATTEMPTS else "pending",
                    "due_at": datetime.now(UTC) + pause_after(attempts),
                    "error": storable(error),
                    "owner": None,
                }
            },
        )

    async def _give_back(self, mine: Record) -> None:
        try:
            await self._collection.update_one(
                mine,
                {"$set": {"due_at": datetime.now(UTC), "owner": None}, "$inc": {"attempts": -1}},
            )
        except PyMongoError as error:
            _logger.info("event %s: %s", mine["_id"], type(error).__name__)


def _written(hook: Callable[..., Any], values: dict[str, Any]) -> Record:
    hints = _hints(hook)
    return {
        name: _as_json(f"{hook.__name__}: {name}", hints[name], value)
        for name, value in values.items()
        if name != "context"
    }


@cache
def _signature(hook: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(hook)


@cache
def _hints(hook: Callable[..., Any]) -> dict[str, Any]:
    return get_type_hints(hook)


@cache
def _adapter(hint: Any) -> TypeAdapter[Any]:
    return TypeAdapter(hint)


def _as_json(where: str, hint: Any, value: Any) -> Any:
    """The value as JSON. Raises TypeError where it could not be read again."""
    try:
        adapter = _adapter(hint)
        written: Any = adapter.dump_python(value, mode="json", warnings="error")
        adapter.validate_python(written)
    except (PydanticUserError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise TypeError(
            f"{where} can't be an event's value: {reason}; use what pydantic reads and writes as "
            "JSON, such as str for an ObjectId"
        ) from error
    return written
