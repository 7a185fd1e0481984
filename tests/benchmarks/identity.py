"""Who somebody is: what it costs to know it, and what the shop feels of many who sign in."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Self

import httpx
from argon2 import PasswordHasher
from pymongo import monitoring
from rich.console import Console
from rich.table import Table

from mercat.auth import identify
from mercat.context import Context
from mercat.engine import Engine
from mercat.settings import load_settings
from mercat.storage import Record, Session
from mercat_auth.accounts import service
from mercat_auth.settings import AuthSettings
from mercat_auth.tokens import sessions
from mercat_auth.tokens.access import AccessTokens, access_of
from mercat_auth.tokens.keys import keys_of

from . import queries
from .server import OTHER_CPU, SERVER_CPU, Server, mercat, stores
from .wrk import Load, load, middle

_TOML = """
[plugins.auth]
address_attempts_per_hour = 1000000
"""
_ENABLED = '["auth", "media", "products", "categories", "tests.benchmarks.plugin"]'
_PASSWORD = "correct horse battery staple"
_AT_ONCE = 50
_MICRO = 1e6
_TARGET_FIRST, _TARGET_RATIO = 100, 2.0
_LOGIN = """mutation ($email: String!, $password: String!) {
  login(input: {email: $email, password: $password}) { tokens { expiresIn } userErrors { code } } }
"""
_BARE = """
import os, sys, time, argon2
hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
hashed, began = hasher.hash(sys.argv[1]), time.perf_counter()
for _ in range(20):
    hasher.verify(hashed, sys.argv[1])
print(20 / (time.perf_counter() - began))
"""


class Commands(monitoring.CommandListener):
    """Counts what the database is asked, by command and collection."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.counts[f"{event.command_name} {event.command.get(event.command_name)}"] += 1

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


def _settings(environment: Mapping[str, str], **auth: str) -> Any:
    """The settings of an engine in this process, on the stores of the servers."""
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        lines = "".join(f'{name} = "{value}"\n' for name, value in auth.items())
        file.write(f'[plugins]\nenabled = ["auth"]\n[plugins.auth]\n{lines}')
        file.flush()
        url, name = environment["MERCAT_DATABASE__URL"], f"identity_{time.time_ns()}"
        redis = {"url": environment["MERCAT_REDIS__URL"]}
        return load_settings(
            Path(file.name), {"database": {"url": url, "name": name}, "redis": redis}
        )


async def _people(engine: Engine, count: int) -> list[Record]:
    hashed = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1).hash(_PASSWORD)
    context, made = engine.context(), []
    for number in range(count):

        async def work(within: Session, number: int = number) -> Record:
            return await service.create(
                context,
                within,
                email=f"p{number}@example.com",
                name=None,
                password_hash=hashed,
                verified=True,
            )

        made.append(await engine.storage.transaction(work))
    return made


# Verifying


async def _median(work: Callable[[str], Awaitable[object]], tokens: Sequence[str]) -> float:
    times = []
    for token in tokens:
        began = time.perf_counter()
        await work(token)
        times.append(time.perf_counter() - began)
    return median(times) * _MICRO


async def _verifying(environment: Mapping[str, str], algorithm: str) -> dict[str, float]:
    """Microseconds of each step, the median of five runs over 500 tokens."""
    engine = Engine(_settings(environment, algorithm=algorithm))
    await engine.start()
    try:
        (user,) = await _people(engine, 1)
        context = engine.context()
        tokens = [(await sessions.start(context, user, ["pwd"])).access for _ in range(500)]
        key = await keys_of(context).current()
        await asyncio.sleep(1)
        rounds = [await _round(engine, key, tokens) for _ in range(5)]
        return {name: median(each[name] for each in rounds) for name in rounds[0]}
    finally:
        await engine.stop()


