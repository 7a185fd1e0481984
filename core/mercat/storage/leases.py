"""Leases: one process at a time, across all replicas, by one conditional update."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from beanie import Document
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError, PyMongoError

from mercat.errors import StoreError
from mercat.storage import Record, Storage, cancel, is_written


class LeaseLostError(StoreError):
    """A lease ran out while it was in use, as MongoDB or this process stood still for too long."""


class LeaseDocument(Document):
    id: str  # type: ignore[assignment]
    owner: str
    until: datetime

    class Settings:
        name = "leases"


@contextlib.asynccontextmanager
async def lease(storage: Storage, name: str, duration: timedelta) -> AsyncIterator[bool]:
    """Hold the lease of that name, or learn that somebody else has it.

    Yields whether it is held. While the block runs the lease is renewed each third of its
    duration; a process that dies leaves it to others after `duration`. Where it can't be renewed in
    time the block is cancelled, as another process may hold it now. Raises LeaseLostError then.
    """
    owner = secrets.token_hex(8)
    asked_at = asyncio.get_running_loop().time()
    if not await _take(storage, name, owner, duration):
        yield False
        return
    try:
        async with asyncio.timeout_at(asked_at + duration.total_seconds()) as limit:
            renewing = asyncio.create_task(
                _renew(storage, name, owner, duration, limit), name=f"renew-{name}"
            )
            try:
                yield True
            finally:
                await cancel([renewing])
                with contextlib.suppress(PyMongoError):  # it runs out by itself
                    await _leases(storage).delete_one({"_id": name, "owner": owner})
    except TimeoutError:
        if not limit.expired():
            raise
        raise LeaseLostError(f"the lease '{name}' could not be renewed in time") from None


def _leases(storage: Storage) -> AsyncCollection[Record]:
    return storage.collection(LeaseDocument)


async def _take(storage: Storage, name: str, owner: str, duration: timedelta) -> bool:
    now = datetime.now(UTC)
    try:
        result = await _leases(storage).update_one(
            {"_id": name, "until": {"$lte": now}},
            {"$set": {"owner": owner, "until": now + duration}},
            upsert=True,
        )
    except DuplicateKeyError:
        return False
    return is_written(result)


async def _renew(
    storage: Storage, name: str, owner: str, duration: timedelta, limit: asyncio.Timeout
) -> None:
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(duration.total_seconds() / 3)
        asked_at = loop.time()
        try:
            renewed = await _leases(storage).update_one(
                {"_id": name, "owner": owner}, {"$set": {"until": datetime.now(UTC) + duration}}
            )
        except PyMongoError:
            continue
        if not renewed.matched_count:
            limit.reschedule(asked_at)
            return
        limit.reschedule(asked_at + duration.total_seconds())
