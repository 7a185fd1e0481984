"""Stores that are not there: at the start, later, and back again."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mercat.engine import Engine
from mercat.settings import load_settings
from mercat.storage import guardian
from mercat.storage.guardian import Program, Server

from .conftest import Client, ClientFor, Mercat, write_jsonl
from .test_catalogue import load, product

# With a field whose answer is never kept, so that the stores are asked each time.
READ = "{ products(first: 5) { totalCount nodes { slug } } viewer { role } }"


@dataclass
class Pair:
    """A database and a Redis that nobody starts again."""

    mongo: Server
    redis: Server
    mongo_url: str
    redis_url: str


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Servers on ports that stay theirs, without a guardian."""
    for name in ("mongo", "redis"):
        (tmp_path / name).mkdir()
    (tmp_path / "secantusd.toml").touch()
    mongo_port = guardian.free_port()
    redis_port = guardian.free_port(mongo_port)
    mongo_url, redis_url = f"mongodb://127.0.0.1:{mongo_port}", f"redis://:p@127.0.0.1:{redis_port}"
    mongo = Server(
        Program(
            "SecantusDB",
            guardian.mongo_command(tmp_path, mongo_port, auth=False),
            tmp_path / "mongo",
            tmp_path / "mongo.log",
            mongo_port,
            lambda: guardian._ping_mongo(mongo_url),
        )
    )
    redis = Server(
        Program(
            "Valkey",
            guardian.redis_command(),
            tmp_path / "redis",
            tmp_path / "redis.log",
            redis_port,
            lambda: guardian._ping_redis(redis_url),
            guardian.redis_configuration(redis_port, "p"),
        )
    )
    for server in (mongo, redis):
        server.spawn()
        server.wait()
    yield Pair(mongo, redis, mongo_url, redis_url)
    for server in (mongo, redis):
        server.stop()


@pytest.fixture
async def engine(pair: Pair, tmp_path: Path) -> AsyncIterator[Engine]:
    """A working engine on those servers, with one product."""
    (tmp_path / "engine.toml").write_text(
        '[plugins]\nenabled = ["media", "products", "categories"]\n'
    )
    engine = Engine(
        load_settings(
            tmp_path / "engine.toml",
            {
                "database": {"url": pair.mongo_url, "timeout_seconds": 1},
                "redis": {"url": pair.redis_url, "timeout_seconds": 1},
            },
        )
    )
    await engine.start()
    await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", [product("a-shoe")]))
    yield engine
    await engine.stop()


async def timed(client: Client, query: str = READ) -> tuple[dict[str, Any], float]:
    started = time.monotonic()
    answer = await client.ask(query)
    return answer, time.monotonic() - started


async def is_healthy(client: Client) -> bool:
    return (await client.http.get("/health")).status_code == 200


async def recovers(client: Client, within: float) -> None:
    started = time.monotonic()
    while not await is_healthy(client):
        assert time.monotonic() - started < within
        await asyncio.sleep(0.05)
    answer, _ = await timed(client)
    assert answer["data"]["products"]["totalCount"] == 1