async def _round(engine: Engine, key: Any, tokens: Sequence[str]) -> dict[str, float]:
    context, access = Context(engine), AccessTokens(engine, keys_of(engine.context()))
    scope: Any = {"client": ("192.0.2.1", 1), "method": "POST"}
    own = access_of(engine.context())

    async def signature(token: str) -> None:
        said, _, code = token.rpartition(".")
        key.check.Algorithm.verify(said.encode(), key.check.key, urlsafe_b64decode(f"{code}=="))

    async def by_header(token: str) -> None:
        await identify(context, {"authorization": f"Bearer {token}"}, scope)

    async def anonymous(_token: str) -> None:
        await identify(context, {"accept": "*/*"}, scope)

    for token in tokens:
        await own.read(token)
    await asyncio.sleep(0.3)
    return {
        "the signature alone": await _median(signature, tokens),
        "a token for the first time": await _median(access.read, tokens),
        "a known token": await _median(access.read, tokens),
        "a whole request's identity, known": await _median(by_header, tokens),
        "a whole request's identity, anonymous": await _median(anonymous, tokens),
    }


async def _store_calls(environment: Mapping[str, str]) -> dict[str, Any]:
    """What both stores are asked during 1,000 verifications, by what is asked in idle times."""
    commands = Commands()
    monitoring.register(commands)
    engine = Engine(_settings(environment))
    await engine.start()
    try:
        (user,) = await _people(engine, 1)
        token = (await sessions.start(engine.context(), user, ["pwd"])).access
        scope: Any = {"client": ("192.0.2.1", 1), "method": "POST"}
        headers = {"authorization": f"Bearer {token}"}
        await asyncio.sleep(2)
        await identify(Context(engine), headers, scope)
        commands.counts.clear()
        redis = await _redis_calls(engine)
        for _ in range(1_000):
            await identify(Context(engine), headers, scope)
            await asyncio.sleep(0.002)
        asked = [name for name in commands.counts if "getMore" not in name]
        return {
            "mongo": {name: commands.counts[name] for name in asked},
            "redis": await _redis_calls(engine) - redis - 1,
        }
    finally:
        await engine.stop()


async def _redis_calls(engine: Engine) -> int:
    said = await engine.storage.redis.info("commandstats")
    return sum(int(each["calls"]) for each in said.values())


# Signing in


async def _prepare(environment: Mapping[str, str]) -> None:
    """People in the demo shop, whose server is not running yet."""
    os.environ.update({name: environment[name] for name in environment if "MERCAT_" in name})
    engine = Engine(load_settings(Path(environment["MERCAT_CONFIG"])), demo=True)
    assert engine.plugin_settings(AuthSettings).hash_passes == 2
    async with engine:
        await _people(engine, _AT_ONCE)


class Logins:
    """People who sign in again and again, so many at once, in a thread of their own."""

    def __init__(self, server: Server) -> None:
        self._url = f"{server.url}/graphql"
        self._ends = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self.done, self.refused = 0, Counter[str]()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    async def _run(self) -> None:
        limits = httpx.Limits(max_connections=_AT_ONCE)
        async with httpx.AsyncClient(timeout=120, limits=limits) as client:
            await asyncio.gather(*(self._one(client, number) for number in range(_AT_ONCE)))

    async def _one(self, client: httpx.AsyncClient, number: int) -> None:
        body = {
            "query": _LOGIN,
            "variables": {"email": f"p{number}@example.com", "password": _PASSWORD},
        }
        while not self._ends.is_set():
            answer = (await client.post(self._url, json=body)).json()
            payload = (answer.get("data") or {}).get("login") or {}
            if payload.get("tokens"):
                self.done += 1
            else:
                self.refused[json.dumps(answer)[:200]] += 1
                await asyncio.sleep(0.1)


