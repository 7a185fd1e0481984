"""Guessing is slowed down, wherever it comes from, and nobody is shut out by somebody else."""

import asyncio
import logging
import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mercat.auth import Credentials
from mercat.context import Context
from mercat.engine import Engine
from mercat.errors import RateLimitedError
from mercat.reach import network
from mercat.storage import guardian
from mercat.storage.guardian import Program, Server
from mercat_auth.accounts.service import finish_sign_in
from mercat_auth.limits import service as limits
from mercat_auth.limits.memory import MemoryCounters
from mercat_auth.limits.places import Place
from mercat_auth.limits.rules import Action, rule_of
from mercat_auth.limits.shared import SharedCounters
from mercat_auth.settings import AuthSettings
from mercat_auth.tokens import cookies

from .conftest import EngineFor
from .identity import registered, toml_of, viewer_for

EMAIL = "ada@example.com"
RULE = replace(
    rule_of(AuthSettings(), "login"), free=2, strangers=4, address=6, longest=8, proves=False
)


def caller(engine: Engine, address: str = "192.0.2.1", **headers: str) -> Context:
    return Context(engine, credentials=Credentials(headers, address))


async def wait(context: Context, action: Action = "login", account: str | None = EMAIL) -> int:
    """How many seconds an attempt that goes wrong has to wait; 0 where it is let through."""
    try:
        await limits.attempt(context, action, account)
    except RateLimitedError as error:
        return error.retry_after
    await limits.failed(context, action, account)
    return 0


async def waits(context: Context, count: int, account: str | None = EMAIL) -> list[int]:
    return [await wait(context, account=account) for _ in range(count)]


async def test_after_five_wrong_ones_each_waits_twice_as_long(engine_for: EngineFor) -> None:
    context = caller(await engine_for(toml_of()))
    assert await waits(context, 7) == [0, 0, 0, 0, 0, 1, 1]
    await asyncio.sleep(1.05)
    assert await waits(context, 2) == [0, 2]
    await asyncio.sleep(2.05)
    assert await waits(context, 2) == [0, 4]


