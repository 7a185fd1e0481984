"""Checkouts over networks that fail: clients ask again, and each thing is sold and paid once."""

import asyncio
import os
import random
import secrets
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import uvicorn
from bson import ObjectId

from mercat.app import create_app
from mercat.engine import Engine
from mercat.http import BoundedProtocol
from mercat.settings import load_settings
from mercat.storage.embedded import EmbeddedServers
from mercat.storage.guardian import read_state

from .buying import Asked, check_shop, request, until_told
from .conftest import EngineFor, Stores
from .market import offer
from .ordering import TOML
from .proxy import Choice, Fault, Proxy, commits

pytestmark = pytest.mark.gate

_BUYERS_OF_EACH = 4
_SOLD_OUT = {"NOT_ENOUGH", "OUT_OF_STOCK", "PROBLEMS"}


@asynccontextmanager
async def served(engine: Engine) -> AsyncIterator[int]:
    """The engine's application on a port, in this process, as the till's books are."""
    config = uvicorn.Config(
        create_app(engine),
        port=0,
        http=BoundedProtocol,
        lifespan="off",
        log_config=None,
        ws="none",
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  uvicorn has nothing to wait for
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving


@dataclass
class Shop:
    """A shop that clients reach at `url` by one proxy, and whose database is behind another."""

    url: str
    engine: Engine
    to_app: Proxy
    to_database: Proxy


@asynccontextmanager
async def shop_behind(
    engine_for: EngineFor, stores: Stores, to_app: Choice, to_database: Choice
) -> AsyncIterator[Shop]:
    """`engine` is another one, without proxies, to look at what is stored."""
    own = await engine_for(TOML)
    same = {"data_dir": str(own.settings.data_dir)}
    is_open = False

    def once_open(data: bytes) -> Fault | None:
        return to_database(data) if is_open else None

    async with AsyncExitStack() as stack:
        database, url = await stack.enter_async_context(Proxy.before(stores.mongo_url, once_open))
        behind = await engine_for(TOML, database={"url": url, **same})
        is_open = True
        app = await stack.enter_async_context(served(behind))
        front = Proxy(app, to_app)
        address = await stack.enter_async_context(front.running())
        yield Shop(f"http://127.0.0.1:{address}", own, front, database)


def one_in(chance: random.Random, share: float, *faults: Fault) -> Fault | None:
    return chance.choice(faults) if chance.random() < share else None


def told(asked: list[Asked]) -> str | None:
    """The order's number that one client has in the end; None where the thing was sold out."""
    payload = asked[-1].payload
    assert payload is not None
    if payload["order"] is None:
        assert {one["code"] for one in payload["userErrors"]} <= _SOLD_OUT, payload
        return None
    number: str = payload["order"]["number"]
    return number


def check_answers(asked: list[Asked]) -> None:
    """What isn't the end is no answer at all, or one that says when to ask again."""
    for each in asked:
        if each.answer is not None and each.payload is None:
            assert each.answer.status_code == 503, each.said
            assert each.answer.headers["retry-after"] == "1"


@pytest.mark.long
@pytest.mark.parametrize("count", [12, 400])
async def test_one_unit_is_sold_once_whatever_the_network_does(
    engine_for: EngineFor, stores: Stores, count: int
) -> None:
    seed = secrets.randbits(32)
    print("seed", seed)
    chance = random.Random(seed)

    def to_database(data: bytes) -> Fault | None:
        if commits(data):
            return one_in(chance, 0.3, Fault.DROP)
        return one_in(chance, 0.01, Fault.DELAY, Fault.CUT, Fault.HALVE, Fault.DROP)

    def to_app(data: bytes) -> Fault | None:
        return one_in(chance, 0.4, Fault.DROP, Fault.DROP, Fault.DELAY, Fault.CUT, Fault.HALVE)

    async with shop_behind(engine_for, stores, to_app, to_database) as shop:
        things = [await offer(shop.engine, stock=1) for _ in range(count)]
        limits = httpx.Limits(max_keepalive_connections=None)
        async with httpx.AsyncClient(timeout=30, limits=limits) as http:
            turns = asyncio.Semaphore(16)

            async def buy(thing: ObjectId) -> list[Asked]:
                async with turns:
                    return await until_told(http, shop.url, request(thing), 60)

            wanted = [thing for thing in things for _ in range(_BUYERS_OF_EACH)]
            chance.shuffle(wanted)
            found = await asyncio.gather(*map(buy, wanted))
        for asked in found:
            check_answers(asked)
        numbers = [number for asked in found if (number := told(asked)) is not None]
        print(shop.to_app.did, shop.to_database.did, shop.to_database.lost_commits)
        print("asked", sum(map(len, found)), "longest", max(a.seconds for b in found for a in b))
        assert shop.to_database.lost_commits >= count / 2
        assert shop.to_app.did[Fault.DROP] >= count / 2
        assert await check_shop(shop.engine, numbers, dict.fromkeys(things, 1)) == count
        assert len(numbers) == count, "two clients have one order"


class NthCommit:
    """The reply to the commit of that number from now on is dropped."""

    left = 0

    def __call__(self, data: bytes) -> Fault | None:
        if not commits(data):
            return None
        self.left -= 1
        return Fault.DROP if self.left == 0 else None


async def test_each_commit_whose_reply_is_lost_in_a_crash_has_one_effect(tmp_path: Path) -> None:
    """The database commits and is killed before it says so; afterwards it has forgotten that."""
    nth, told_numbers = NthCommit(), list[str]()
    async with crashing_shop(tmp_path, nth) as (engine, proxy):
        things = [await offer(engine, stock=1) for _ in range(20)]
        transport = httpx.ASGITransport(cast("Any", create_app(engine)))
        async with httpx.AsyncClient(transport=transport, timeout=30) as http:
            for step, thing in enumerate(things, start=1):
                nth.left = step
                asked = await until_told(http, "http://shop.test", request(thing), 60)
                check_answers(asked)
                number = told(asked)
                assert number is not None
                told_numbers.append(number)
                if proxy.lost_commits < step:
                    break
        print("lost", proxy.lost_commits)
        assert proxy.lost_commits >= 2
        stock = dict.fromkeys(things, 1)
        nth.left = 0
        assert await check_shop(engine, told_numbers, stock) == proxy.lost_commits + 1


@asynccontextmanager
async def crashing_shop(folder: Path, choose: Choice) -> AsyncIterator[tuple[Engine, Proxy]]:
    """A shop whose database is killed whenever a reply is dropped; its guardian starts it again."""
    file = folder / "engine.toml"
    file.write_text(TOML)
    servers = EmbeddedServers(folder / "stores")
    await servers.start()

    def crash() -> None:
        os.kill(read_state(folder / "stores")["servers"]["SecantusDB"], signal.SIGKILL)

    try:
        async with Proxy.before(servers.mongo_url, choose, crash) as (proxy, url):
            stores = {"database": {"url": url}, "redis": {"url": servers.redis_url}}
            async with Engine(load_settings(file, stores)) as engine:
                yield engine, proxy
    finally:
        await servers.stop()
