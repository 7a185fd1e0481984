"""Events that must not get lost: only with the fact, at least once, to everybody."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from beanie import PydanticObjectId
from bson import ObjectId

from mercat import Context, catalog, hookimpl
from mercat.engine import DOMAINS, Engine
from mercat.errors import InvalidError, NotFoundError
from mercat.hooks import Hooks, hookspec
from mercat.storage import Session, cancel
from mercat.storage.outbox import MOST_ATTEMPTS, Outbox, OutboxDocument, pause_after
from tests.plugins_for_tests.recording.record import behave, record, recorded

from .conftest import EngineFor, Mercat, until

PLUGINS = ("tests.plugins_for_tests.recording", "tests.plugins_for_tests.recording.second")
TOML = f"[plugins]\nenabled = {list(PLUGINS)}\n"
REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture
async def engine(engine_for: EngineFor) -> Engine:
    return await engine_for(TOML)


async def save(engine: Engine, *ids: str, outbox: Outbox | None = None) -> None:
    async def work(session: Session) -> None:
        await (outbox or engine.outbox).add(
            session, catalog.products_saved, engine.context(), list(ids)
        )

    await engine.storage.transaction(work)


async def heard(engine: Engine, who: str) -> list[Any]:
    return [event["what"] for event in await recorded(engine.context(), who)]


async def events(engine: Engine) -> list[dict[str, Any]]:
    return await engine.storage.collection(OutboxDocument).find().to_list()


async def make_due(engine: Engine) -> None:
    await engine.storage.collection(OutboxDocument).update_many(
        {}, {"$set": {"due_at": datetime.now(UTC) - timedelta(seconds=1)}}
    )


@asynccontextmanager
async def delivering(outbox: Outbox) -> AsyncIterator[None]:
    task = asyncio.create_task(outbox.run())
    try:
        yield
    finally:
        assert not task.done()
        await cancel([task])


# Adding


async def test_what_no_plugin_wants_to_hear_is_not_written(
    engine: Engine, engine_for: EngineFor
) -> None:
    deaf = await engine_for("[plugins]\nenabled = []\n")
    await save(deaf, "unheard")
    assert await events(deaf) == []
    await save(engine, "heard")
    assert [event["payload"] for event in await events(engine)] == [{"product_ids": ["heard"]}]


async def test_what_only_a_plugin_with_nothing_to_do_would_hear_is_not_written(
    engine: Engine,
) -> None:
    engine.outbox.spare("recording", catalog.products_saved, catalog.stock_changed)
    await save(engine, "second")
    assert [event["payload"] for event in await events(engine)] == [{"product_ids": ["second"]}]
    engine.outbox.spare("second", catalog.products_saved)
    await save(engine, "nobody")
    assert len(await events(engine)) == 1


async def test_an_event_comes_only_with_its_fact(engine: Engine) -> None:
    async def fails(session: Session) -> None:
        await engine.outbox.add(session, catalog.products_saved, engine.context(), ["no"])
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await engine.storage.transaction(fails)
    await save(engine, "yes")
    await engine.outbox.deliver_due()
    assert await heard(engine, "recording") == [["yes"]]
    assert await heard(engine, "second") == [["yes"]]
    assert await events(engine) == []


@dataclass(frozen=True)
class Parcel:
    weight: Decimal
    sent_at: datetime
    stops: tuple[str, ...]
    owner: PydanticObjectId


@hookspec
async def parcel_sent(context: Context, parcel: Parcel, times: list[datetime]) -> None:
    """A hook with values of many kinds."""


@hookspec
async def raw_id_sent(context: Context, key: ObjectId) -> None:
    """A hook with a value that is no JSON."""


def engine_with_hooks(engine: Engine) -> list[tuple[Parcel, list[datetime]]]:
    """Give the engine these hooks and a plugin that hears them; returns what it hears."""
    heard_parcels: list[tuple[Parcel, list[datetime]]] = []
    domain, plugin = ModuleType("domain"), ModuleType("plugin")
    domain.__dict__.update(parcel_sent=parcel_sent, raw_id_sent=raw_id_sent)

    async def hear(context: Context, parcel: Parcel, times: list[datetime]) -> None:
        heard_parcels.append((parcel, times))

    plugin.__dict__["parcel_sent"] = hookimpl(hear)
    engine.hooks = Hooks([*DOMAINS, domain])
    engine.hooks.register("hearer", plugin)
    engine.outbox = Outbox(engine.context())
    return heard_parcels


async def test_values_of_many_kinds_come_back_as_they_were(engine: Engine) -> None:
    heard_parcels = engine_with_hooks(engine)
    now = datetime.now(UTC)
    parcel = Parcel(Decimal("1.50"), now, ("Köln", "Łódź"), PydanticObjectId())
    await engine.storage.transaction(
        lambda session: engine.outbox.add(
            session, parcel_sent, engine.context(), parcel, times=[now]
        )
    )
    assert await engine.outbox.deliver_due() == 1
    assert heard_parcels == [(parcel, [now])]


async def test_values_that_would_not_come_back_are_refused_at_once(engine: Engine) -> None:
    engine_with_hooks(engine)
    context, outbox = engine.context(), engine.outbox
    async with engine.storage.client.start_session() as session:
        with pytest.raises(TypeError, match=r"raw_id_sent: key can't be an event's value: .*str"):
            await outbox.add(session, raw_id_sent, context, ObjectId())
        with pytest.raises(TypeError, match="products_saved: product_ids can't be"):
            await outbox.add(session, catalog.products_saved, context, [1])  # type: ignore[list-item]
        with pytest.raises(TypeError, match="products_saved: product_ids can't be"):
            await outbox.add(session, catalog.products_saved, context, 5)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="missing a required argument"):
            await outbox.add(session, catalog.products_saved, context)  # type: ignore[call-arg]
        with pytest.raises(TypeError, match="is not a hook of this engine"):
            await outbox.add(session, make_due, context)  # type: ignore[arg-type]
    assert await events(engine) == []


# Delivering


async def test_an_event_is_delivered_within_a_moment(engine: Engine) -> None:
    async with delivering(engine.outbox):
        await asyncio.sleep(0.3)  # it has looked, and now waits to look again
        started = asyncio.get_running_loop().time()
        for number in range(5):
            await save(engine, str(number))
            await until(partial(said, engine, "second", number + 1))
        assert asyncio.get_running_loop().time() - started < 2


async def said(engine: Engine, who: str, times: int) -> bool:
    return len(await recorded(engine.context(), who)) >= times


async def test_a_plugin_that_fails_is_told_again_and_the_others_are_not(engine: Engine) -> None:
    context = engine.context()
    await behave(context, "recording", fails=True)
    await save(engine, "p")
    for _ in range(3):
        await make_due(engine)
        await engine.outbox.deliver_due()
    assert len(await heard(engine, "recording")) == 3
    assert await heard(engine, "second") == [["p"]]
    (event,) = await events(engine)
    assert event["error"] == "recording: RuntimeError: recording fails, as it was told to"
    assert (event["delivered"], event["state"], event["owner"]) == (["second"], "pending", None)
    await behave(context, "recording")
    await make_due(engine)
    await engine.outbox.deliver_due()
    assert await heard(engine, "second") == [["p"]]
    assert await events(engine) == []


async def test_pauses_grow_and_the_twelfth_failure_is_the_last(engine: Engine) -> None:
    await behave(engine.context(), "recording", fails=True)
    await save(engine, "p")
    pauses = []
    for attempt in range(1, MOST_ATTEMPTS + 1):
        (event,) = await events(engine)
        assert event["state"] == "pending"
        assert await engine.outbox.deliver_due() == 1, attempt
        assert await engine.outbox.deliver_due() == 0
        (event,) = await events(engine)
        pauses.append((event["due_at"] - datetime.now(UTC)).total_seconds())
        await make_due(engine)
    assert event["state"] == "dead"
    assert await engine.outbox.deliver_due() == 0
    assert len(await heard(engine, "recording")) == 12
    expected = [pause_after(attempt).total_seconds() for attempt in range(1, 13)]
    assert pauses == pytest.approx(expected, abs=1.5)
    assert expected == sorted(expected)
    assert (expected[:4], expected[-1]) == ([1, 3, 9, 27], 3600)
    assert 3 * 3600 < sum(expected[:-1]) < 5 * 3600


async def test_two_processes_share_the_work_and_nothing_is_done_twice(
    engine: Engine, engine_for: EngineFor
) -> None:
    other = await engine_for(TOML)
    await behave(engine.context(), "recording", seconds=0.05)
    async with delivering(engine.outbox), delivering(other.outbox):
        for number in range(40):
            await save(engine, str(number))
        await until(lambda: none_left(engine))
    assert sorted(int(what[0]) for what in await heard(engine, "recording")) == list(range(40))
    assert sorted(int(what[0]) for what in await heard(engine, "second")) == list(range(40))


async def none_left(engine: Engine) -> bool:
    return await events(engine) == []


async def test_a_slow_delivery_keeps_its_lease(engine: Engine, engine_for: EngineFor) -> None:
    """Three plugins, each just in time, together take longer than one lease."""
    other = await engine_for(TOML)
    for each in (engine, other):
        add_third_listener(each)
    mine, theirs = (Outbox(e.context(), timedelta(seconds=1)) for e in (engine, other))
    for who in ("recording", "second", "third"):
        await behave(engine.context(), who, seconds=0.4, fails=who == "recording")
    await save(engine, "p")
    async with delivering(mine), delivering(theirs):
        await asyncio.sleep(1.5)
        for who in ("recording", "second", "third"):
            assert len(await heard(engine, who)) == 1


def add_third_listener(engine: Engine) -> None:
    async def hear(context: Context, product_ids: Sequence[str]) -> None:
        await record(context, "third", list(product_ids))

    plugin = ModuleType("third")
    plugin.__dict__["products_saved"] = hookimpl(hear)
    engine.hooks.register("third", plugin)


async def test_a_plugin_that_hangs_is_broken_off_and_tried_again(engine: Engine) -> None:
    outbox = Outbox(engine.context(), timedelta(seconds=0.4))
    await behave(engine.context(), "recording", seconds=60)
    await save(engine, "p")
    await asyncio.wait_for(outbox.deliver_due(), 5)
    (event,) = await events(engine)
    assert "recording: TimeoutError" in event["error"]
    assert event["delivered"] == ["second"]


async def test_a_lost_lease_changes_nothing(engine: Engine) -> None:
    """A process that stood still must not undo what its successor did."""
    await behave(engine.context(), "recording", seconds=0.6)
    await save(engine, "p")
    delivery = asyncio.create_task(engine.outbox.deliver_due())
    await until(lambda: said(engine, "recording", 1))
    taken = {"attempts": 2, "owner": "another"}
    await engine.storage.collection(OutboxDocument).update_one({}, {"$set": taken})
    (before,) = await events(engine)
    await delivery
    assert await events(engine) == [before]
    assert await heard(engine, "second") == []


async def test_stopping_gives_back_what_is_being_delivered(engine: Engine) -> None:
    await behave(engine.context(), "recording", seconds=20)
    await save(engine, "p")
    async with delivering(engine.outbox):
        await until(lambda: said(engine, "recording", 1))
    (event,) = await events(engine)
    assert event["due_at"] <= datetime.now(UTC)
    assert (event["attempts"], event["owner"]) == (0, None)


@contextmanager
def working(engine: Engine, environment: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Another process that delivers the same engine's events."""
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


