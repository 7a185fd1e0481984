"""Jobs: each at its interval, once across all replicas."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mercat import Context, lifecycle
from mercat.engine import Engine
from mercat.errors import BootError
from mercat.lifecycle import Job
from mercat.storage import cancel
from mercat.storage.leases import LeaseDocument, LeaseLostError, lease
from mercat.storage.schedule import JobDocument, Schedule
from tests.plugins_for_tests.recording.hooks import TICK
from tests.plugins_for_tests.recording.record import behave, record, recorded

from .conftest import EngineFor, until

pytestmark = pytest.mark.gate

TOML = '[plugins]\nenabled = ["tests.plugins_for_tests.recording"]\n'
REPOSITORY = Path(__file__).resolve().parents[1]
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


@pytest.fixture
async def engine(engine_for: EngineFor) -> Engine:
    return await engine_for(TOML)


def job(name: str = "job", every: timedelta = HOUR, held: timedelta = SECOND) -> Job:
    async def run(context: Context) -> None:
        await record(context, name, None)

    return Job(name=name, every=every, run=run, lease=held)


@asynccontextmanager
async def running(*schedules: Schedule) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(schedule.run()) for schedule in schedules]
    try:
        yield
    finally:
        assert not any(task.done() for task in tasks)
        await cancel(tasks)


async def record_of(engine: Engine, name: str = "job") -> dict[str, Any]:
    found = await engine.storage.collection(JobDocument).find_one({"_id": name})
    assert found is not None
    return found


async def runs(engine: Engine, name: str = "job") -> Sequence[dict[str, Any]]:
    return await recorded(engine.context(), name)


@pytest.mark.long
async def test_three_engines_run_a_job_once_an_interval(engine_for: EngineFor) -> None:
    engines = [await engine_for(TOML) for _ in range(3)]
    jobs = [job("hourly"), job("often", every=1.5 * SECOND)]
    async with running(*(Schedule(engine.context(), jobs) for engine in engines)):
        await asyncio.sleep(5.2)
    assert len(await runs(engines[0], "hourly")) == 1
    times = [run["at"] for run in await runs(engines[0], "often")]
    assert 3 <= len(times) <= 4
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert min(pauses) > 1.4 * SECOND


async def test_a_plugins_jobs_run_in_a_working_engine(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML, work=True)
    await until(lambda: ran(engine, TICK, 2))
    names = {record["_id"] async for record in engine.storage.collection(JobDocument).find()}
    assert names == {TICK, "forget-idempotency-keys"}


async def ran(engine: Engine, name: str, times: int) -> bool:
    return len([run for run in await runs(engine, name) if run["done"]]) >= times


async def test_a_failing_job_is_written_down_and_runs_again(engine: Engine) -> None:
    await behave(engine.context(), "job", fails=True)
    async with running(Schedule(engine.context(), [job(every=SECOND)])):
        await until(lambda: failed_twice(engine))
        found = await record_of(engine)
        assert found["error"] == "RuntimeError: job fails, as it was told to"
        await behave(engine.context(), "job")
        await until(lambda: ran(engine, "job", 1))
        await until(lambda: is_mended(engine))


async def failed_twice(engine: Engine) -> bool:
    return len(await runs(engine)) >= 2 and (await record_of(engine)).get("error") is not None


async def is_mended(engine: Engine) -> bool:
    return (await record_of(engine))["error"] is None


async def test_a_long_job_keeps_its_lease(engine_for: EngineFor) -> None:
    one, two = [await engine_for(TOML) for _ in range(2)]
    await behave(one.context(), "job", seconds=2.5)
    async with running(*(Schedule(engine.context(), [job()]) for engine in (one, two))):
        await until(lambda: ran(one, "job", 1))
        await asyncio.sleep(1.2)
    assert len(await runs(one)) == 1
    assert (await record_of(one))["error"] is None


@contextmanager
def working(engine: Engine, environment: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Another process that runs the same engine's jobs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.plugins_for_tests.recording"],
        cwd=REPOSITORY,
        env={
            **environment,
            "MERCAT_CONFIG": str(engine.settings.file),
            "MERCAT_DATABASE__NAME": engine.storage.database.name,
        },
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def test_the_job_of_a_killed_process_is_taken_over(
    engine: Engine, mercat_environment: dict[str, str]
) -> None:
    await behave(engine.context(), TICK, seconds=60)
    with working(engine, mercat_environment) as process:
        await until(lambda: began(engine, TICK, 1), 20)
    killed_at = datetime.now(UTC)
    await behave(engine.context(), TICK)
    jobs = [job for _, found in engine.hooks.gather(lifecycle.scheduled_jobs) for job in found]
    async with running(Schedule(engine.context(), jobs)):
        await until(lambda: ran(engine, TICK, 1))
    first, second = (await runs(engine, TICK))[:2]
    assert (first["pid"], second["pid"]) == (process.pid, os.getpid())
    assert second["at"] - killed_at < timedelta(seconds=4)


async def began(engine: Engine, name: str, times: int) -> bool:
    return len(await runs(engine, name)) >= times


async def test_a_job_whose_lease_was_lost_is_broken_off_and_changes_nothing(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    await behave(engine.context(), "job", seconds=30)
    async with running(Schedule(engine.context(), [job()])):
        await until(lambda: began(engine, "job", 1))
        successor = {"run": "another", "next_at": datetime.now(UTC) + HOUR, "error": "theirs"}
        await engine.storage.collection(JobDocument).update_one({"_id": "job"}, {"$set": successor})
        await engine.storage.collection(LeaseDocument).update_one(
            {"_id": "job:job"}, {"$set": {"owner": "another"}}
        )
        before = await record_of(engine)
        await until(lambda: is_said(caplog, "could not be renewed in time"), 3)
    assert await record_of(engine) == before
    assert (await lease_of(engine, "job:job"))["owner"] == "another"


async def is_said(caplog: pytest.LogCaptureFixture, words: str) -> bool:
    return words in caplog.text


async def lease_of(engine: Engine, name: str) -> dict[str, Any]:
    found = await engine.storage.collection(LeaseDocument).find_one({"_id": name})
    assert found is not None
    return found


async def test_a_job_that_outlives_its_lease_does_not_put_off_its_successor(
    engine: Engine,
) -> None:
    """Even one that ends just then: what it writes goes by its run, not by the job's name."""
    schedule = Schedule(engine.context(), [])
    await behave(engine.context(), "job", seconds=0.3)
    late = asyncio.create_task(schedule._once(job()))
    await until(lambda: began(engine, "job", 1))
    await engine.storage.collection(JobDocument).update_one(
        {"_id": "job"}, {"$set": {"run": "another"}}
    )
    before = await record_of(engine)
    await late
    assert await record_of(engine) == before


