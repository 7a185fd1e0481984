"""Servers to be measured: pinned to one core; their stores and the load are on the other."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from mercat.storage.embedded import EmbeddedServers

SERVER_CPU, OTHER_CPU = 0, 1
_START_SECONDS, _STOP_SECONDS = 120, 20
_TOML = """
[server]
port = 0
[plugins]
enabled = ["media", "products", "categories", "tests.benchmarks.plugin"]
"""


@dataclass(frozen=True)
class Server:
    """A server that answers at `url`."""

    url: str
    process: psutil.Process

    def cpu_seconds(self) -> float:
        """What the server has used of its core so far, in user and system mode."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def get(self, path: str) -> bytes:
        """What a route of the benchmarks' plugin answers."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=30) as answer:
            body: bytes = answer.read()
        return body


@contextmanager
def running(products: Path | None = None, executor: str | None = None) -> Iterator[str]:
    """Serve the demo shop, or the products of a Mercat JSON Lines file; yields the URL."""
    with stores() as environment:
        if products is not None:
            command = [sys.executable, "-m", "mercat.cli", "import", "products", str(products)]
            subprocess.run(command, env=environment, check=True)
        with mercat(environment, executor, demo=products is None) as server:
            yield server.url


@contextmanager
def stores(toml: str = "") -> Iterator[dict[str, str]]:
    """Embedded stores of their own, and the environment of servers that use them.

    `toml` is written below the `engine.toml` that all servers of the benchmarks have.
    """
    if not {SERVER_CPU, OTHER_CPU} <= os.sched_getaffinity(0):
        raise SystemExit("the benchmarks need two cores: one for the server, one for its load")
    os.sched_setaffinity(0, {OTHER_CPU})
    with tempfile.TemporaryDirectory() as folder:
        embedded = EmbeddedServers(Path(folder) / "stores")
        asyncio.run(embedded.start())
        (Path(folder) / "engine.toml").write_text(_TOML + toml)
        try:
            yield {
                **os.environ,
                "MERCAT_DATABASE__URL": embedded.mongo_url,
                "MERCAT_REDIS__URL": embedded.redis_url,
                "MERCAT_CONFIG": str(Path(folder) / "engine.toml"),
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "PYTHONUNBUFFERED": "1",
            }
        finally:
            asyncio.run(embedded.stop())


@contextmanager
def mercat(
    environment: Mapping[str, str],
    executor: str | None = None,
    *,
    demo: bool = True,
    keeps_answers: bool = False,
) -> Iterator[Server]:
    """Mercat itself, with an executor or with the one it has by default."""
    chosen = {"MERCAT_CACHE__ENABLED": str(keeps_answers).lower()}
    if executor is not None:
        chosen["MERCAT_GRAPHQL__EXECUTOR"] = executor
    command = [sys.executable, "-m", "mercat.cli", "run", *(["--demo"] if demo else [])]
    with serving(command, {**environment, **chosen}) as server:
        yield server


@contextmanager
def serving(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Server]:
    """Run a server that prints `… serves URL/graphql` once it answers."""
    with tempfile.NamedTemporaryFile() as log:
        process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CPU), *command],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield Server(_url(process, Path(log.name)), psutil.Process(process.pid))
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _url(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        _, found, rest = log.read_text().partition(" serves http")
        if found and "/graphql" in rest:
            return f"http{rest.split('/graphql')[0]}".replace("localhost", "127.0.0.1")
        time.sleep(0.1)
    raise SystemExit(f"the server did not start:\n{log.read_text()}")
