"""The change feed: nothing acknowledged goes untold, and it says until when it has told."""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from mercat.engine import Engine
from mercat.settings import load_settings
from mercat.storage import Session, Storage, cancel
from mercat.storage.changes import Batch, Change, ChangeFeed, Changes, ChangesLostError
from mercat.storage.leases import LeaseDocument
from mercat.storage.pages import CounterDocument

from .conftest import EngineFor
from .test_embedded import NoteDocument, data, folder, server_pid, storage_in, survives
from .test_embedded import until_async as until
from .test_stores_down import Pair, pair

__all__ = ["data", "folder", "pair"]  # fixtures


@pytest.fixture
async def engine(engine_for: EngineFor) -> Engine:
    return await engine_for('[plugins]\nenabled = ["media", "products"]\n')


async def until_told(batches: AsyncIterator[Batch], moment: float) -> tuple[list[Change], Batch]:
    """All changes up to the batch that says it has told everything until that moment."""
    changes: list[Change] = []
    async for batch in batches:
        changes += batch.changes
        if batch.told_until is not None and batch.told_until >= moment:
            return changes, batch
    raise AssertionError("a feed does not end")


async def test_every_kind_of_write_is_told_in_order(engine: Engine) -> None:
    counters = engine.storage.collection(CounterDocument)
    feed = ChangeFeed(engine.storage, [CounterDocument])
    async with contextlib.aclosing(feed.batches()) as batches:
        await anext(batches)
        await counters.insert_one({"_id": "a", "value": 1})
        await counters.update_one({"_id": "a"}, {"$set": {"value": 2}})
        await counters.replace_one({"_id": "a"}, {"value": 3})
        await engine.storage.database["others"].insert_one({"_id": "not told"})
        await counters.delete_one({"_id": "a"})
        changes, _ = await until_told(batches, time.monotonic())
    assert [(change.key, change.removed) for change in changes] == [
        ("a", False),
        ("a", False),
        ("a", False),
        ("a", True),
    ]


async def test_a_transaction_is_told_as_a_whole_and_an_aborted_one_never(engine: Engine) -> None:
    counters = engine.storage.collection(CounterDocument)
    feed = ChangeFeed(engine.storage, [CounterDocument])

    async def write(session: Session) -> None:
        await counters.insert_one({"_id": "x", "value": 1}, session=session)
        await counters.insert_one({"_id": "y", "value": 1}, session=session)

    async def fail(session: Session) -> None:
        await counters.insert_one({"_id": "z", "value": 1}, session=session)
        raise ValueError

    async with contextlib.aclosing(feed.batches()) as batches:
        await anext(batches)
        await engine.storage.transaction(write)
        with pytest.raises(ValueError, match=r"^$"):
            await engine.storage.transaction(fail)
        changes, _ = await until_told(batches, time.monotonic())
    assert [change.key for change in changes] == ["x", "y"]


async def test_a_token_continues_where_it_stands(engine: Engine) -> None:
    counters = engine.storage.collection(CounterDocument)
    feed = ChangeFeed(engine.storage, [CounterDocument])
    async with contextlib.aclosing(feed.batches()) as batches:
        await anext(batches)
        await counters.insert_one({"_id": "before", "value": 1})
        _, last = await until_told(batches, time.monotonic())
    await counters.insert_one({"_id": "meanwhile", "value": 1})
    async with contextlib.aclosing(feed.batches(last.token)) as batches:
        changes, _ = await until_told(batches, time.monotonic())
    assert [change.key for change in changes] == ["meanwhile"]


async def test_more_than_a_batch_says_so(engine: Engine) -> None:
    counters = engine.storage.collection(CounterDocument)
    feed = ChangeFeed(engine.storage, [CounterDocument])
    async with contextlib.aclosing(feed.batches()) as batches:
        first = await anext(batches)
        await counters.insert_many([{"_id": str(i), "value": i} for i in range(2500)])
        now = time.monotonic()
        changes, _ = await until_told(batches, now)
    assert [change.key for change in changes] == [str(i) for i in range(2500)]
    async with contextlib.aclosing(feed.batches(first.token)) as batches:
        assert (await anext(batches)).told_until is None
        again, _ = await until_told(batches, now)
    assert len({change.key for change in again}) > 2000


