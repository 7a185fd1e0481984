"""A connection to the database that breaks is no reason to give up."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import AutoReconnect, DuplicateKeyError

from mercat.engine import Engine
from mercat.settings import Settings, load_settings
from mercat.storage import Record, Storage

from .conftest import EngineFor, Stores, until
from .proxy import Fault, Proxy

TOML = "[plugins]\nenabled = []\n"


class Next:
    """The next request with one of these commands never arrives, each once."""

    def __init__(self) -> None:
        self.commands: list[bytes] = []

    def __call__(self, data: bytes) -> Fault | None:
        for command in self.commands:
            if command + b"\x00" in data:
                self.commands.remove(command)
                return Fault.CUT
        return None


async def test_a_transaction_begins_though_connections_break(
    settings_for: Callable[..., Settings], stores: Stores
) -> None:
    following = Next()
    async with (
        Proxy.before(stores.mongo_url, following) as (proxy, url),
        Engine(settings_for(TOML, database={"url": url})) as engine,
    ):
        await check_beginning(engine.storage, following, proxy)


async def check_beginning(storage: Storage, following: Next, proxy: Proxy) -> None:
    notes = storage.database["notes"]
    following.commands += [b"find", b"ping"]
    reading = asyncio.create_task(notes.find_one({}))

    async def is_gone() -> bool:
        return not storage.client.topology_description.has_writable_server()

    await until(is_gone)
    await storage.transaction(lambda session: notes.insert_one({}, session=session))
    await reading
    assert proxy.did == {Fault.CUT: 2}
    assert await notes.count_documents({}) == 1


async def test_a_write_is_attempted_once_more_where_the_driver_does_not(
    settings_for: Callable[..., Settings], stores: Stores
) -> None:
    following = Next()
    plain = stores.mongo_url.replace("&retryWrites=false", "")
    for url in (plain, f"{plain}{'&' if '?' in plain else '?'}retryWrites=false"):
        async with (
            Proxy.before(url, following) as (proxy, behind),
            Engine(settings_for(TOML, database={"url": behind})) as engine,
        ):
            await check_attempts(engine.storage.database["notes"], following, proxy)


async def check_attempts(notes: AsyncCollection[Record], following: Next, proxy: Proxy) -> None:
    behind = ObjectId()
    await notes.insert_one({"_id": behind, "n": 0})
    following.commands += [b"update"]
    await notes.update_one({"_id": behind}, {"$inc": {"n": 1}})
    following.commands += [b"update", b"update"]
    with pytest.raises(AutoReconnect):
        await notes.update_one({"_id": behind}, {"$inc": {"n": 1}})
    assert proxy.did == {Fault.CUT: 3}
    assert (await notes.find_one({"_id": behind}) or {})["n"] == 1


@pytest.mark.long
async def test_a_write_stays_quick_however_many_there_were(tmp_path: Path) -> None:
    async with Engine(load_settings(None, {"database": {"data_dir": str(tmp_path)}})) as engine:
        notes = engine.storage.database["notes"]
        await notes.insert_one({"_id": 1, "n": 0})

        async def seconds(count: int) -> float:
            began = time.monotonic()
            for _ in range(count):
                await notes.update_one({"_id": 1}, {"$inc": {"n": 1}})
            return time.monotonic() - began

        first = await seconds(500)
        await seconds(10_000)
        assert await seconds(500) < 3 * first


@pytest.mark.parametrize("within", [True, False], ids=["transaction", "alone"])
async def test_a_duplicate_that_an_update_cannot_have_made_is_a_write_conflict(
    engine_for: EngineFor, monkeypatch: pytest.MonkeyPatch, *, within: bool
) -> None:
    storage = (await engine_for()).storage
    notes = storage.database["notes"]
    await notes.create_index("code", unique=True)
    await notes.insert_many([{"_id": 1, "code": "A", "n": 0}, {"_id": 2, "code": "B"}])

    async def write(update: Record) -> None:
        if within:
            await storage.transaction(lambda s: notes.update_one({"_id": 1}, update, session=s))
        else:
            await notes.update_one({"_id": 1}, update)

    attempts = refuse_once(monkeypatch)
    await write({"$inc": {"n": 1}, "$set": {"codes": 1}})
    assert len(attempts) == 2
    assert await notes.find_one({"_id": 1}) == {"_id": 1, "code": "A", "n": 1, "codes": 1}
    with pytest.raises(DuplicateKeyError):
        await write({"$set": {"code": "B"}})
    assert len(attempts) == 3


def refuse_once(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Have the first update answered as SecantusDB answers some write conflicts."""
    attempts: list[Any] = []
    attempt: Any = AsyncCollection._update_retryable

    async def refused(self: Any, *args: Any, **kwargs: Any) -> Any:
        attempts.append(args)
        if len(attempts) == 1:
            details = {"keyPattern": {"code": 1}, "keyValue": {"code": "A"}}
            raise DuplicateKeyError("E11000 duplicate key error", 11000, details)
        return await attempt(self, *args, **kwargs)

    monkeypatch.setattr(AsyncCollection, "_update_retryable", refused)
    return attempts
