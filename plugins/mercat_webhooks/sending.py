"""The queue: what is due is leased, signed, posted, and what came back noted.

Each endpoint has a few places of its own, so that one that is slow, or has much to hear, holds up
no other.
"""

import asyncio
import logging
import random
import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
from bson import ObjectId
from pymongo.errors import PyMongoError

from mercat.context import Context
from mercat.engine import Engine
from mercat.fetching import FetchError, client
from mercat.storage import Record, cancel, storable, stored_now
from mercat.storage.encryption import encryption_of
from mercat_webhooks.endpoints import deliveries, endpoints, reach_of
from mercat_webhooks.settings import WebhookSettings
from mercat_webhooks.signing import headers

LEASE = timedelta(seconds=60)
_SECOND, _MINUTE, _HOUR = 1, 60, 3600
PAUSES = (
    *(5 * _SECOND, 30 * _SECOND, 2 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE),
    *(_HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR, 12 * _HOUR, 20 * _HOUR, 24 * _HOUR),
)
"""How many seconds go by between the attempts, more or less a tenth: three days in all."""
MOST_ATTEMPTS = len(PAUSES) + 1

_PLACES = 32
_PLACES_OF_ONE = 4
_POLL_SECONDS = 1.0
_LONGEST_WAIT = _HOUR
_KEPT_TRIES = 20
_KEPT_BYTES = 1_000
_MOST_BYTES = 1_000_000

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt: HTTP's status with some of the body, or why there is none."""

    status: int | None
    body: str
    error: str | None
    milliseconds: int
    retry_after: int = 0

    @property
    def is_good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004


class Queue:
    """One engine's; `queue_of(context)` finds it."""

    def __init__(self, engine: Engine) -> None:
        self._context = engine.context()
        self._busy: Counter[ObjectId] = Counter()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="webhooks")

    async def stop(self) -> None:
        """Stop; what is being sent is sent again by whoever comes next."""
        if self._task is not None:
            await cancel([self._task])
            self._task = None

    async def deliver_due(self) -> int:
        """Deliver what is due now; how many."""
        count = 0
        while found := await self._take_some():
            await asyncio.gather(*map(self._deliver, found))
            count += len(found)
        return count

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    found = await self._take_some()
                except PyMongoError as error:
                    _logger.warning("webhooks wait for MongoDB: %s", type(error).__name__)
                    found = []
                for record in found:
                    group.create_task(self._deliver(record))
                if not found:
                    await asyncio.sleep(_POLL_SECONDS)

    async def _take_some(self) -> list[Record]:
        """What is due and has a place, leased: by one conditional update each."""
        due = {"state": "WAITING", "due_at": {"$lte": stored_now()}}
        waiting = await deliveries(self._context).distinct("endpoint", due)
        on = {"_id": {"$in": waiting}, "is_enabled": True}
        found: list[Record] = []
        async for endpoint in endpoints(self._context).find(on):
            places = min(_PLACES_OF_ONE - self._busy[endpoint["_id"]], _PLACES - self._busy.total())
            if places > 0:
                found += await self._take_of(endpoint, due, places)
        return found

    async def _take_of(self, endpoint: Record, due: Record, count: int) -> list[Record]:
        wanted = {"endpoint": endpoint["_id"], **due}
        some = await deliveries(self._context).find(wanted).sort("due_at", 1).to_list(count)
        found = []
        for record in some:
            mine = {"due_at": stored_now() + LEASE, "owner": self._context.storage.owner}
            written = await deliveries(self._context).update_one(
                {name: record[name] for name in ("_id", "state", "due_at", "attempts")},
                {"$set": mine, "$inc": {"attempts": 1}},
            )
            if written.modified_count:
                self._busy[endpoint["_id"]] += 1
                attempts = record["attempts"] + 1
                found.append({**record, **mine, "attempts": attempts, "to": endpoint})
        return found

    async def _deliver(self, record: Record) -> None:
        key = record["endpoint"]
        try:
            outcome = await _post(self._context, record["to"], record)
            await _note(self._context, record["to"], record, outcome)
        except PyMongoError as error:
            # The lease runs out, and it is sent again.
            _logger.warning("webhook %s waits for MongoDB: %s", record["_id"], type(error).__name__)
        except Exception:
            _logger.exception("webhook %s could not be delivered", record["_id"])
        finally:
            self._busy[key] -= 1
            if not self._busy[key]:
                del self._busy[key]


def queue_of(context: Context) -> Queue:
    """The queue of the context's engine."""
    return context.engine.own(Queue, context.engine)