@pytest.mark.gate
async def test_the_events_of_a_killed_process_are_taken_over(
    engine: Engine, mercat_environment: dict[str, str]
) -> None:
    await behave(engine.context(), "second", seconds=0.9)
    await save(engine, "p")
    with working(engine, mercat_environment) as process:
        await until(lambda: said(engine, "second", 1), 20)
        os.kill(process.pid, signal.SIGKILL)
        killed_at = datetime.now(UTC)
        (event,) = await events(engine)
        assert event["delivered"] == ["recording"]
    await behave(engine.context(), "second")
    async with delivering(engine.outbox):
        await asyncio.sleep(0.3)
        assert len(await events(engine)) == 1  # its lease still holds
        await until(lambda: none_left(engine))
    assert datetime.now(UTC) - killed_at < timedelta(seconds=4)
    assert len(await heard(engine, "recording")) == 1
    assert len(await heard(engine, "second")) == 2


async def test_an_event_that_kills_each_process_ends_as_dead(engine: Engine) -> None:
    await save(engine, "p")
    await engine.storage.collection(OutboxDocument).update_one(
        {}, {"$set": {"attempts": MOST_ATTEMPTS}}
    )
    await engine.outbox.deliver_due()
    (event,) = await engine.outbox.dead()
    assert "ended before" in event["error"]
    assert await heard(engine, "recording") == []


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"hook": "order_eaten"}, "order_eaten: no such hook in this engine"),
        ({"payload": {"product_ids": 5}}, "products_saved: 1 validation error"),
        ({"payload": {"gone": 5}}, "products_saved: 'gone'"),
        ({"payload": {}}, "recording: KeyError: 'product_ids'; second: KeyError: 'product_ids'"),
    ],
)
async def test_an_event_that_nobody_understands_is_kept(
    engine: Engine, change: dict[str, Any], error: str
) -> None:
    await save(engine, "p")
    await save(engine, "q")
    await engine.storage.collection(OutboxDocument).update_one(
        {"payload.product_ids": "p"}, {"$set": change}
    )
    assert await engine.outbox.deliver_due() == 2
    assert await heard(engine, "second") == [["q"]]
    (event,) = await events(engine)
    assert event["error"].startswith(error)
    assert event["state"] == "pending"