async def test_a_lease_is_held_by_one_and_left_to_others(engine: Engine) -> None:
    storage = engine.storage
    async with lease(storage, "l", SECOND) as first:
        async with lease(storage, "l", SECOND) as second:
            assert (first, second) == (True, False)
        assert await lease_of(engine, "l")
        with pytest.raises(RuntimeError, match="within"):
            async with lease(storage, "other", SECOND):
                raise RuntimeError("within")
    async with lease(storage, "l", SECOND) as third, lease(storage, "other", SECOND) as fourth:
        assert (third, fourth) == (True, True)


async def test_fifty_that_want_a_lease_at_once(engine: Engine) -> None:
    inside = most = 0

    async def enter() -> bool:
        nonlocal inside, most
        async with lease(engine.storage, "l", 5 * SECOND) as held:
            if held:
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0.5)
                inside -= 1
            return held

    assert sum(await asyncio.gather(*(enter() for _ in range(50)))) == 1
    assert most == 1


async def test_a_lost_lease_breaks_off_its_block(engine: Engine) -> None:
    async def hold() -> None:
        async with lease(engine.storage, "l", 0.6 * SECOND):
            await engine.storage.collection(LeaseDocument).delete_one({"_id": "l"})
            await asyncio.sleep(10)

    with pytest.raises(LeaseLostError, match="the lease 'l' could not be renewed in time"):
        await asyncio.wait_for(hold(), 3)


async def test_a_timeout_within_a_lease_stays_a_timeout(engine: Engine) -> None:
    async def hold() -> None:
        async with lease(engine.storage, "l", SECOND):
            raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        await hold()


async def test_two_jobs_of_one_name_are_refused(engine: Engine) -> None:
    with pytest.raises(BootError, match="two scheduled jobs are named 'job'; rename one"):
        Schedule(engine.context(), [job(), replace(job(), every=SECOND)])
