"""Scheduled jobs: each runs at its interval, once across all replicas."""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from beanie import Document
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError, PyMongoError

from mercat.context import Context
from mercat.errors import BootError
from mercat.lifecycle import Job
from mercat.storage import Record, cancel, is_written, storable
from mercat.storage.leases import LeaseLostError, lease

_TICK_SECONDS = 1.0

_logger = logging.getLogger(__name__)


class JobDocument(Document):
    """When a job is due; `run` names the run that may say so next."""

    id: str  # type: ignore[assignment]
    run: str
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
        self._jobs: dict[str, Job] = {}
        for job in jobs:
            if self._jobs.setdefault(job.name, job) is not job:
                raise BootError(f"two scheduled jobs are named '{job.name}'; rename one")
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
            await cancel(tuple(self._running.values()))

    async def start_due(self) -> None:
        """Start each due job that this process does not run already."""
        now = datetime.now(UTC)
        waiting = await self._records.find(
            {"_id": {"$in": list(self._jobs)}, "next_at": {"$gt": now}}, {"_id": 1}
        ).to_list()
        for name in self._jobs.keys() - {record["_id"] for record in waiting}:
            if name not in self._running:
                task = asyncio.create_task(self._attempt(self._jobs[name]), name=f"job-{name}")
                self._running[name] = task

    async def _attempt(self, job: Job) -> None:
        try:
            async with lease(self._context.storage, f"job:{job.name}", job.lease) as held:
                if held:
                    await self._once(job)
        except PyMongoError as error:
            _logger.warning("job %s waits for MongoDB: %s", job.name, type(error).__name__)
        except LeaseLostError as error:
            _logger.warning("job %s was broken off: %s", job.name, error)
        finally:
            self._running.pop(job.name, None)

    async def _once(self, job: Job) -> None:
        now = datetime.now(UTC)
        run = await self._begin(job, now)
        if run is None:
            return
        error = None
        try:
            await job.run(self._context)
        except Exception as raised:
            _logger.exception("job %s failed", job.name)
            error = storable(f"{type(raised).__name__}: {raised}")
        # By its run: one that lost its lease must not put off what its successor decided.
        await self._records.update_one(
            {"_id": job.name, "run": run},
            {
                "$set": {
                    "next_at": now + job.every,
                    "finished_at": datetime.now(UTC),
                    "error": error,
                }
            },
        )

    async def _begin(self, job: Job, now: datetime) -> str | None:
        """Note that a run begins; None where another process ran it since our look."""
        run = secrets.token_hex(8)
        try:
            result = await self._records.update_one(
                {"_id": job.name, "next_at": {"$lte": now}},
                {"$set": {"run": run, "started_at": now}, "$setOnInsert": {"next_at": now}},
                upsert=True,
            )
        except DuplicateKeyError:
            return None
        return run if is_written(result) else None

    @property
    def _records(self) -> AsyncCollection[Record]:
        return self._context.storage.collection(JobDocument)
