"""Real stores for every test: one pair of embedded servers a worker, a database a test.

`MERCAT_TEST_DATABASE__URL` and `MERCAT_TEST_REDIS__URL` run the same tests against other servers.
"""

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from mercat.context import Viewer
from mercat.engine import Engine
from mercat.settings import Settings, load_settings
from mercat.storage import Record
from mercat.testing import Client, Stores, running_stores
from tests.commands import run_command
from tests.torture import profiles

__all__ = ["Client", "Stores", "profiles"]  # importing the last registers Hypothesis's profiles

# Hundreds of processes are started, and each would compile all of the modules anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
collect_ignore = ["thirdparty"]  # distributions of their own, with tests of their own
_ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = _ROOT.parent / "shared" / "data"
ADMIN = Viewer(role="ADMIN", permissions=frozenset({"categories.manage"}), user="admin")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def stores() -> Iterator[Stores]:
    """One pair of servers a worker."""
    with running_stores() as found:
        yield found


@pytest.fixture
def settings_for(stores: Stores, tmp_path: Path) -> Callable[..., Settings]:
    """Settings of a shop with a database of its own; `toml` replaces the whole engine.toml."""
    return _settings_in(stores, tmp_path)


def _settings_in(stores: Stores, folder: Path) -> Callable[..., Settings]:
    name = f"test_{secrets.token_hex(6)}"

    def make(toml: str = "", **overrides: Mapping[str, Any]) -> Settings:
        file = folder / "engine.toml"
        file.write_text(toml or '[plugins]\nenabled = ["media", "products", "categories"]\n')
        database = {"url": stores.mongo_url, "name": name, **overrides.pop("database", {})}
        redis = {"url": stores.redis_url, **overrides.pop("redis", {})}
        return load_settings(file, {"database": database, "redis": redis, **overrides})

    return make


EngineFor = Callable[..., Awaitable[Engine]]


@pytest.fixture
async def engine_for(settings_for: Callable[..., Settings]) -> AsyncIterator[EngineFor]:
    """Builds and connects engines; `work=True` also delivers the outbox and runs jobs."""
    started: list[Engine] = []

    async def make(toml: str = "", *, work: bool = False, **overrides: Mapping[str, Any]) -> Engine:
        engine = Engine(settings_for(toml, **overrides))
        await engine.start(work=work)
        started.append(engine)
        return engine

    yield make
    await _stop(started)


@pytest.fixture(scope="module")
async def shared_engine_for(
    stores: Stores, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[EngineFor]:
    """The same for tests that don't mind each other's data: an engine a file and engine.toml."""
    started: dict[str, Engine] = {}

    async def make(toml: str = "", *, work: bool = False, **overrides: Mapping[str, Any]) -> Engine:
        key = repr((toml, work, overrides))
        if key not in started:
            settings = _settings_in(stores, tmp_path_factory.mktemp("shared"))
            engine = Engine(settings(toml, **overrides))
            await engine.start(work=work)
            started[key] = engine
        return started[key]

    yield make
    await _stop(started.values())


async def _stop(engines: Collection[Engine]) -> None:
    for engine in engines:
        await engine.stop()
    # Embedded stores end with their worker, and dropping takes SecantusDB seconds.
    if url := os.environ.get("MERCAT_TEST_DATABASE__URL"):
        async with AsyncMongoClient[Record](url) as client:
            for name in {engine.storage.database.name for engine in engines}:
                await client.drop_database(name)


@pytest.fixture
async def engine(engine_for: EngineFor) -> Engine:
    """A connected engine with every first-party plugin."""
    return await engine_for()


@pytest.fixture(scope="module")
async def shared_engine(shared_engine_for: EngineFor) -> Engine:
    """The same for tests that don't mind each other's data."""
    return await shared_engine_for()


@pytest.fixture
async def client(engine: Engine) -> AsyncIterator[Client]:
    found = Client(engine)
    async with found.http:
        yield found


ClientFor = Callable[[Engine], Client]


@pytest.fixture
async def client_for() -> AsyncIterator[ClientFor]:
    """Clients of engines that a test made itself."""
    made: list[Client] = []

    def make(engine: Engine) -> Client:
        made.append(Client(engine))
        return made[-1]

    yield make
    for found in made:
        await found.http.aclose()


@dataclass(frozen=True)
class RunningServer:
    """A `mercat run` of its own process; `lines` are those it printed until it was ready."""

    url: str
    process: "subprocess.Popen[str]"
    lines: list[str]


Serve = Callable[..., AbstractContextManager[RunningServer]]


@pytest.fixture
def mercat_environment(stores: Stores) -> dict[str, str]:
    """The environment of a `mercat` process that uses the tests' stores and a new database."""
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith("MERCAT_")},
        **stores.environment,
        "MERCAT_DATABASE__NAME": f"test_{secrets.token_hex(6)}",
        "PYTHONPATH": os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")]),
        "PYTHONUNBUFFERED": "1",
        "COLUMNS": "200",
    }


@pytest.fixture
def serve(mercat_environment: dict[str, str], tmp_path: Path) -> Serve:
    """Run `mercat run` with the given options, in a folder with the given engine.toml."""

    @contextmanager
    def run(*options: str, toml: str = "", **environment: str) -> Iterator[RunningServer]:
        if toml:
            (tmp_path / "engine.toml").write_text(toml)
        process = subprocess.Popen(
            [sys.executable, "-m", "mercat.cli", "run", "--port", "0", *options],
            cwd=tmp_path,
            env={**mercat_environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield _ready(process)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(15)
            if process.stdout is not None:
                process.stdout.close()

    return run


def _ready(process: "subprocess.Popen[str]") -> RunningServer:
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line.rstrip())
        if " serves http" in line:
            url = line.split(" serves ")[1].split("/graphql")[0]
            return RunningServer(url, process, lines)
    raise AssertionError("the server ended:\n" + "\n".join(lines))


@dataclass(frozen=True)
class Finished:
    code: int
    out: str
    err: str


Mercat = Callable[..., Finished]


@pytest.fixture
def mercat(mercat_environment: dict[str, str], tmp_path: Path) -> Mercat:
    """Run a `mercat` command to its end."""

    def run(*arguments: str, **environment: str) -> Finished:
        return Finished(
            *run_command(arguments, {**mercat_environment, **environment}, tmp_path, seconds=120)
        )

    return run


def write_jsonl(file: Path, rows: list[dict[str, Any]]) -> Path:
    """A JSON Lines file of these rows."""
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return file


async def until(check: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    """Wait until `check` is true; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not await check():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)
