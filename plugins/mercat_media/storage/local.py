"""Files in a folder of this machine, or of a volume that all replicas share."""

import asyncio
import contextlib
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

_PIECE = 256 * 1024


class LocalStore:
    """Folders below `root`; a folder appears, and goes, by one rename."""

    def __init__(self, root: Path, incoming: Path) -> None:
        self._root = root
        self._incoming = incoming

    async def put(self, folder: str, files: Path) -> None:
        await asyncio.to_thread(self._put, folder, files)

    async def size(self, folder: str, name: str) -> int | None:
        return await asyncio.to_thread(self._size, folder, name)

    async def read(self, folder: str, name: str, start: int, stop: int) -> AsyncIterator[bytes]:
        with await asyncio.to_thread(self._opened, folder, name, start) as file:
            while start < stop:
                piece = await asyncio.to_thread(file.read, min(_PIECE, stop - start))
                if not piece:
                    return
                start += len(piece)
                yield piece

    async def delete(self, folder: str) -> None:
        await asyncio.to_thread(self._delete, folder)

    async def folders(self, before: datetime) -> AsyncIterator[str]:
        for folder in await asyncio.to_thread(lambda: list(self._older(before.timestamp()))):
            yield folder

    def _path(self, folder: str) -> Path:
        return self._root / folder[:2] / folder

    def _put(self, folder: str, files: Path) -> None:
        path = self._path(folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        sync_folder(files)
        try:
            files.rename(path)
        except OSError:
            if not path.is_dir():
                raise
            shutil.rmtree(files)  # somebody put it back in the meantime
        for parent in (path.parent, self._root, self._root.parent):
            sync_folder(parent)

    def _size(self, folder: str, name: str) -> int | None:
        try:
            return (self._path(folder) / name).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _opened(self, folder: str, name: str, start: int) -> BinaryIO:
        file = (self._path(folder) / name).open("rb")
        file.seek(start)
        return file

    def _delete(self, folder: str) -> None:
        aside = self._incoming / secrets.token_hex(8)
        with contextlib.suppress(FileNotFoundError):
            self._path(folder).rename(aside)
            shutil.rmtree(aside)

    def _older(self, moment: float) -> Iterator[str]:
        if not self._root.is_dir():
            return
        for shelf in os.scandir(self._root):
            if shelf.is_dir():
                for found in os.scandir(shelf):
                    if found.stat().st_mtime < moment:
                        yield found.name


def sync_folder(path: Path) -> None:
    """Make what was created in, or moved into, a folder outlast a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