def _bare() -> float:
    """The hashes a second that a process checks which does nothing else, at the same priority."""
    pinned = ["taskset", "-c", str(SERVER_CPU), "nice", "-n", "10"]
    command = [*pinned, sys.executable, "-c", _BARE, _PASSWORD]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _throughput(server: Server, seconds: int) -> tuple[float, Counter[str]]:
    with Logins(server) as logins:
        time.sleep(2)
        before, began = logins.done, time.monotonic()
        time.sleep(seconds)
        rate = (logins.done - before) / (time.monotonic() - began)
    return rate, logins.refused


def _asked(server: Server, seconds: int, connections: int) -> Load:
    body = json.dumps({"query": queries.STORE_LIST})
    url = f"{server.url}/graphql"
    return load(url, body, seconds=seconds, connections=connections, cpu=OTHER_CPU)


def _catalogue(server: Server, seconds: int, rounds: int, connections: int) -> tuple[Load, Load]:
    """The catalogue alone, and while 50 sign in, by turns."""
    alone, beside = [], []
    _asked(server, 1, connections)
    for _ in range(rounds):
        alone.append(_asked(server, seconds, connections))
        with Logins(server):
            time.sleep(1)
            beside.append(_asked(server, seconds, connections))
    return middle(alone), middle(beside)


def measure(*, seconds: int, rounds: int, connections: int) -> None:
    """Print what was measured, and the targets, met or not; write benchmarks-identity.json."""
    console = Console()
    found: dict[str, Any] = {}
    with stores(_TOML) as environment:
        environment["MERCAT_PLUGINS__ENABLED"] = _ENABLED
        own = os.environ.get("PYTHONPATH", "")  # of a checkout that isn't installed
        environment["PYTHONPATH"] = os.pathsep.join([environment["PYTHONPATH"], own])
        for algorithm in ("ES256", "EdDSA"):
            found[algorithm] = asyncio.run(_verifying(environment, algorithm))
        found["asked"] = asyncio.run(_store_calls(environment))
        asyncio.run(_prepare(environment))
        found["argon2 alone"] = [_bare() for _ in range(rounds)]
        for kept in (True, False):
            with mercat(environment, keeps_answers=kept) as server:
                loads = _catalogue(server, seconds, rounds, connections)
                found[f"catalogue, {'kept' if kept else 'made each time'}"] = [
                    vars(each) for each in loads
                ]
                if kept:
                    found["logins"], refused = _throughput(server, 2 * seconds)
                    found["refused"] = dict(refused)
    _show(console, found)
    Path("benchmarks-identity.json").write_text(json.dumps(found, indent=2) + "\n")


def _show(console: Console, found: Mapping[str, Any]) -> None:
    table = Table("microseconds, median", "ES256", "EdDSA", title="Verifying, on one core")
    for name in found["ES256"]:
        table.add_row(name, *(f"{found[each][name]:.1f}" for each in ("ES256", "EdDSA")))
    console.print(table)
    console.print(f"Asked during 1,000 requests with a known token in 2 s: {found['asked']}")
    bare = median(found["argon2 alone"])
    console.print(
        f"Logins a second, {_AT_ONCE} at once: {found['logins']:.1f}; argon2 alone {bare:.1f}; "
        f"the share {found['logins'] / bare:.0%}; refused {found['refused']}"
    )
    for name in ("catalogue, kept", "catalogue, made each time"):
        alone, beside = found[name]
        ratio = beside["p99"] / alone["p99"]
        met = _met(ratio <= _TARGET_RATIO)
        console.print(
            f"{name}: p99 {alone['p99']:.1f} ms alone, {beside['p99']:.1f} ms beside "
            f"{_AT_ONCE} logins: {ratio:.2f} times, at most {_TARGET_RATIO}: {met}"
            f" ({alone['requests_per_second']:.0f} a second, {beside['requests_per_second']:.0f})"
        )
    first = found["ES256"]["a token for the first time"]
    console.print(f"first verification under {_TARGET_FIRST} us: {_met(first < _TARGET_FIRST)}")


def _met(is_met: bool) -> str:
    return "met" if is_met else "NOT MET"
