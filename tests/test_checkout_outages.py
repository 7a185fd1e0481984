"""Checkouts while a store is away for three seconds: they wait, and then they succeed."""

import asyncio
import os
import secrets
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from mercat.app import create_app
from mercat.engine import Engine
from mercat.settings import load_settings
from mercat.storage.guardian import read_state

from .buying import Crowd, check_shop
from .market import offer
from .ordering import TOML

pytestmark = pytest.mark.gate

_STOCK = 10_000
_BUYERS = 8
_AWAY = 3
_LONGEST = 10.0


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    """A shop on embedded stores of its own, which works."""
    file = tmp_path / "engine.toml"
    file.write_text(TOML)
    engine = Engine(load_settings(file, {"database": {"name": f"test_{secrets.token_hex(6)}"}}))
    await engine.start()
    yield engine
    await engine.stop()


Outage = Callable[[Engine], Awaitable[None]]


async def step_down(engine: Engine) -> None:
    await engine.storage.client.admin.command({"replSetStepDown": _AWAY, "force": True})
    await asyncio.sleep(_AWAY)


async def freeze(engine: Engine, name: str = "SecantusDB") -> None:
    pid = server_of(engine, name)
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(_AWAY)
    finally:
        os.kill(pid, signal.SIGCONT)


async def kill(engine: Engine, name: str = "SecantusDB") -> None:
    os.kill(server_of(engine, name), signal.SIGKILL)
    await asyncio.sleep(_AWAY)


async def freeze_redis(engine: Engine) -> None:
    await freeze(engine, "Valkey")


async def kill_redis(engine: Engine) -> None:
    await kill(engine, "Valkey")


def server_of(engine: Engine, name: str) -> int:
    """The process of an embedded server."""
    pid: int = read_state(engine.storage.data_dir)["servers"][name]
    return pid


@pytest.mark.parametrize(
    "outage",
    [
        step_down,
        kill,
        *(
            pytest.param(each, marks=pytest.mark.long)
            for each in (freeze, freeze_redis, kill_redis)
        ),
    ],
)
async def test_checkouts_wait_for_a_store_and_succeed(engine: Engine, outage: Outage) -> None:
    things = [await offer(engine, stock=_STOCK) for _ in range(4)]
    crowd = Crowd("http://shop.test", things)
    transport = httpx.ASGITransport(cast("Any", create_app(engine)))
    gone: list[float] = []

    async def work() -> None:
        for _ in range(2):
            await asyncio.sleep(1)
            gone.append(time.monotonic())
            await outage(engine)
        await asyncio.sleep(1)

    async with httpx.AsyncClient(transport=transport, timeout=30) as http:
        await crowd.during(http, _BUYERS, work)
    print(f"{len(crowd.asked)} asked, the longest {max(a.seconds for a in crowd.asked):.1f} s")
    assert [asked.said for asked in crowd.asked if asked.number is None] == []
    assert max(asked.seconds for asked in crowd.asked) < _LONGEST
    for moment in gone:
        assert any(a.began < moment < a.began + a.seconds for a in crowd.asked), "none was underway"
    numbers = [asked.number for asked in crowd.asked if asked.number is not None]
    assert await check_shop(engine, numbers, dict.fromkeys(things, _STOCK)) == len(numbers)
