"""Leases: one process at a time, across all replicas, by one conditional update."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from beanie import Document
from pymongo.errors import DuplicateKeyError, PyMongoError

from mercat.storage import Storage, cancel


class LeaseDocument(Document):
    id: str  # type: ignore[assignment]
    owner: str
    until: datetime

    class Settings:
        name = "leases"


@contextlib.asynccontextmanager
async def lease(storage: Storage, name: str, duration: timedelta) -> AsyncIterator[bool]:
    """Hold the lease of that name, or learn that another process has it.

    Yields whether it is held. While the block runs the lease is renewed each third of its
    duration; a process that dies leaves it to others after `duration`.
    """
    if not await _take(storage, name, duration):
        yield False
        return
    renewing = asyncio.create_task(_renew(storage, name, duration), name=f"renew-{name}")
    try:
        yield True
    finally:
        await cancel([renewing])
        with contextlib.suppress(PyMongoError):  # it runs out by itself
            await storage.collection(LeaseDocument).delete_one(
                {"_id": name, "owner": storage.owner}
            )


async def _take(storage: Storage, name: str, duration: timedelta) -> bool:
    now = datetime.now(UTC)
    try:
        await storage.collection(LeaseDocument).update_one(
            {"_id": name, "until": {"$lte": now}},
            {"$set": {"owner": storage.owner, "until": now + duration}},
            upsert=True,
        )
    except DuplicateKeyError:
        return False
    return True


async def _renew(storage: Storage, name: str, duration: timedelta) -> None:
    while True:
        await asyncio.sleep(duration.total_seconds() / 3)
        with contextlib.suppress(PyMongoError):
            await storage.collection(LeaseDocument).update_one(
                {"_id": name, "owner": storage.owner},
                {"$set": {"until": datetime.now(UTC) + duration}},
            )
