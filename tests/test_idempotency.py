"""One key, one effect, one answer: also when the commit's reply is lost and the server dies."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mercat.engine import Engine
from mercat.errors import ConflictError, InvalidError
from mercat.settings import load_settings
from mercat.storage import Session, Storage
from mercat.storage.embedded import EmbeddedServers
from mercat.storage.guardian import read_state
from mercat.storage.idempotency import (
    KEPT,
    LONGEST_KEY,
    IdempotencyDocument,
    forget_old_keys,
    idempotent,
)

from .conftest import EngineFor
from .proxy import Fault, Proxy, commits

Work = Callable[[Session], Awaitable[dict[str, Any]]]


@pytest.fixture
async def engine(engine_for: EngineFor) -> Engine:
    return await engine_for("[plugins]\nenabled = []\n")


def counting(storage: Storage) -> Work:
    """An effect that can be counted, and an answer that differs each time it is had."""

    async def work(session: Session) -> dict[str, Any]:
        effects = storage.database["effects"]
        made = await effects.insert_one({}, session=session)
        return {"effect": str(made.inserted_id)}

    return work


async def effects(storage: Storage) -> int:
    return await storage.database["effects"].count_documents({})


async def test_fifty_at_once_have_one_effect_and_one_answer(engine: Engine) -> None:
    storage = engine.storage
    answers = await asyncio.gather(
        *(
            idempotent(storage, scope="pay", key="k", request={"a": 1}, work=counting(storage))
            for _ in range(50)
        )
    )
    assert len({answer["effect"] for answer in answers}) == 1
    assert await effects(storage) == 1


async def test_another_request_with_the_key_is_refused(engine: Engine) -> None:
    storage, work = engine.storage, counting(engine.storage)
    first = await idempotent(storage, scope="s", key="k", request={"a": 1, "b": 2}, work=work)
    again = await idempotent(storage, scope="s", key="k", request={"b": 2, "a": 1}, work=work)
    assert first == again
    with pytest.raises(ConflictError, match="used with another request"):
        await idempotent(storage, scope="s", key="k", request={"a": 2}, work=work)
    assert await effects(storage) == 1


async def test_two_requests_at_once_with_one_key_have_one_effect(engine: Engine) -> None:
    storage = engine.storage
    answers = await asyncio.gather(
        *(
            idempotent(storage, scope="s", key="k", request=n, work=counting(storage))
            for n in range(8)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, ConflictError) for answer in answers) == 7
    assert await effects(storage) == 1


async def test_work_that_raises_leaves_nothing(engine: Engine) -> None:
    storage = engine.storage

    async def fails(session: Session) -> dict[str, Any]:
        await counting(storage)(session)
        raise InvalidError("out of stock")

    with pytest.raises(InvalidError, match="out of stock"):
        await idempotent(storage, scope="s", key="k", request=1, work=fails)
    assert await effects(storage) == 0
    assert await storage.collection(IdempotencyDocument).count_documents({}) == 0
    await idempotent(storage, scope="s", key="k", request=1, work=counting(storage))
    assert await effects(storage) == 1


async def test_scopes_keep_callers_apart(engine: Engine) -> None:
    storage = engine.storage
    answers = [
        await idempotent(storage, scope=scope, key=key, request=1, work=counting(storage))
        for scope, key in (("order:anna", "k"), ("order:ben", "k"), ("refund:anna", "k"))
    ]
    assert len({answer["effect"] for answer in answers}) == 3


@pytest.mark.parametrize("key", ["", "x" * (LONGEST_KEY + 1)])
async def test_a_key_has_bounds(engine: Engine, key: str) -> None:
    work = counting(engine.storage)
    with pytest.raises(InvalidError, match="1 to 255 characters"):
        await idempotent(engine.storage, scope="s", key=key, request=1, work=work)


@pytest.mark.parametrize("key", ["x" * LONGEST_KEY, "\0", "$ne", "\ud800", "ключ"])
async def test_any_text_is_a_key(engine: Engine, key: str) -> None:
    work = counting(engine.storage)
    for _ in range(2):
        await idempotent(engine.storage, scope="s", key=key, request=1, work=work)
    assert await effects(engine.storage) == 1


async def test_old_keys_are_forgotten(engine: Engine) -> None:
    storage, work = engine.storage, counting(engine.storage)
    for key in ("old", "new"):
        await idempotent(storage, scope="s", key=key, request=1, work=work)
    records = storage.collection(IdempotencyDocument)
    old = await records.find_one({}, sort=[("created_at", 1)])
    assert old is not None
    then = datetime.now(UTC) - KEPT - timedelta(minutes=1)
    await records.update_one({"_id": old["_id"]}, {"$set": {"created_at": then}})
    await forget_old_keys(engine.context())
    assert await records.count_documents({}) == 1
    assert await records.find_one({"_id": old["_id"]}) is None


class NextCommit:
    """The reply to one commit is dropped, once it is armed."""

    armed = False

    def __call__(self, data: bytes) -> Fault | None:
        if not self.armed or not commits(data):
            return None
        self.armed = False
        return Fault.DROP


@contextlib.asynccontextmanager
async def losing_storage(folder: Path) -> AsyncIterator[tuple[Storage, Proxy, NextCommit]]:
    """A storage whose database is killed as soon as it has committed, before it says so."""
    servers = EmbeddedServers(folder)
    await servers.start()
    state = read_state(folder)
    next_commit = NextCommit()
    proxy = Proxy(
        state["mongo_port"],
        next_commit,
        lambda: os.kill(read_state(folder)["servers"]["SecantusDB"], signal.SIGKILL),
    )
    try:
        async with proxy.running() as port:
            url = servers.mongo_url.replace(str(state["mongo_port"]), str(port))
            storage = Storage(
                load_settings(
                    None,
                    {
                        "database": {"url": f"{url}&directConnection=true"},
                        "redis": {"url": servers.redis_url},
                    },
                ),
                [IdempotencyDocument],
            )
            await storage.connect()
            try:
                yield storage, proxy, next_commit
            finally:
                await storage.close()
    finally:
        await servers.stop()


@pytest.mark.gate
async def test_a_lost_reply_and_a_crash_at_the_commit_have_one_effect(tmp_path: Path) -> None:
    async with losing_storage(tmp_path) as (storage, proxy, next_commit):
        await storage.transaction(counting(storage))
        next_commit.armed = True
        await storage.transaction(counting(storage))
        assert proxy.lost_commits == 1
        # Without a key the driver repeats the transaction, and the server has forgotten it.
        assert await effects(storage) == 3

        next_commit.armed = True
        with contextlib.suppress(Exception):
            await idempotent(storage, scope="s", key="k", request=1, work=counting(storage))
        assert proxy.lost_commits == 2
        first, second = [
            await idempotent(storage, scope="s", key="k", request=1, work=counting(storage))
            for _ in range(2)
        ]
        assert first == second
        assert await effects(storage) == 4
