"""Where the files of pictures lie: folders of finished files that never change."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Protocol


class Store(Protocol):
    """A place for folders of files; folders and names are those of `renditions`."""

    async def put(self, folder: str, files: Path) -> None:
        """Take the files out of a local folder; when it returns they are there for good."""

    async def size(self, folder: str, name: str) -> int | None:
        """How many bytes a file has; None where there is none."""

    def read(self, folder: str, name: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """The bytes of a file from `start` up to `stop`, in pieces."""

    async def delete(self, folder: str) -> None:
        """Delete a folder; one that isn't there is no error."""

    def folders(self, before: datetime) -> AsyncIterator[str]:
        """The folders that were put before a moment."""
