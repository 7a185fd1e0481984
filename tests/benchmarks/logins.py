"""Signing in: against argon2 alone, and what the catalogue feels of it."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Self

import httpx
from argon2 import PasswordHasher
from rich.console import Console

from mercat.engine import Engine
from mercat.settings import load_settings
from mercat.storage import Record, Session
from mercat_auth.accounts import service
from mercat_auth.settings import AuthSettings

from . import queries
from .server import OTHER_CPU, SERVER_CPU, Server
from .wrk import Load, load, middle

AT_ONCE = 50
_PASSWORD = "correct horse battery staple"
_LOGIN = """mutation ($email: String!, $password: String!) {
  login(input: {email: $email, password: $password}) { tokens { expiresIn } userErrors { code } } }
"""
_BARE = """
import os, sys, time, argon2
hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
hashed, began, used = hasher.hash(sys.argv[1]), time.perf_counter(), time.process_time()
for _ in range(20):
    hasher.verify(hashed, sys.argv[1])
print(20 / (time.perf_counter() - began), (time.process_time() - used) / 20)
"""


async def people(engine: Engine, count: int) -> list[Record]:
    """Accounts that `Logins` can sign in to."""
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


async def prepare(environment: Mapping[str, str]) -> None:
    """People in the demo shop, whose server is not running yet."""
    os.environ.update({name: environment[name] for name in environment if "MERCAT_" in name})
    engine = Engine(load_settings(Path(environment["MERCAT_CONFIG"])), demo=True)
    assert engine.plugin_settings(AuthSettings).hash_passes == 2
    async with engine:
        await people(engine, AT_ONCE)


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
        limits = httpx.Limits(max_connections=AT_ONCE)
        async with httpx.AsyncClient(timeout=120, limits=limits) as client:
            await asyncio.gather(*(self._one(client, number) for number in range(AT_ONCE)))

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


@dataclass(frozen=True)
class Pace:
    """How many a second, and seconds of the processor for each, which others on it don't change."""

    rate: float
    cpu: float


def _bare() -> Pace:
    """The hashes that a process checks which does nothing else, at the same priority."""
    pinned = ["taskset", "-c", str(SERVER_CPU), "nice", "-n", "19"]
    command = [*pinned, sys.executable, "-c", _BARE, _PASSWORD]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Pace(*map(float, done.stdout.split()))


def _throughput(server: Server, seconds: int) -> tuple[Pace, Counter[str]]:
    with Logins(server) as logins:
        time.sleep(2)
        before, began, used = logins.done, time.monotonic(), server.cpu_seconds()
        time.sleep(seconds)
        count = logins.done - before
        pace = Pace(
            count / (time.monotonic() - began), (server.cpu_seconds() - used) / max(1, count)
        )
    return pace, logins.refused


def by_turns(server: Server, seconds: int, rounds: int) -> tuple[list[tuple[Pace, Pace]], Any]:
    """Pairs of bare hashing and logins, one right after the other, and what was refused."""
    pairs, refused = [], Counter[str]()
    for _ in range(rounds):
        bare = _bare()
        pace, more = _throughput(server, seconds)
        pairs.append((bare, pace))
        refused += more
    return pairs, refused


def _asked(server: Server, seconds: int, connections: int) -> Load:
    body = json.dumps({"query": queries.STORE_LIST})
    url = f"{server.url}/graphql"
    return load(url, body, seconds=seconds, connections=connections, cpu=OTHER_CPU)


def catalogue(server: Server, seconds: int, rounds: int, connections: int) -> tuple[Load, Load]:
    """The catalogue alone, and while 50 sign in, by turns."""
    alone, beside = [], []
    _asked(server, 1, connections)
    for _ in range(rounds):
        alone.append(_asked(server, seconds, connections))
        with Logins(server):
            time.sleep(1)
            beside.append(_asked(server, seconds, connections))
    return middle(alone), middle(beside)


def show_logins(console: Console, pairs: Sequence[Any], refused: Mapping[str, int]) -> None:
    """Print the medians of what `by_turns` found."""
    bare, logins = ([pair[place] for pair in pairs] for place in (0, 1))
    for name, each in (("argon2 alone", bare), (f"logins, {AT_ONCE} at once", logins)):
        rate, cpu = (median(pace[unit] for pace in each) for unit in ("rate", "cpu"))
        console.print(f"{name}: {rate:.1f} a second, {1_000 * cpu:.1f} ms of the processor each")
    share = median(pair[1]["rate"] / pair[0]["rate"] for pair in pairs)
    hashing = median(pair[0]["cpu"] / pair[1]["cpu"] for pair in pairs)
    console.print(
        f"logins are {share:.0%} of argon2 alone; {hashing:.0%} of a login's processor time is "
        f"hashing; refused {refused}"
    )
