"""The embedded servers: what kills them, what brings them back, and what they never lose."""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped, unused-ignore]
import pymongo
import pytest
import redis
from beanie import Document
from pymongo import AsyncMongoClient, monitoring
from pymongo.errors import NotPrimaryError, OperationFailure, PyMongoError

from mercat import lifecycle
from mercat.errors import BootError, StoreError
from mercat.settings import load_settings
from mercat.storage import Storage, guardian
from mercat.storage.embedded import EmbeddedServers
from mercat.storage.guardian import Program, Server, read_state

from .conftest import EngineFor, RunningServer, Stores, _ready, until

pytestmark = pytest.mark.gate


class NoteDocument(Document):
    text: str

    class Settings:
        name = "notes"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A shop's folder, with a name that needs care; nothing may run in it after a test."""
    found = tmp_path / 'Läden & "Märkte" №5'
    found.mkdir()
    (found / "engine.toml").write_text("[plugins]\nenabled = []\n")
    yield found
    left = wait_until_empty(found, 8)
    for process in left:
        process.kill()
    assert not left, left


@pytest.fixture
def data(folder: Path) -> Path:
    return folder / ".mercat"


def processes_in(folder: Path) -> list[psutil.Process]:
    """The processes, other than this one, that work in the folder or were started for it."""
    found = []
    for process in psutil.process_iter():
        try:
            mark = str(folder)
            ours = mark in " ".join(process.cmdline()) or process.cwd().startswith(mark)
            if ours and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def wait_until_empty(folder: Path, seconds: float) -> list[psutil.Process]:
    deadline = time.monotonic() + seconds
    while (left := processes_in(folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


@asynccontextmanager
async def embedded(data: Path) -> AsyncIterator[EmbeddedServers]:
    servers = EmbeddedServers(data)
    await servers.start()
    try:
        yield servers
    finally:
        await servers.stop()


@asynccontextmanager
async def storage_in(folder: Path) -> AsyncIterator[Storage]:
    storage = Storage(load_settings(folder / "engine.toml"), [NoteDocument])
    await storage.connect()
    try:
        yield storage
    finally:
        await storage.close()


@contextmanager
def running(folder: Path, *options: str) -> Iterator[RunningServer]:
    """`mercat run` on embedded stores."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MERCAT_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "mercat.cli", "run", "--port", "0", *options],
        cwd=folder,
        env={**environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield _ready(process)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def server_pid(data: Path, name: str) -> int:
    pid: int = read_state(data)["servers"][name]
    return pid


async def survives(attempt: Callable[[], Awaitable[Any]], seconds: float = 15) -> None:
    """Wait until the attempt succeeds again."""

    async def succeeds() -> bool:
        try:
            await attempt()
        except (PyMongoError, redis.RedisError, OSError):
            return False
        return True

    await until(succeeds, seconds)


# Starting, sharing, stopping


async def test_holders_share_one_set_which_stops_with_the_last(data: Path, folder: Path) -> None:
    async with embedded(data) as first:
        second = EmbeddedServers(data)
        await second.start()
        assert (second.mongo_url, second.redis_url) == (first.mongo_url, first.redis_url)
        await second.stop()
        assert redis.Redis.from_url(first.redis_url, single_connection_client=True).ping()
        assert len(processes_in(folder)) == 3
    assert wait_until_empty(folder, 1) == []
    assert read_state(data)["state"] == "stopped"


@pytest.mark.long
def test_another_process_shares_them_and_keeps_them(folder: Path, data: Path) -> None:
    with running(folder) as other:
        pid = server_pid(data, "SecantusDB")

        async def look() -> str:
            async with embedded(data) as servers:
                assert server_pid(data, "SecantusDB") == pid
                other.process.send_signal(signal.SIGINT)
                other.process.wait(10)
                await asyncio.sleep(1)
                assert psutil.pid_exists(pid)
                return servers.mongo_url

        assert str(read_state(data)["mongo_port"]) in asyncio.run(look())
    assert wait_until_empty(folder, 1) == []


@pytest.mark.long
async def test_many_starters_and_stoppers_at_once(data: Path, folder: Path) -> None:
    held = [EmbeddedServers(data) for _ in range(6)]
    await asyncio.gather(*(servers.start() for servers in held))
    assert len({servers.mongo_url for servers in held}) == 1
    await until_async(lambda: len(processes_in(folder)) == 3)  # guardians that came late give up
    for _ in range(3):  # each round starts some while the last holders of before are letting go
        fresh = [EmbeddedServers(data) for _ in range(2)]
        await asyncio.gather(
            *(servers.stop() for servers in held), *(servers.start() for servers in fresh)
        )
        for servers in fresh:
            guardian._ping_mongo(servers.mongo_url)
            guardian._ping_redis(servers.redis_url)
        held = fresh
    await asyncio.gather(*(servers.stop() for servers in held))
    assert wait_until_empty(folder, 1) == []


@pytest.mark.long
async def test_starting_again_leaks_neither_files_nor_zombies(data: Path) -> None:
    process = psutil.Process()
    counts = []
    for _ in range(3):
        async with embedded(data):
            pass
        counts.append(process.num_fds())
    assert counts[0] == counts[-1]
    assert [c for c in process.children() if c.status() == psutil.STATUS_ZOMBIE] == []


# What the servers are started with


async def test_conditions_of_the_running_servers(data: Path) -> None:
    async with embedded(data) as servers:
        mongo = psutil.Process(server_pid(data, "SecantusDB"))
        valkey = psutil.Process(server_pid(data, "Valkey"))
        assert {"--sync-on-commit", "--auth"} <= set(mongo.cmdline())
        for process in (mongo, valkey):
            listening = [c for c in process.net_connections() if c.status == psutil.CONN_LISTEN]
            assert {c.laddr.ip for c in listening} == {"127.0.0.1"}
        assert [modes_of(data, name) for name in ("secret", "stores.json", "mongo.log", ".")] == [
            0o600,
            0o600,
            0o600,
            0o700,
        ]
        state = read_state(data)
        with pymongo.MongoClient[dict[str, Any]]("127.0.0.1", state["mongo_port"]) as client:
            with pytest.raises(OperationFailure, match=r"(?i)auth"):
                client["shop"]["x"].find_one()
            with pytest.raises(OperationFailure, match=r"(?i)auth"):
                client["shop"]["x"].insert_one({})
        with (
            redis.Redis("127.0.0.1", state["redis_port"]) as plain,
            pytest.raises(redis.AuthenticationError),
        ):
            plain.ping()
        assert read_state(data)["mongo_url"] == servers.mongo_url


def modes_of(data: Path, name: str) -> int:
    return stat.S_IMODE((data / name).stat().st_mode)


async def test_a_module_in_the_shops_folder_is_not_imported(
    folder: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pymongo", "redis", "secantus", "json"):
        (folder / f"{name}.py").write_text("raise SystemExit('the wrong one')\n")
    monkeypatch.chdir(folder)
    async with embedded(data) as servers:
        guardian._ping_mongo(servers.mongo_url)


def test_ports_lie_below_those_of_outgoing_connections() -> None:
    ports = {guardian.free_port() for _ in range(50)}
    assert all(20_000 <= port < 32_000 for port in ports)
    assert len(ports) > 40


class Commands(monitoring.CommandListener):
    """Which commands succeeded, and which spoke of a transaction."""

    def __init__(self) -> None:
        self.succeeded_names: list[str] = []
        self.in_transaction: list[str] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command.get("autocommit") is False:
            self.in_transaction.append(event.command_name)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        self.succeeded_names.append(event.command_name)

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        self.succeeded_names.append(f"failed {event.command_name}")


def test_the_heartbeat_commits_a_transaction(stores: Stores) -> None:
    """SecantusDB looks for abandoned transactions only when another one is spoken of."""
    commands = Commands()
    with pymongo.MongoClient[dict[str, Any]](
        stores.mongo_url, event_listeners=[commands]
    ) as client:
        guardian.heartbeat(client)
    assert commands.in_transaction == ["find", "commitTransaction"]
    assert {"find", "commitTransaction"} <= set(commands.succeeded_names)


@pytest.mark.long
async def test_the_guardian_keeps_its_heartbeat(data: Path) -> None:
    async with embedded(data) as servers, AsyncMongoClient[Any](servers.mongo_url) as client:

        async def queries() -> int:
            status = await client.admin.command("serverStatus")
            count: int = status["opcounters"]["query"]
            return count

        before = await queries()
        await asyncio.sleep(4.5)
        assert 2 <= await queries() - before <= 3


@pytest.mark.long
async def test_an_abandoned_transaction_lets_others_write(folder: Path) -> None:
    """Its lifetime is 60 s; without the heartbeat it would hold its document for ever."""
    async with storage_in(folder) as storage:
        notes = storage.database["notes"]
        await notes.insert_one({"_id": 1})
        async with storage.client.start_session() as session:
            await session.start_transaction()
            await notes.update_one({"_id": 1}, {"$set": {"by": "abandoned"}}, session=session)
            started = time.monotonic()

            async def write() -> None:
                with pymongo.timeout(2):
                    await notes.update_one({"_id": 1}, {"$set": {"by": "another"}})

            with pytest.raises(PyMongoError):
                await write()
            await survives(write, 70)
            assert 55 < time.monotonic() - started < 68


# What dies


@pytest.mark.long
async def test_killed_servers_come_back_and_the_engine_recovers(folder: Path, data: Path) -> None:
    async with storage_in(folder) as storage:
        notes = storage.collection(NoteDocument)
        for name, ask in (
            ("SecantusDB", lambda: notes.insert_one({"text": "again"})),
            ("Valkey", lambda: storage.redis.set("again", 1)),
        ):
            pid = server_pid(data, name)
            os.kill(pid, signal.SIGKILL)
            started = time.monotonic()
            await survives(ask, 8)
            print(f"{name} answered {time.monotonic() - started:.2f} s after it was killed")
            after = server_pid(data, name)
            assert after != pid
            assert psutil.pid_exists(after)


@pytest.mark.long
async def test_acknowledged_writes_survive_each_kill_of_the_database(
    folder: Path, data: Path
) -> None:
    async with storage_in(folder) as storage:
        notes = storage.collection(NoteDocument)
        acknowledged: list[int] = []

        async def write(number: int) -> None:
            if number % 2:
                await notes.insert_one({"_id": number})
            else:
                await storage.transaction(
                    lambda session: notes.insert_one({"_id": number}, session=session)
                )
            acknowledged.append(number)

        number = 0
        for _ in range(3):
            pid = server_pid(data, "SecantusDB")
            asyncio.get_running_loop().call_later(0.4, os.kill, pid, signal.SIGKILL)
            with contextlib.suppress(PyMongoError):
                while server_pid(data, "SecantusDB") == pid:
                    number += 1
                    await asyncio.wait_for(write(number), 6)
            await survives(lambda: storage.client.admin.command("ping"))
            kept = {record["_id"] async for record in notes.find({}, {"_id": 1})}
            assert set(acknowledged) <= kept
        assert len(acknowledged) > 20


async def test_a_killed_guardian_is_replaced_on_the_same_urls(folder: Path, data: Path) -> None:
    async with storage_in(folder) as storage:
        state = read_state(data)
        os.kill(state["pid"], signal.SIGKILL)
        started = time.monotonic()
        await until_async(lambda: read_state(data).get("pid") != state["pid"], 15)
        await until_async(lambda: read_state(data).get("state") == "ready", 15)
        print(f"a new guardian was ready after {time.monotonic() - started:.2f} s")
        after = read_state(data)
        assert (after["mongo_url"], after["redis_url"]) == (state["mongo_url"], state["redis_url"])
        await survives(lambda: storage.collection(NoteDocument).insert_one({"text": "after"}))
        await survives(storage.ping)
        assert len(processes_in(folder)) == 3


@pytest.mark.long
async def test_two_engines_replace_a_killed_guardian_once(folder: Path, data: Path) -> None:
    async with storage_in(folder) as one, storage_in(folder) as two:
        os.kill(read_state(data)["pid"], signal.SIGKILL)
        await asyncio.sleep(1)
        await survives(one.ping)
        await survives(two.ping)
        await asyncio.sleep(1.5)  # the one that came too late gives up
        assert len(processes_in(folder)) == 3


@pytest.mark.long
@pytest.mark.parametrize("workers", ["1", "2"])
def test_killing_the_engine_leaves_no_orphan_and_loses_nothing(
    folder: Path, data: Path, workers: str
) -> None:
    with running(folder, "--workers", workers) as shop:
        written = write_numbers(read_state(data)["mongo_url"], 40)
        shop.process.kill()
        shop.process.wait()
        assert wait_until_empty(folder, 8) == []
    assert asyncio.run(numbers_in(folder)) == written


@pytest.mark.long
def test_killing_everything_at_once_loses_nothing(folder: Path, data: Path) -> None:
    with running(folder):
        written = write_numbers(read_state(data)["mongo_url"], 40)
        for process in processes_in(folder):
            process.kill()
        assert wait_until_empty(folder, 3) == []
    assert asyncio.run(numbers_in(folder)) == written


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_servers_end_with_a_guardian_that_nobody_replaces(folder: Path, data: Path) -> None:
    with running(folder) as shop:
        pid = read_state(data)["pid"]
        shop.process.kill()
        os.kill(pid, signal.SIGKILL)
        shop.process.wait()
        assert wait_until_empty(folder, 2) == []


@pytest.mark.long
@pytest.mark.parametrize("workers", ["1", "2"])
def test_interrupt_stops_everything_within_five_seconds(folder: Path, workers: str) -> None:
    with running(folder, "--workers", workers) as shop:
        started = time.monotonic()
        shop.process.send_signal(signal.SIGINT)
        assert shop.process.wait(10) == 0
        left = processes_in(folder)
        assert time.monotonic() - started < 5
        assert left == []


def write_numbers(url: str, count: int) -> list[int]:
    with pymongo.MongoClient[dict[str, Any]](url) as client:
        for number in range(count):
            client["mercat"]["numbers"].insert_one({"_id": number})
    return list(range(count))


async def numbers_in(folder: Path) -> list[int]:
    async with storage_in(folder) as storage:
        return [n["_id"] async for n in storage.database["numbers"].find().sort("_id", 1)]


async def until_async(check: Callable[[], bool], seconds: float = 10) -> None:
    async def checked() -> bool:
        return check()

    await until(checked, seconds)


# What lies in the folder


def stale(**changes: object) -> str:
    url = "mongodb://127.0.0.1:1"
    ports = {"mongo_port": 1, "redis_port": 2}
    state = {"state": "ready", "error": "", "pid": os.getpid(), "mongo_url": url, "redis_url": url}
    return json.dumps({**state, **ports, "servers": {}, **changes})


@pytest.mark.parametrize(
    "content",
    [
        stale(),
        stale(pid=999_999, mongo_port=-7, servers={"SecantusDB": os.getpid(), "Other": "x"}),
        stale(state="failed", error="an old story"),
        "[]",
        "\x00\xff",
    ],
)
def test_a_stale_or_spoilt_state_does_no_harm(data: Path, content: str) -> None:
    """Not even where the process id that it names is now that of another process."""
    data.mkdir()
    (data / "guardian.lock").write_text("12345")
    (data / "stores.json").write_text(content, encoding="latin-1")

    async def start() -> None:
        async with embedded(data) as servers:
            guardian._ping_mongo(servers.mongo_url)

    asyncio.run(start())


def test_a_state_counts_only_with_its_own_guardian(data: Path) -> None:
    """A new guardian that has not spoken yet doesn't make what the last one said true."""
    data.mkdir()
    (data / "stores.json").write_text(stale())
    with (data / "guardian.lock").open("w") as lock:
        lock.write("12345")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert not EmbeddedServers(data)._is_ready()
        lock.seek(0)
        lock.write(str(os.getpid()))
        lock.truncate()
        lock.flush()
        assert EmbeddedServers(data)._is_ready()
    assert not EmbeddedServers(data)._is_ready()


def test_servers_left_over_are_stopped_and_their_ports_used_again(data: Path) -> None:
    """As where the kernel did not end them with their guardian, and they serve on."""
    (data / "mongo").mkdir(parents=True)
    (data / "secantusd.toml").touch()
    port = guardian.free_port()
    command = guardian.mongo_command(data, port, auth=False)
    url = f"mongodb://127.0.0.1:{port}"
    left = Server(
        Program(
            "SecantusDB",
            command,
            data / "mongo",
            data / "log",
            port,
            lambda: guardian._ping_mongo(url),
        )
    )
    left.spawn()
    left.wait()
    (data / "stores.json").write_text(stale(mongo_port=port, servers={"SecantusDB": left.pid}))

    async def start() -> None:
        async with embedded(data) as servers:
            assert f":{port}/" in servers.mongo_url
            guardian._ping_mongo(servers.mongo_url)

    asyncio.run(start())
    left.stop()


async def test_a_lost_state_and_a_lost_secret_are_mended(data: Path) -> None:
    async with embedded(data) as servers:
        (data / "stores.json").write_text("spoilt")
        async with embedded(data) as second:
            assert second.mongo_url == servers.mongo_url
    (data / "secret").unlink()
    async with embedded(data) as servers:
        guardian._ping_mongo(servers.mongo_url)
        guardian._ping_redis(servers.redis_url)


@pytest.mark.parametrize("place", ["/proc/shop", "file/below"])
async def test_an_unwritable_folder_is_one_sentence(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    servers = EmbeddedServers(tmp_path / place)
    with pytest.raises(
        BootError, match=r"^the folder .* can't be written \(.*\); set data_dir"
    ) as e:
        await servers.start()
    assert "\n" not in str(e.value)


@pytest.mark.long
async def test_a_server_that_cannot_start_is_one_sentence(data: Path) -> None:
    async with embedded(data):
        pass
    (data / "secantusd.toml").write_text("= spoilt")
    broken = EmbeddedServers(data)
    with pytest.raises(
        StoreError, match=r"^SecantusDB ended at start: .+ \(see the logs in "
    ) as error:
        await broken.start()
    assert "\n" not in str(error.value)
    assert read_state(data)["state"] == "failed"
    (data / "secantusd.toml").write_text("")
    async with embedded(data) as servers:  # a failure of the past does not count
        guardian._ping_mongo(servers.mongo_url)


def test_a_guardian_that_ends_at_once_is_one_sentence(data: Path) -> None:
    data.mkdir()
    (data / "redis").touch()
    with pytest.raises(StoreError, match=r"^the embedded servers' guardian ends at once; see /"):
        asyncio.run(EmbeddedServers(data).start())


def test_one_that_will_not_stop_gets_two_requests_and_is_then_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = """import signal, time
signal.signal(signal.SIGTERM, lambda *_: print("asked", flush=True))
print("up", flush=True)
while True: time.sleep(0.05)"""
    log = tmp_path / "log"

    def ready() -> None:
        if "up" not in log.read_text():
            raise OSError

    monkeypatch.setattr(guardian, "TERM_SECONDS", 0.3)
    command = [sys.executable, "-c", script]
    server = Server(Program("Mule", command, tmp_path, log, guardian.free_port(), ready))
    server.spawn()
    server.wait()
    assert server.pid is not None
    pid = server.pid
    server.stop()
    assert log.read_text().split() == ["up", "asked", "asked"]
    assert not psutil.pid_exists(pid)


def test_one_that_dies_soon_is_started_again_later_and_later_and_others_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(guardian, "_HEALTHY_SECONDS", 0.2)
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    mule = Program("Mule", command, tmp_path, tmp_path / "log", guardian.free_port(), lambda: None)
    server = Server(mule)
    server.spawn()
    for lives in (0.3, 0, 0, 0.3):
        time.sleep(lives)
        pid = server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        while server.pid == pid:
            server.keep()
            time.sleep(0.01)
    server.stop()
    pauses = [record.getMessage().split(" in ")[1] for record in caplog.records]
    assert pauses == ["0.1 s", "0.2 s", "0.4 s", "0.1 s"]


# A database that is there, but not primary


async def step_down(storage: Storage, seconds: int) -> None:
    try:
        await storage.client.admin.command({"replSetStepDown": seconds, "force": True})
    except OperationFailure as error:
        pytest.skip(f"this server can't step down: {error}")


@pytest.mark.long
async def test_writes_wait_for_a_primary(engine_for: EngineFor, folder: Path) -> None:
    async with storage_in(folder) as storage:
        plain = storage.client[storage.database.name]["notes"]
        notes = storage.collection(NoteDocument)
        await notes.insert_one({"_id": "old"})
        await step_down(storage, 1)
        with pytest.raises(NotPrimaryError):
            await plain.insert_one({})  # what the driver does by itself
        await asyncio.gather(
            notes.insert_one({"_id": "new"}),
            notes.find_one_and_update({"_id": "old"}, {"$inc": {"seen": 1}}),
        )
        await step_down(storage, 4)
        started = time.monotonic()
        await asyncio.gather(
            storage.transaction(lambda session: notes.insert_one({"_id": "t"}, session=session)),
            notes.update_one({"_id": "old"}, {"$inc": {"seen": 1}}),
            storage[NoteDocument](text="through Beanie").insert(),
        )
        assert 3 < time.monotonic() - started < 10
        assert (await notes.find_one({"_id": "old"}) or {})["seen"] == 2
        assert await notes.count_documents({}) == 4


async def test_the_monitor_asks_twice_a_second(engine_for: EngineFor) -> None:
    engine = await engine_for()
    assert engine.storage.client.options._options["heartbeatFrequencyMS"] == 0.5  # in seconds


async def test_two_engines_in_one_process_do_not_see_each_other(engine_for: EngineFor) -> None:
    one = await engine_for('[plugins]\nenabled = ["media", "products"]\n')
    two = await engine_for(
        '[plugins]\nenabled = ["media", "products"]\n',
        database={"name": f"{one.storage.database.name}_b"},
    )
    (document,) = (
        found
        for _, documents in one.hooks.gather(lifecycle.documents)
        for found in documents
        if found.Settings.name == "products"
    )
    await one.storage.collection(document).insert_one({"slug": "mine", "number": 1})
    assert one.storage[document] is not two.storage[document]
    assert await one.storage[document].get_pymongo_collection().count_documents({}) == 1
    assert await two.storage[document].get_pymongo_collection().count_documents({}) == 0
    await two.storage.client.drop_database(two.storage.database.name)