async def _post(context: Context, endpoint: Record, record: Record) -> Outcome:
    """Send a delivery once. Raises nothing that a receiver can bring about."""
    begun = time.monotonic()
    body = record["body"].encode()
    signed = headers(record["message"], int(time.time()), body, await _secrets(context, endpoint))
    signed |= {"content-type": "application/json", "user-agent": "Mercat-Webhooks/1"}
    status, said, error, wait = None, "", None, 0
    try:
        seconds = context.settings(WebhookSettings).timeout_seconds
        async with asyncio.timeout(seconds), client(reach_of(context)) as asking:
            url = endpoint["url"]
            async with asking.stream("POST", url, content=body, headers=signed) as answer:
                status = answer.status_code
                wait = _seconds(answer.headers.get("retry-after", ""))
                said = await _beginning(answer)
    except TimeoutError:
        error = "it took too long to answer"
    except FetchError as found:
        error = str(found)
    except (httpx2.HTTPError, OSError) as found:
        error = f"nothing came from there: {type(found).__name__}"
    spent = int((time.monotonic() - begun) * 1000)
    if status is not None:
        error = None
    return Outcome(status, said, error, spent, wait if status in {429, 503} else 0)


async def _secrets(context: Context, endpoint: Record) -> list[str]:
    """What a message is signed with: the secret, and the one before while it is good."""
    kept = [endpoint["secret"]]
    if endpoint["old_until"] is not None and endpoint["old_until"] > stored_now():
        kept.append(endpoint["old_secret"])
    return [str(one) for one in await encryption_of(context).unseal_all(kept)]


async def _beginning(answer: httpx2.Response) -> str:
    found = b""
    async for chunk in answer.aiter_raw():
        found += chunk
        if len(found) >= _KEPT_BYTES:
            break
    return storable(found[:_KEPT_BYTES].decode(errors="replace").replace("\0", ""))


def _seconds(text: str) -> int:
    """Of Retry-After in seconds (RFC 9110, 10.2.3); a date counts as none."""
    return min(int(text), _LONGEST_WAIT) if text.isascii() and text.isdigit() else 0


async def _note(context: Context, endpoint: Record, record: Record, outcome: Outcome) -> None:
    now = stored_now()
    attempt = {
        "at": now,
        "status": outcome.status,
        "error": outcome.error,
        "body": outcome.body,
        "ms": outcome.milliseconds,
    }
    values: dict[str, Any] = {"owner": None}
    is_gone = outcome.status == 410  # noqa: PLR2004
    if outcome.is_good:
        values |= {"state": "DELIVERED", "settled_at": now, "due_at": now}
    elif is_gone or record["attempts"] >= MOST_ATTEMPTS:
        values |= {"state": "DEAD", "settled_at": now, "due_at": now}
    else:
        pause = PAUSES[record["attempts"] - 1] * random.uniform(0.9, 1.1)  # noqa: S311
        values["due_at"] = now + timedelta(seconds=max(pause, outcome.retry_after))
    await deliveries(context).update_one(
        {"_id": record["_id"], "owner": record["owner"], "attempts": record["attempts"]},
        {"$set": values, "$push": {"tries": {"$each": [attempt], "$slice": -_KEPT_TRIES}}},
    )
    if outcome.is_good:
        await _clear(context, endpoint)
    else:
        await _count_failure(context, endpoint, is_gone=is_gone)


async def _clear(context: Context, endpoint: Record) -> None:
    if endpoint["failing_since"] is not None:
        await endpoints(context).update_one(
            {"_id": endpoint["_id"]}, {"$set": {"failing_since": None}}
        )


async def _count_failure(context: Context, endpoint: Record, *, is_gone: bool) -> None:
    """Switch an endpoint off that is gone, or that has failed for days."""
    now, key = stored_now(), endpoint["_id"]
    await endpoints(context).update_one(
        {"_id": key, "failing_since": None}, {"$set": {"failing_since": now}}
    )
    if is_gone:
        wanted, reason = {"_id": key}, "it answered 410 Gone"
    else:
        days = context.settings(WebhookSettings).disable_days
        wanted = {"_id": key, "failing_since": {"$lt": now - timedelta(days=days)}}
        reason = f"nothing but failures for {days} days"
    off = {"is_enabled": False, "disabled_reason": reason, "updated_at": now}
    done = await endpoints(context).update_one(
        {**wanted, "is_enabled": True}, {"$set": off, "$inc": {"version": 1}}
    )
    if done.modified_count:
        _logger.warning("webhook endpoint %s is switched off: %s", key, reason)