async def test_an_event_for_a_plugin_that_is_gone_reaches_the_others(
    engine: Engine, engine_for: EngineFor
) -> None:
    await behave(engine.context(), "second", fails=True)
    await save(engine, "p")
    await engine.outbox.deliver_due()
    without = await engine_for(f'[plugins]\nenabled = ["{PLUGINS[0]}"]\n')
    await make_due(engine)
    assert await without.outbox.deliver_due() == 1
    assert await events(engine) == []


async def test_it_goes_on_after_the_database_was_away(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any error of the database, in whatever step, leaves it running."""
    collection = type(engine.storage.collection(OutboxDocument))
    real: dict[str, Callable[..., Any]] = {}
    for name in ("find_one_and_update", "update_one", "delete_one"):
        real[name] = getattr(collection, name)
        monkeypatch.setattr(collection, name, failing_once(real[name]))
    outbox = Outbox(engine.context(), timedelta(seconds=0.6))
    await save(engine, "p")
    async with delivering(outbox):
        await until(lambda: none_left(engine), 10)


def failing_once(write: Callable[..., Any]) -> Callable[..., Any]:
    from pymongo.errors import AutoReconnect

    failed: list[bool] = []

    async def fails(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.name == "outbox" and not failed:
            failed.append(True)
            raise AutoReconnect("the database went away")
        return await write(self, *args, **kwargs)

    return fails


# What was given up


async def test_dead_events_are_listed_and_replayed(
    engine: Engine, mercat: Mercat, tmp_path: Path
) -> None:
    def run(*arguments: str) -> Any:
        return mercat(
            "--config",
            str(engine.settings.file),
            "outbox",
            *arguments,
            MERCAT_DATABASE__NAME=engine.storage.database.name,
            PYTHONPATH=str(REPOSITORY),
        )

    for name in ("a", "b", "c"):
        await save(engine, name)
    await engine.storage.collection(OutboxDocument).update_many(
        {"payload.product_ids": {"$in": ["a", "b"]}},
        {"$set": {"state": "dead", "attempts": 12, "error": "second: it broke"}},
    )
    first = (await engine.outbox.dead())[0]["_id"]
    listed = await asyncio.to_thread(run, "list")
    assert listed.out.startswith("1 pending\n")
    assert listed.out.count("products_saved after 12 attempts: second: it broke") == 2
    assert str(first) in listed.out
    replayed = await asyncio.to_thread(run, "replay", str(first))
    assert (replayed.code, replayed.out) == (0, "1 due again\n")
    again = await asyncio.to_thread(run, "replay", str(first))
    assert again.code == 1
    assert again.err.startswith("mercat: no dead event has the id")
    rest = await asyncio.to_thread(run, "replay", "--all")
    assert (rest.code, rest.out) == (0, "1 due again\n")
    await engine.outbox.deliver_due()
    assert sorted(what[0] for what in await heard(engine, "second")) == ["a", "b", "c"]


async def test_replaying_what_is_not_dead_is_refused(engine: Engine) -> None:
    await save(engine, "p")
    (event,) = await events(engine)
    with pytest.raises(NotFoundError, match="no dead event has the id"):
        await engine.outbox.replay(str(event["_id"]))
    with pytest.raises(InvalidError, match="is no event's id"):
        await engine.outbox.replay("nonsense")
    assert await engine.outbox.replay(None) == 0