def test_a_wait_is_at_most_a_quarter_of_an_hour() -> None:
    now = [0.0]
    counters = MemoryCounters(clock=lambda: now[0])
    rule, place = rule_of(AuthSettings(), "login"), Place("address", "pair", "account", "known")
    found = []
    for _ in range(20):
        assert counters.attempt(place, rule, is_known=False, counts=True) == 0
        found.append(counters.attempt(place, rule, is_known=False, counts=False))
        now[0] += found[-1]
    assert found[3:16] == [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
    now[0] += 3_600
    assert counters.attempt(place, rule, is_known=False, counts=True) == 0
    assert counters.attempt(place, rule, is_known=False, counts=False) == 0


async def test_many_at_once_are_no_way_round(engine_for: EngineFor) -> None:
    context = caller(await engine_for(toml_of()))
    found = await asyncio.gather(*(wait(context) for _ in range(50)))
    assert found.count(0) == 5


async def test_a_good_one_forgives_those_before(engine_for: EngineFor) -> None:
    context = caller(await engine_for(toml_of()))
    assert await waits(context, 4) == [0] * 4
    await limits.attempt(context, "login", EMAIL)
    await limits.succeeded(context, "login", EMAIL)
    assert await waits(context, 6) == [0] * 5 + [1]


async def test_guesses_from_many_addresses_do_not_shut_the_owner_out(
    engine_for: EngineFor,
) -> None:
    engine = await engine_for(toml_of(auth="stranger_attempts_per_hour = 10"))
    home = caller(engine, "198.51.100.7")
    await limits.attempt(home, "login", EMAIL)
    await limits.succeeded(home, "login", EMAIL)
    strangers = [caller(engine, f"203.0.113.{number}") for number in range(12)]
    found = [await wait(stranger) for stranger in strangers]
    assert found[:10] == [0] * 10
    assert all(3_590 <= seconds <= 3_600 for seconds in found[10:])
    assert await wait(home) == 0
    assert await wait(strangers[0], account="other@example.com") == 0


async def test_a_known_address_is_known_for_its_own_account_only(engine_for: EngineFor) -> None:
    engine = await engine_for(toml_of(auth="stranger_attempts_per_hour = 3"))
    mallory = caller(engine, "203.0.113.1")
    await limits.attempt(mallory, "login", "mallory@example.com")
    await limits.succeeded(mallory, "login", "mallory@example.com")
    assert await waits(caller(engine, "203.0.113.2"), 3) == [0, 0, 0]
    assert await wait(mallory) > 3_000


async def test_signing_in_to_an_account_of_ones_own_does_not_buy_more_guesses(
    engine_for: EngineFor,
) -> None:
    engine = await engine_for(toml_of(auth="address_attempts_per_hour = 10"))
    context = caller(engine)
    found = []
    for number in range(14):
        found.append(await wait(context, account=f"victim{number}@example.com"))
        await limits.attempt(context, "login", "mallory@example.com") if number == 0 else None
        await limits.succeeded(context, "login", "mallory@example.com")
    assert found.count(0) <= 11
    assert found[-1] > 0


async def test_an_owner_beside_the_attacker_has_the_session_to_show(engine_for: EngineFor) -> None:
    """Both come from one address; only the owner's browser has the session's cookie."""
    engine = await engine_for(toml_of())
    user = await registered(engine, EMAIL)
    done = await finish_sign_in(caller(engine), user, ["pwd"], "BEARER")
    assert (await waits(caller(engine), 6))[-1] == 1
    mine = caller(engine, cookie=f"{cookies.REFRESH}={done.tokens.refresh}")
    assert await wait(mine) == 0
    assert await wait(mine, account="other@example.com") == 0
    forged = done.tokens.refresh[:-1] + ("A" if done.tokens.refresh[-1] != "A" else "B")
    assert await wait(caller(engine, cookie=f"{cookies.REFRESH}={forged}")) == 1
    assert (await waits(mine, 6))[-1] == 1


async def test_who_has_signed_in_proves_a_password_beside_the_attacker(
    engine_for: EngineFor,
) -> None:
    engine = await engine_for(toml_of())
    user = await registered(engine, EMAIL)
    mallory = await viewer_for(engine, await registered(engine))
    assert (await waits(caller(engine), 6))[-1] == 1
    context = caller(engine)
    context.viewer = mallory
    assert await wait(context) == 1
    context.viewer = await viewer_for(engine, user)
    assert await wait(context) == 0


async def test_the_log_says_where_from_and_not_who(
    engine_for: EngineFor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await wait(caller(await engine_for(toml_of()), "192.0.2.5"))
    assert "a wrong attempt: login from 192.0.2.5" in caplog.text
    assert "ada" not in caplog.text


async def test_a_session_of_somebody_else_shows_nothing(engine_for: EngineFor) -> None:
    engine = await engine_for(toml_of())
    await registered(engine, EMAIL)
    mallory = await registered(engine, "mallory@example.com")
    done = await finish_sign_in(caller(engine), mallory, ["pwd"], "BEARER")
    assert (await waits(caller(engine), 6))[-1] == 1
    assert await wait(caller(engine, cookie=f"{cookies.REFRESH}={done.tokens.refresh}")) == 1


async def test_ipv6_addresses_count_by_their_network_of_64_bits(engine_for: EngineFor) -> None:
    engine = await engine_for(toml_of())
    for number in range(5):
        assert await wait(caller(engine, f"2001:db8:1:2::{number}")) == 0
    assert await wait(caller(engine, "2001:db8:1:2:ffff::1")) == 1
    assert await wait(caller(engine, "2001:db8:1:3::1")) == 0


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1:2:3:4", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "nowhere"),
        (None, "nowhere"),
        ("testclient", "nowhere"),
    ],
)
def test_places_of_addresses(address: str | None, found: str) -> None:
    assert network(address) == found


async def test_those_who_refresh_a_lot_are_not_slowed_down(engine_for: EngineFor) -> None:
    engine = await engine_for(toml_of(auth="address_attempts_per_hour = 3"))
    context = caller(engine)
    for _ in range(20):
        await limits.attempt(context, "refresh", None)
        await limits.succeeded(context, "refresh", None)
    assert [await wait(context, "refresh", None) for _ in range(4)] == [0, 0, 0, 1]


async def test_messages_to_an_address_are_fewer_than_guesses(engine_for: EngineFor) -> None:
    engine = await engine_for(toml_of())
    found = [await wait(caller(engine, f"203.0.113.{n}"), "reset") for n in range(12)]
    assert [seconds > 0 for seconds in found] == [False] * 10 + [True] * 2


