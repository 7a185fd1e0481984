"""Scheduled jobs: each runs at its interval, once across all replicas."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from beanie import Document
from pymongo.errors import PyMongoError

from mercat.context import Context
from mercat.lifecycle import Job
from mercat.storage.leases import lease

_TICK_SECONDS = 1.0

_logger = logging.getLogger(__name__)


class JobDocument(Document):
    id: str  # type: ignore[assignment]
    next_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: str | None = None

    class Settings:
        name = "jobs"


class Schedule:
    """Runs jobs while `run` runs; the database knows when each is due, leases keep it single."""

    def __init__(self, context: Context, jobs: Sequence[Job]) -> None:
        self._context = context
        self._jobs = {job.name: job for job in jobs}
        self._running: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Start what is due, for ever. When cancelled, jobs that run are cancelled too."""
        try:
            while self._jobs:
                try:
                    await self.start_due()
                except PyMongoError as error:
                    _logger.warning("jobs wait for MongoDB: %s", type(error).__name__)
                await asyncio.sleep(_TICK_SECONDS)
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def start_due(self) -> None:
        """Start each due job that this process does not run already."""
        now = datetime.now(UTC)
        records = self._context.storage.collection(JobDocument)
        waiting = await records.find(
            {"_id": {"$in": list(self._jobs)}, "next_at": {"$gt": now}}, {"_id": 1}
        ).to_list()
        for name in self._jobs.keys() - {record["_id"] for record in waiting}:
            if name not in self._running:
                task = asyncio.create_task(self._attempt(self._jobs[name]), name=f"job-{name}")
                self._running[name] = task
                task.add_done_callback(lambda _task, name=name: self._running.pop(name, None))

    async def _attempt(self, job: Job) -> None:
        try:
            async with lease(self._context.storage, f"job:{job.name}", job.lease) as held:
                if held:
                    await self._once(job)
        except PyMongoError as error:
            _logger.warning("job %s waits for MongoDB: %s", job.name, type(error).__name__)

    async def _once(self, job: Job) -> None:
        records = self._context.storage.collection(JobDocument)
        now = datetime.now(UTC)
        record = await records.find_one({"_id": job.name})
        if record is not None and record["next_at"] > now:
            return  # another process ran it between our look and our lease
        error = None
        try:
            await job.run(self._context)
        except Exception as raised:
            _logger.exception("job %s failed", job.name)
            error = f"{type(raised).__name__}: {raised}"[:2000]
        await records.update_one(
            {"_id": job.name},
            {
                "$set": {
                    "next_at": now + job.every,
                    "started_at": now,
                    "finished_at": datetime.now(UTC),
                    "error": error,
                }
            },
            upsert=True,
        )
