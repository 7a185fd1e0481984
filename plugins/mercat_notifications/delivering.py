"""The queue of mails: what is due is leased, made, handed over, and what became of it noted.

It is not the outbox's: however slow a mail server is, nothing but mails waits for it. A mail that
was handed over when its process ended is sent again, with the same Message-ID.
"""

import asyncio
import logging
from collections import deque
from datetime import timedelta
from typing import Any

from pymongo.errors import PyMongoError

from mercat.context import Context
from mercat.engine import Engine
from mercat.storage import Record, cancel, storable, stored_now
from mercat.storage.outbox import pause_after
from mercat_notifications.backends import Backend, backend_for
from mercat_notifications.bounces import cleared, is_bounced, note_bounce
from mercat_notifications.documents import NotificationState
from mercat_notifications.errors import RefusedError, TemplateFaultError, UnsentError
from mercat_notifications.kinds import kinds_of
from mercat_notifications.making import make
from mercat_notifications.settings import NotificationSettings
from mercat_notifications.taking import notifications

LEASE = timedelta(seconds=120)
MOST_ATTEMPTS = 20
"""Some twelve hours, as pauses of an hour follow the first seven."""
_READ_AT_ONCE = 200
_POLL_SECONDS = 1.0

_logger = logging.getLogger(__name__)


class Queue:
    """One engine's; `queue_of(context)` finds it."""

    def __init__(self, engine: Engine) -> None:
        self._context = engine.context()
        self.backend: Backend = backend_for(engine)
        smtp = engine.plugin_settings(NotificationSettings).smtp
        self._most = 1 if smtp is None else smtp.connections
        self._wake = asyncio.Event()
        self._due: deque[Record] = deque()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="notifications")

    async def stop(self) -> None:
        """Stop; what is being sent is sent again by whoever comes next."""
        if self._task is not None:
            await cancel([self._task])
            self._task = None
        await self.backend.close()

    def wake(self) -> None:
        """Say that something is due."""
        self._wake.set()

    async def deliver_due(self) -> int:
        """Deliver what is due now, one mail after the other; how many."""
        count = 0
        while (record := await self._take()) is not None:
            await self._deliver(record)
            count += 1
        return count

    async def _run(self) -> None:
        slots = asyncio.Semaphore(self._most)
        async with asyncio.TaskGroup() as group:
            while True:
                await slots.acquire()
                record = await self._take_patiently()
                if record is None:
                    slots.release()
                    await self._pause()
                    continue
                delivery = group.create_task(self._deliver(record))
                delivery.add_done_callback(lambda _: slots.release())

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
            _logger.warning("mails wait for MongoDB: %s", type(error).__name__)
            return None

    async def _take(self) -> Record | None:
        """The mail that is due first, leased: by one conditional update, so by one process."""
        while True:
            now = stored_now()
            if not self._due:
                due = {"state": "WAITING", "due_at": {"$lte": now}}
                found = notifications(self._context).find(due).sort("due_at", 1)
                self._due.extend(await found.limit(_READ_AT_ONCE).to_list())
            if not self._due:
                return None
            found_one = self._due.popleft()
            mine = {"due_at": now + LEASE, "owner": self._context.storage.owner}
            written = await notifications(self._context).update_one(
                {name: found_one[name] for name in ("_id", "state", "due_at", "attempts")},
                {"$set": mine, "$inc": {"attempts": 1}},
            )
            if written.modified_count:
                return {**found_one, **mine, "attempts": found_one["attempts"] + 1}

    async def _deliver(self, record: Record) -> None:
        try:
            await self._attempt(record)
        except PyMongoError as error:
            # The lease runs out, and the mail is sent again.
            _logger.warning("mail %s waits for MongoDB: %s", record["_id"], type(error).__name__)
        except asyncio.CancelledError:
            await _give_back(self._context, record)
            raise
        except Exception:
            _logger.exception("mail %s could not be delivered", record["_id"])

    async def _attempt(self, record: Record) -> None:
        context = self._context
        try:
            async with asyncio.timeout(LEASE.total_seconds() / 2):
                state = await _sent(context, self.backend, record)
        except TemplateFaultError as error:
            _logger.error("mail %s of %s: %s", record["_id"], record["kind"], error)  # noqa: TRY400
            await _settle(context, record, "DEAD", str(error))
        except RefusedError as error:
            await note_bounce(context, record["digest"])
            await _settle(context, record, "BOUNCED", str(error))
        except PyMongoError:
            raise
        except UnsentError as error:
            await _put_off(context, record, str(error))
        except Exception as error:  # noqa: BLE001  whatever a plugin's facts raise
            await _put_off(context, record, type(error).__name__)
        else:
            await _settle(context, record, state, None)
            if state == "SENT":
                await cleared(context, record["digest"])


def queue_of(context: Context) -> Queue:
    """The queue of the context's engine."""
    return context.engine.own(Queue, context.engine)


async def _sent(context: Context, backend: Backend, record: Record) -> NotificationState:
    if record["attempts"] > MOST_ATTEMPTS:
        raise TemplateFaultError("each process that sent it ended before it was done")
    kind = kinds_of(context).find(record["kind"])
    if not kind.is_transactional and await is_bounced(context, record["digest"]):
        return "SKIPPED"
    mail = await make(context, record)
    if mail is None:
        return "SKIPPED"
    await backend.send(mail)
    return "SENT"


async def _settle(
    context: Context, record: Record, state: NotificationState, error: str | None
) -> None:
    now = stored_now()
    await _note(context, record, {"state": state, "error": error, "settled_at": now, "due_at": now})


async def _put_off(context: Context, record: Record, error: str) -> None:
    attempts = record["attempts"]
    # Not in its words: a mail server may quote the address.
    _logger.warning("mail %s wasn't sent, attempt %d", record["_id"], attempts)
    if attempts >= MOST_ATTEMPTS:
        await _settle(context, record, "DEAD", error)
        return
    await _note(context, record, {"due_at": stored_now() + pause_after(attempts), "error": error})


async def _give_back(context: Context, record: Record) -> None:
    try:
        await _note(context, record, {"due_at": stored_now(), "error": record["error"]})
    except PyMongoError as error:
        _logger.info("mail %s: %s", record["_id"], type(error).__name__)


async def _note(context: Context, record: Record, values: dict[str, Any]) -> None:
    error = values["error"]
    await notifications(context).update_one(
        {"_id": record["_id"], "owner": record["owner"], "attempts": record["attempts"]},
        {"$set": {**values, "error": None if error is None else storable(error), "owner": None}},
    )
