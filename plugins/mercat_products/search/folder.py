"""Where an index lies: `search/<database>/<fields>/<generation>`, below the shop's data.

`current` names the generation that is read. Whoever holds the lock writes; the system lets go of
it when the process ends, however it ends.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_CURRENT, _LOCK, _BROKEN, _META = "current", "writer.lock", "broken", "meta.json"


class IndexFolder:
    """The folder of one shop's indexes with the same fields."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def current(self) -> Path | None:
        """The generation to read, where there is one and nobody found it broken."""
        try:
            name = (self.path / _CURRENT).read_text()
        except OSError:
            return None
        found = self.path / name
        return found if name and is_whole(found) else None

    def create(self) -> Path:
        """An empty folder for another generation."""
        made = self.path / secrets.token_hex(4)
        made.mkdir(parents=True)
        return made

    def switch(self, generation: Path) -> None:
        """Let everybody read this generation from now on."""
        written = self.path / f"{_CURRENT}.{os.getpid()}"
        with written.open("w") as file:
            file.write(generation.name)
            file.flush()
            os.fsync(file.fileno())
        written.replace(self.path / _CURRENT)

    def clear(self, kept: Path) -> None:
        """Remove other generations, and the indexes of other fields that nobody writes."""
        for each in self.path.iterdir():
            if each.is_dir() and each != kept:
                shutil.rmtree(each, ignore_errors=True)
        for other in self.path.parent.iterdir():
            if other == self.path or not other.is_dir():
                continue
            with IndexFolder(other).lock() as held:
                if held is not None:
                    shutil.rmtree(other, ignore_errors=True)

    @contextlib.contextmanager
    def lock(self) -> Iterator["WriterLock | None"]:
        """The right to write, until the end of the block; None where somebody else has it."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.path / _LOCK
        with path.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
                return
            yield WriterLock(path, file)


class WriterLock:
    """A lock that is held; `holds` is False once its file was removed under it."""

    def __init__(self, path: Path, file: IO[str]) -> None:
        self._path = path
        self._file = file

    def holds(self) -> bool:
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._file.fileno()))
        except OSError:
            return False


def is_whole(generation: Path) -> bool:
    """Whether an index is there and nobody found it broken."""
    return (generation / _META).is_file() and not (generation / _BROKEN).exists()


def mark_broken(generation: Path) -> None:
    """Have an index made anew."""
    with contextlib.suppress(OSError):
        (generation / _BROKEN).touch()


def state_of(generation: Path) -> tuple[int, int, int] | None:
    """Changes whenever somebody commits; None where the index is gone."""
    try:
        found = (generation / _META).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