async def test_every_counter_expires_and_says_of_nobody(engine_for: EngineFor) -> None:
    engine = await engine_for(toml_of())
    context = caller(engine, "192.0.2.77")
    await waits(context, 6)
    other = caller(engine, "192.0.2.78")
    await limits.attempt(other, "login", EMAIL)
    await limits.succeeded(other, "login", EMAIL)
    prefix = f"mercat:{engine.storage.database.name}:limits:"
    keys = [key.decode() async for key in engine.storage.redis.scan_iter(f"{prefix}*")]
    assert len(keys) >= 4
    for key in keys:
        seconds = await engine.storage.redis.ttl(key)
        assert 0 < seconds <= 90 * 86_400
        assert len(key) == len(prefix) + 22
        assert EMAIL not in key
        assert "192.0.2" not in key


async def test_the_counters_of_redis_and_of_memory_agree(engine_for: EngineFor) -> None:
    engine = await engine_for(toml_of())
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    shared, own = SharedCounters(engine.storage.redis), MemoryCounters()
    prefix = engine.storage.database.name
    limited = 0
    for step in range(400):
        if step % 80 == 0:
            prefix = f"{engine.storage.database.name}-{step}"
        account, source = chance.choice("abc"), chance.choice("xyz")
        names = [
            f"{prefix}:{n}" for n in (source, account + source, account, f"{account}?{source}")
        ]
        place = Place(*names) if chance.random() < 0.9 else Place(names[0])
        rule = replace(RULE, counts_first=chance.random() < 0.9)
        kind = chance.choice(["attempt"] * 6 + ["count", "forgive"])
        is_known = chance.random() < 0.2
        if kind == "count":
            await shared.count(place, rule, is_known=is_known)
            own.count(place, rule, is_known=is_known)
        elif kind == "forgive":
            await shared.forgive(place, rule)
            own.forgive(place, rule)
        else:
            flags = {"is_known": is_known, "counts": rule.counts_first}
            first = await shared.attempt(place, rule, **flags)
            second = own.attempt(place, rule, **flags)
            assert first == pytest.approx(second, abs=0.9), (seed, step)
            limited += first > 0
    assert limited > 50


def test_what_memory_counts_is_bounded_and_nobody_tries_uncounted() -> None:
    now = [0.0]
    counters = MemoryCounters(most=300, clock=lambda: now[0])
    rule = rule_of(AuthSettings(), "login")

    def attempt(number: int) -> float:
        place = Place(f"address {number}", f"pair {number}", f"account {number}", "")
        return counters.attempt(place, rule, is_known=False, counts=True)

    found = [attempt(number) for number in range(1_000)]
    assert (found.count(0), found[100:]) == (100, [60.0] * 900)
    assert attempt(0) == 0  # is counted already, and so goes on
    assert len(counters._counters) <= 300
    now[0] = 3_601
    assert attempt(1_001) == 0


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[tuple[Server, str]]:
    """A Valkey that nobody starts again."""
    folder = tmp_path / "redis"
    folder.mkdir()
    port = guardian.free_port()
    url = f"redis://:p@127.0.0.1:{port}"
    server = Server(
        Program(
            "Valkey",
            guardian.redis_command(),
            folder,
            tmp_path / "redis.log",
            port,
            lambda: guardian._ping_redis(url),
            guardian.redis_configuration(port, "p"),
        )
    )
    server.spawn()
    server.wait()
    yield server, url
    server.stop()


async def test_without_redis_guesses_are_counted_all_the_same(
    engine_for: EngineFor, valkey: tuple[Server, str], caplog: pytest.LogCaptureFixture
) -> None:
    server, url = valkey
    engine = await engine_for(toml_of(), redis={"url": url})
    context = caller(engine)
    assert await waits(context, 3) == [0, 0, 0]
    await asyncio.to_thread(server.stop)
    started = time.monotonic()
    assert await waits(context, 8) == [0] * 5 + [1] * 3
    assert time.monotonic() - started < 2
    assert caplog.text.count("Redis does not answer") == 1
    server.spawn()
    await asyncio.to_thread(server.wait)
    await engine.storage.redis.flushall()  # it kept what was counted before it stopped
    back = time.monotonic()
    while not [key async for key in engine.storage.redis.scan_iter("mercat:*limits*")]:
        assert time.monotonic() - back < 5
        await wait(caller(engine, "192.0.2.9"), account="other@example.com")
        await asyncio.sleep(0.1)


async def test_a_redis_that_freezes_keeps_nobody_waiting(
    engine_for: EngineFor, valkey: tuple[Server, str]
) -> None:
    server, url = valkey
    engine = await engine_for(toml_of(), redis={"url": url})
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        found: list[Any] = await waits(caller(engine), 6)
        assert found == [0] * 5 + [1]
        assert time.monotonic() - started < 1.5
    finally:
        os.kill(server.pid, signal.SIGCONT)
