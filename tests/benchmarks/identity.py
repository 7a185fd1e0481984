"""Who somebody is: what it costs to know it, and what the shop feels of many who sign in."""

import asyncio
import json
import os
import tempfile
import time
from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from pymongo import monitoring
from rich.console import Console
from rich.table import Table

from mercat.auth import identify
from mercat.context import Context
from mercat.engine import Engine
from mercat.settings import load_settings
from mercat_auth.tokens import sessions
from mercat_auth.tokens.access import AccessTokens, access_of
from mercat_auth.tokens.keys import keys_of

from .logins import AT_ONCE, by_turns, catalogue, people, prepare, show_logins
from .server import mercat, stores

_TOML = """
[plugins.auth]
address_attempts_per_hour = 1000000
"""
_ENABLED = '["auth", "media", "products", "categories", "tests.benchmarks.plugin"]'
_MICRO = 1e6
_TARGET_FIRST, _TARGET_RATIO = 100, 2.0


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
        (user,) = await people(engine, 1)
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
        (user,) = await people(engine, 1)
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
        asyncio.run(prepare(environment))
        for kept in (True, False):
            with mercat(environment, keeps_answers=kept) as server:
                loads = catalogue(server, seconds, rounds, connections)
                found[f"catalogue, {'kept' if kept else 'made each time'}"] = [
                    vars(each) for each in loads
                ]
                if kept:
                    pairs, refused = by_turns(server, 2 * seconds, rounds)
                    found["logins"] = [[vars(each) for each in pair] for pair in pairs]
                    found["refused"] = dict(refused)
    _show(console, found)
    Path("benchmarks-identity.json").write_text(json.dumps(found, indent=2) + "\n")


def _show(console: Console, found: Mapping[str, Any]) -> None:
    table = Table("microseconds, median", "ES256", "EdDSA", title="Verifying, on one core")
    for name in found["ES256"]:
        table.add_row(name, *(f"{found[each][name]:.1f}" for each in ("ES256", "EdDSA")))
    console.print(table)
    console.print(f"Asked during 1,000 requests with a known token in 2 s: {found['asked']}")
    show_logins(console, found["logins"], found["refused"])
    for name in ("catalogue, kept", "catalogue, made each time"):
        alone, beside = found[name]
        ratio = beside["p99"] / alone["p99"]
        met = _met(ratio <= _TARGET_RATIO)
        console.print(
            f"{name}: p99 {alone['p99']:.1f} ms alone, {beside['p99']:.1f} ms beside "
            f"{AT_ONCE} logins: {ratio:.2f} times, at most {_TARGET_RATIO}: {met}"
            f" ({alone['requests_per_second']:.0f} a second, {beside['requests_per_second']:.0f})"
        )
    first = found["ES256"]["a token for the first time"]
    console.print(f"first verification under {_TARGET_FIRST} us: {_met(first < _TARGET_FIRST)}")


def _met(is_met: bool) -> str:
    return "met" if is_met else "NOT MET"
