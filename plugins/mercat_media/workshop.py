"""What one engine makes pictures with: the storage, and so many renderings at once."""

import asyncio
import contextlib
import hashlib
import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO, Any
from weakref import WeakValueDictionary

from mercat.context import Context
from mercat.engine import Engine
from mercat.errors import BootError, DomainError
from mercat_media.errors import REFUSALS, BrokenError, BusyError, TooLargeError
from mercat_media.renditions import FORMATS, SIZES
from mercat_media.settings import MediaSettings
from mercat_media.storage import Store
from mercat_media.storage.local import LocalStore

STALE_SECONDS = 24 * 3600
_SCRIPT = Path(__file__).with_name("rendering.py")
_GENERATION = b"mercat media 1\0"  # another one makes every picture anew
_PIECE = 256 * 1024
# Not the rest of the environment: it has the shop's secrets.
_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "TMPDIR")


class Staged:
    """A file that is being uploaded, in a folder of its own; `digest` names what was written."""

    def __init__(self, folder: Path, most: int) -> None:
        self.folder = folder
        self.source = folder / "source"
        self.size = 0
        self._most = most
        self._digest = hashlib.sha256(_GENERATION)

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()

    def write(self, out: IO[bytes], data: bytes) -> None:
        """Add bytes. Raises TooLargeError."""
        self.size += len(data)
        if self.size > self._most:
            raise TooLargeError(
                f"a picture has at most {self._most} bytes; make it smaller", field=("file",)
            )
        self._digest.update(data)
        out.write(data)

    def copy(self, file: IO[bytes]) -> None:
        """Take a whole file. Raises TooLargeError."""
        file.seek(0)
        with self.source.open("xb") as out:
            while data := file.read(_PIECE):
                self.write(out, data)


class Workshop:
    """`workshop_of(context)` finds an engine's."""

    def __init__(self, engine: Engine) -> None:
        self._settings = engine.plugin_settings(MediaSettings)
        name = engine.settings.database.name + ("_demo" if engine.demo else "")
        self._folder = engine.storage.data_dir / "media" / name
        self._incoming = self._folder / "incoming"
        self.store = self._open_store(name)
        self._places = asyncio.Semaphore(self._settings.jobs)
        self._waiting = 0
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def _open_store(self, name: str) -> Store:
        if self._settings.s3_bucket is None:
            return LocalStore(self._folder / "files", self._incoming)
        try:
            from mercat_media.storage.s3 import BucketStore  # noqa: PLC0415  an extra
        except ModuleNotFoundError:
            raise BootError(
                "[plugins.media] s3_bucket needs obstore; install mercat[s3], or remove s3_bucket"
            ) from None
        return BucketStore(self._settings, f"{self._settings.s3_prefix}{name}/")

    @contextlib.asynccontextmanager
    async def staging(self) -> AsyncIterator[Staged]:
        """A place for one upload, which is gone afterwards whatever happened."""
        folder = self._incoming / secrets.token_hex(8)
        await asyncio.to_thread(folder.mkdir, parents=True)
        try:
            yield Staged(folder, self._settings.max_bytes)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    @contextlib.asynccontextmanager
    async def alone(self, digest: str) -> AsyncIterator[None]:
        """Twins of one picture in this process wait for the first."""
        lock = self._locks.setdefault(digest, asyncio.Lock())
        async with lock:
            yield

    @contextlib.contextmanager
    def _in_line(self) -> Iterator[None]:
        if self._waiting >= self._settings.jobs + self._settings.max_waiting:
            raise BusyError("too many pictures are being worked on; try again in a minute")
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    async def render(self, source: Path, folder: Path) -> dict[str, Any]:
        """Render a picture into a new folder: its width, height and blurhash.

        Raises UnsupportedTypeError, PolyglotError, TooManyPixelsError, BrokenError, BusyError.
        """
        with self._in_line():
            async with self._places:
                await asyncio.to_thread(folder.mkdir)
                said = await self._run(source, folder)
        try:
            answer: dict[str, Any] = json.loads(said)
        except ValueError:
            raise self._broken() from None
        if "error" in answer:
            refusal: type[DomainError] = REFUSALS[answer["error"]]
            raise refusal(answer["message"], field=("file",))
        return answer

    async def _run(self, source: Path, folder: Path) -> bytes:
        order = {
            "sizes": SIZES,
            "formats": list(FORMATS),
            "pixels": self._settings.max_pixels,
            "memory": self._settings.max_memory_bytes,
            "seconds": self._settings.max_seconds,
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", str(_SCRIPT), str(source), str(folder), json.dumps(order)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            start_new_session=True,  # Ctrl-C is the engine's own business
        )
        try:
            async with asyncio.timeout(self._settings.max_seconds):
                said, _ = await process.communicate()
        except TimeoutError:
            raise self._broken() from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return said

    def _broken(self) -> BrokenError:
        return BrokenError(
            "the picture takes too much time or memory to read; export it anew and upload that",
            field=("file",),
        )

    def forget_stale(self) -> None:
        """Delete what uploads left behind that ended with their process more than a day ago."""
        if not self._incoming.is_dir():
            return
        for found in os.scandir(self._incoming):
            with contextlib.suppress(FileNotFoundError):
                if found.stat().st_mtime < time.time() - STALE_SECONDS:
                    shutil.rmtree(found.path, ignore_errors=True)


def workshop_of(context: Context) -> Workshop:
    """The workshop of an engine. Raises BootError where what its storage needs is missing."""
    return context.engine.own(Workshop, context.engine)