async def test_a_crowd_of_other_changes_hides_nothing(engine: Engine) -> None:
    counters = engine.storage.collection(CounterDocument)
    feed = ChangeFeed(engine.storage, [CounterDocument])
    async with contextlib.aclosing(feed.batches()) as batches:
        await anext(batches)
        await engine.storage.database["others"].insert_many([{"_id": i} for i in range(1500)])
        await counters.insert_one({"_id": "mine", "value": 1})
        changes, _ = await until_told(batches, time.monotonic())
    assert [change.key for change in changes] == ["mine"]


async def test_what_is_told_is_never_later_than_it_says(engine: Engine) -> None:
    counters = engine.storage.collection(CounterDocument)
    feed = ChangeFeed(engine.storage, [CounterDocument])
    acknowledged: dict[str, float] = {}
    told: set[Any] = set()
    chance = random.Random(7)

    async def write() -> None:
        for number in range(60):
            key = f"key-{number}"
            await counters.insert_one({"_id": key, "value": number})
            acknowledged[key] = time.monotonic()
            await asyncio.sleep(chance.choice([0, 0, 0.01, 0.05]))

    async with contextlib.aclosing(feed.batches()) as batches:
        await anext(batches)
        writing = asyncio.create_task(write())
        async for batch in batches:
            told |= {change.key for change in batch.changes}
            until = batch.told_until
            late = [key for key, at in acknowledged.items() if until is not None and at < until]
            assert told >= set(late)
            if writing.done() and len(told) == len(acknowledged):
                break
        await writing


async def test_a_token_that_nobody_knows_is_an_error(engine: Engine) -> None:
    feed = ChangeFeed(engine.storage, [CounterDocument])
    async with contextlib.aclosing(feed.batches({"_data": "00"})) as batches:
        with pytest.raises(ChangesLostError):
            await asyncio.wait_for(anext(batches), 10)


@pytest.mark.gate
async def test_nothing_is_lost_when_the_database_is_killed(folder: Path, data: Path) -> None:
    async with storage_in(folder) as storage:
        notes = storage.collection(NoteDocument)
        feed = ChangeFeed(storage, [NoteDocument])
        async with contextlib.aclosing(feed.batches()) as batches:
            await anext(batches)
            await notes.insert_one({"_id": "before"})
            os.kill(server_pid(data, "SecantusDB"), signal.SIGKILL)
            reading = asyncio.create_task(keys_until(batches, "after"))
            await survives(lambda: notes.replace_one({"_id": "after"}, {}, upsert=True))
            found = await asyncio.wait_for(reading, 20)
    assert list(dict.fromkeys(found)) == ["before", "after"]


async def keys_until(batches: AsyncIterator[Batch], last: str) -> list[Any]:
    found: list[Any] = []
    async for batch in batches:
        found += [change.key for change in batch.changes]
        if last in found:
            return found
    raise AssertionError("a feed does not end")


async def test_listeners_hear_of_their_collection_alone_and_first_that_all_may_have_changed(
    engine: Engine,
) -> None:
    heard: list[Change] = []
    changes = Changes(engine.storage)
    changes.listen(CounterDocument, heard.extend)
    changes.listen(LeaseDocument, lambda _changes: None)
    counters = engine.storage.collection(CounterDocument)
    running = asyncio.create_task(changes.run())
    await until(lambda: changes.told_until > 0)
    assert heard == [Change("counters", None, removed=True)]
    await engine.storage.collection(LeaseDocument).insert_one({"_id": "other"})
    await counters.insert_one({"_id": "mine", "value": 1})
    moment = time.monotonic()
    await until(lambda: changes.told_until > moment)
    assert heard[1:] == [Change("counters", "mine", removed=False)]
    await cancel([running])


