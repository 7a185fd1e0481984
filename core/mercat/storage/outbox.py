"""The transactional outbox: hooks that must not get lost.

An event is written in the transaction of the fact that it tells of, and delivered at least once to
each plugin that implements its hook, by whichever process takes it; so implementations must be safe
to repeat. What keeps failing is retried later and later, and in the end put aside as dead, for
`mercat outbox list` and `mercat outbox replay`.
"""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, ParamSpec, get_type_hints

from beanie import Document, PydanticObjectId
from bson import ObjectId
from pydantic import Field, TypeAdapter
from pymongo import IndexModel, ReturnDocument
from pymongo.errors import PyMongoError

from mercat.context import Context
from mercat.errors import InvalidError, NotFoundError
from mercat.storage import Record, Session

P = ParamSpec("P")

LEASE = timedelta(seconds=60)
MOST_ATTEMPTS = 12
_LONGEST_PAUSE = timedelta(hours=1)
_POLL_SECONDS = 0.5
_MOST_AT_ONCE = 16

_logger = logging.getLogger(__name__)


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

    def __init__(self, context: Context) -> None:
        self._context = context
        self._storage = context.storage
        self._hooks = context.hooks
        self._wake = asyncio.Event()

    async def add(
        self, session: Session, hook: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Write an event in the transaction of `session`; without the fact there is no event.

        `hook` is a specification whose first parameter is the context, which is passed here too
        and not stored; the others must be values that pydantic can write as JSON.
        """
        bound = inspect.signature(hook).bind(*args, **kwargs).arguments
        hints = get_type_hints(hook)
        now = datetime.now(UTC)
        await self._collection.insert_one(
            {
                "hook": hook.__name__,
                "payload": {
                    name: TypeAdapter(hints[name]).dump_python(value, mode="json")
                    for name, value in bound.items()
                    if name != "context"
                },
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
        self._wake.set()

    async def run(self) -> None:
        """Deliver what is due, for ever; the poll is what counts, the wake-up only hurries it."""
        while True:
            try:
                while await self.deliver_due():
                    pass
            except PyMongoError as error:
                _logger.warning("the outbox waits for MongoDB: %s", type(error).__name__)
                await asyncio.sleep(_POLL_SECONDS)
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), _POLL_SECONDS)
            except TimeoutError:
                continue

    async def deliver_due(self) -> int:
        """Deliver up to 16 events that are due, at once; returns how many were taken."""
        taken = [event for _ in range(_MOST_AT_ONCE) if (event := await self._take()) is not None]
        async with asyncio.TaskGroup() as group:
            for event in taken:
                group.create_task(self._deliver(event))
        return len(taken)

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
    def _collection(self) -> Any:
        return self._storage.collection(OutboxDocument)

    async def _take(self) -> Record | None:
        now = datetime.now(UTC)
        taken: Record | None = await self._collection.find_one_and_update(
            {"state": "pending", "due_at": {"$lte": now}},
            {
                "$set": {"due_at": now + LEASE, "owner": self._storage.owner},
                "$inc": {"attempts": 1},
            },
            sort=[("due_at", 1)],
            return_document=ReturnDocument.AFTER,
        )
        return taken

    async def _deliver(self, event: Record) -> None:
        mine = {"_id": event["_id"], "owner": self._storage.owner, "attempts": event["attempts"]}
        failures = []
        try:
            values = self._values(event)
        except Exception as error:  # noqa: BLE001  an event of a plugin that is gone or changed
            failures.append(f"{event['hook']}: {error}")
        else:
            for implementation in self._hooks.implementations(event["hook"]):
                if implementation.plugin in event["delivered"]:
                    continue
                try:
                    async with asyncio.timeout(LEASE.total_seconds() / 2):
                        await implementation(values)
                except Exception as error:  # noqa: BLE001  whatever a plugin raises is retried
                    failures.append(f"{implementation.plugin}: {type(error).__name__}: {error}")
                else:
                    await self._collection.update_one(
                        mine, {"$addToSet": {"delivered": implementation.plugin}}
                    )
        if failures:
            await self._put_off(event, mine, "; ".join(failures))
        else:
            await self._collection.delete_one(mine)

    def _values(self, event: Record) -> dict[str, Any]:
        hook = self._hooks.specification(event["hook"])
        if hook is None:
            raise InvalidError("no such hook in this engine")
        hints = get_type_hints(hook)
        values = {
            name: TypeAdapter(hints[name]).validate_python(value)
            for name, value in event["payload"].items()
        }
        return {"context": self._context, **values}

    async def _put_off(self, event: Record, mine: Record, error: str) -> None:
        attempts = event["attempts"]
        dead = attempts >= MOST_ATTEMPTS
        pause = min(timedelta(seconds=2 ** (attempts - 1)), _LONGEST_PAUSE)
        _logger.warning(
            "event %s of %s failed for the %d. time: %s", event["_id"], event["hook"], attempts, error
        )
        await self._collection.update_one(
            mine,
            {
                "$set": {
                    "state": "dead" if dead else "pending",
                    "due_at": datetime.now(UTC) + pause,
                    "error": error[:2000],
                    "owner": None,
                }
            },
        )