@pytest.mark.long
async def test_a_database_that_goes_and_comes_back(
    engine: Engine, pair: Pair, client_for: ClientFor, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_for(engine)
    await recovers(client, 1)
    await asyncio.to_thread(pair.mongo.stop)
    for _ in range(2):
        answer, seconds = await timed(client)
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAVAILABLE"]
        assert seconds < 3
    refused = await client.http.post("/graphql", json={"query": READ})
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert (await client.http.get("/health")).status_code == 503
    assert "MongoDB does not answer: 127.0.0.1" in caplog.text
    pair.mongo.spawn()
    await asyncio.to_thread(pair.mongo.wait)
    await recovers(client, 5)
    assert all(not task.done() for task in engine._tasks)


async def test_writes_fail_soon_while_the_database_is_gone(engine: Engine, pair: Pair) -> None:
    from pymongo.errors import ConnectionFailure

    await asyncio.to_thread(pair.mongo.stop)
    started = time.monotonic()
    with pytest.raises(ConnectionFailure):
        await engine.storage.transaction(
            lambda session: engine.storage.database["x"].insert_one({}, session=session)
        )
    with pytest.raises(ConnectionFailure):
        await engine.storage.database["x"].insert_one({})
    assert time.monotonic() - started < 5
    pair.mongo.spawn()
    await asyncio.to_thread(pair.mongo.wait)


@pytest.mark.long
async def test_a_database_that_freezes(engine: Engine, pair: Pair, client_for: ClientFor) -> None:
    client = client_for(engine)
    assert pair.mongo.pid is not None
    os.kill(pair.mongo.pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        assert not await is_healthy(client)
        assert time.monotonic() - started < 3
        answer, seconds = await timed(client)
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAVAILABLE"]
        assert seconds < 6
    finally:
        os.kill(pair.mongo.pid, signal.SIGCONT)
    await recovers(client, 5)


async def test_a_redis_that_goes_and_comes_back(
    engine: Engine, pair: Pair, client_for: ClientFor, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_for(engine)
    await asyncio.to_thread(pair.redis.stop)
    answer, seconds = await timed(client)
    assert answer["data"]["products"] == {"totalCount": 1, "nodes": [{"slug": "a-shoe"}]}
    assert seconds < 1
    assert (await client.http.get("/health")).status_code == 503
    assert "Redis does not answer: Error 111" in caplog.text
    pair.redis.spawn()
    await asyncio.to_thread(pair.redis.wait)
    await recovers(client, 5)


@pytest.mark.parametrize(
    ("command", "variable", "value", "code", "message"),
    [
        ("run", "DATABASE", "mongodb://127.0.0.1:1", 3, "MongoDB does not answer: "),
        (
            "check",
            "DATABASE",
            "mongodb://u:hunter2@127.0.0.1:1/?w=majority",
            3,
            "MongoDB does not answer: ",
        ),
        (
            "run",
            "DATABASE",
            "mongodb://u:hunt/er2@host",
            2,
            "MERCAT_DATABASE__URL is no MongoDB URL: ",
        ),
        (
            "check",
            "DATABASE",
            "postgres://u:hunter2@host",
            2,
            "MERCAT_DATABASE__URL is no MongoDB URL: ",
        ),
        ("run", "REDIS", "redis://:hunter2@127.0.0.1:1", 3, "Redis does not answer: "),
        ("check", "REDIS", "redis://:hunt/er2@host", 2, "MERCAT_REDIS__URL is no Redis URL: "),
        ("run", "REDIS", "http://:hunter2@host", 2, "MERCAT_REDIS__URL is no Redis URL: "),
        (
            "check",
            "REDIS",
            "redis://127.0.0.1:1/?colour=red",
            2,
            "MERCAT_REDIS__URL is no Redis URL: ",
        ),
    ],
)
def test_at_the_start_it_is_one_sentence(
    mercat: Mercat, command: str, variable: str, value: str, code: int, message: str
) -> None:
    environment = {f"MERCAT_{variable}__URL": value, "MERCAT_DATABASE__TIMEOUT_SECONDS": "1"}
    # Not the port of every other server that a test starts at the same time.
    port = ("--port", "0") if command == "run" else ()
    done = mercat(command, *port, **environment)
    assert (done.code, done.err.count("\n")) == (code, 1), done.err
    assert done.err.startswith(f"mercat: {message}")
    assert "hunt" not in done.err + done.out


def test_wrong_credentials_are_told_apart_from_silence(mercat: Mercat, stores: Any) -> None:
    url = stores.mongo_url.replace("mercat:", "mercat:not")
    if url == stores.mongo_url:
        pytest.skip("this server's URL has no user")
    done = mercat("check", MERCAT_DATABASE__URL=url)
    assert (done.code, done.err.count("\n")) == (3, 1)
    assert done.err.startswith("mercat: MongoDB refuses: authentication failed")