async def test_a_dropped_database_is_told_as_a_change_of_everything(engine: Engine) -> None:
    heard: list[Change] = []
    changes = Changes(engine.storage)
    changes.listen(CounterDocument, heard.extend)
    running = asyncio.create_task(changes.run())
    await until(lambda: changes.told_until > 0)
    await engine.storage.collection(CounterDocument).insert_one({"_id": "a", "value": 1})
    await engine.storage.client.drop_database(engine.storage.database.name)
    await until(lambda: Change("counters", None, removed=True) in heard[1:])
    await engine.storage.collection(CounterDocument).insert_one({"_id": "b", "value": 1})
    moment, before = time.monotonic(), len(heard)
    await until(lambda: changes.told_until > moment)
    assert heard[before:]
    assert heard[-1].key in {None, "b"}
    await cancel([running])


async def test_a_listener_that_fails_is_told_that_anything_may_have_changed(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Change] = []

    def fails_once(changes: Sequence[Change]) -> None:
        if changes[0].key is not None and "telling" not in caplog.text:
            raise RuntimeError("a listener's fault")
        heard.extend(changes)

    changes = Changes(engine.storage)
    changes.listen(CounterDocument, fails_once)
    running = asyncio.create_task(changes.run())
    await until(lambda: changes.told_until > 0)
    await engine.storage.collection(CounterDocument).insert_one({"_id": "a", "value": 1})
    moment = time.monotonic()
    await until(lambda: changes.told_until > moment)
    assert heard[:2] == [Change("counters", None, removed=True)] * 2
    assert "telling changes failed" in caplog.text
    await cancel([running])


async def test_a_start_tells_what_was_written_since_another_process_wrote_down_its_place(
    engine: Engine,
) -> None:
    counters = engine.storage.collection(CounterDocument)
    others = Changes(engine.storage)
    others.listen(CounterDocument, lambda _changes: None)
    running = [asyncio.create_task(others.run())]
    await until(lambda: others.told_until > 0)
    await counters.insert_one({"_id": "first", "value": 1})
    await until(lambda: others.moment is not None)
    written = others.moment
    moment = time.monotonic()
    await until(lambda: others.told_until > moment)
    await counters.insert_one({"_id": "second", "value": 1})
    heard: list[Change] = []
    changes = Changes(engine.storage)
    changes.listen(CounterDocument, heard.extend)
    running.append(asyncio.create_task(changes.run()))
    await until(lambda: changes.told_until > 0)
    assert heard == [
        Change("counters", None, removed=True),
        Change("counters", "second", removed=False),
    ]
    assert heard[0].moment == written
    assert changes.moment == heard[1].moment
    await cancel(running)


async def test_a_feed_that_is_behind_begins_its_stream_anew_and_misses_nothing(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SecantusDB says only where a stream begins that changes were lost."""
    begun = 0
    stream = ChangeFeed._stream

    def counted(self: ChangeFeed, *arguments: Any) -> Any:
        nonlocal begun
        begun += 1
        return stream(self, *arguments)

    monkeypatch.setattr(ChangeFeed, "_stream", counted)
    counters = engine.storage.collection(CounterDocument)
    async with contextlib.aclosing(ChangeFeed(engine.storage, [CounterDocument]).batches()) as all_:
        await anext(all_)
        await counters.insert_many([{"_id": str(n), "value": n} for n in range(1_000)])
        changes, _ = await until_told(all_, time.monotonic())
    assert [change.key for change in changes] == [str(n) for n in range(1_000)]
    assert begun > 3


@pytest.mark.gate
async def test_a_server_that_says_nothing_is_given_up_and_told_of_later(
    pair: Pair, tmp_path: Path
) -> None:
    storage = Storage(
        load_settings(
            None, {"database": {"url": pair.mongo_url}, "redis": {"url": pair.redis_url}}
        ),
        [NoteDocument],
    )
    await storage.connect()
    changes = Changes(storage)
    heard: list[Change] = []
    changes.listen(NoteDocument, heard.extend)
    running = asyncio.create_task(changes.run())
    await until(lambda: changes.told_until > 0)
    assert pair.mongo._process is not None
    pair.mongo._process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(0.5)
    told = changes.told_until
    await asyncio.sleep(0.5)
    assert changes.told_until == told
    pair.mongo._process.send_signal(signal.SIGCONT)
    await storage.collection(NoteDocument).insert_one({"_id": "late"})
    await until(lambda: Change("notes", "late", removed=False) in heard, 20)
    await cancel([running])
    await storage.close()
