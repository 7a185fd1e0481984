"""Real stores: those that the environment names, or a pair of embedded servers."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mercat.storage.embedded import EmbeddedServers

_ROOM = 2**30  # what a run writes is a fraction of it


@dataclass(frozen=True)
class Stores:
    """Where MongoDB and Redis answer."""

    mongo_url: str
    redis_url: str

    @property
    def environment(self) -> dict[str, str]:
        """What a `mercat` process of a test is started with."""
        return {"MERCAT_DATABASE__URL": self.mongo_url, "MERCAT_REDIS__URL": self.redis_url}


@contextmanager
def running_stores() -> Iterator[Stores]:
    """`MERCAT_TEST_DATABASE__URL` and `MERCAT_TEST_REDIS__URL`, or embedded servers meanwhile.

    Raises BootError where the extra `embedded` is not installed.
    """
    mongo = os.environ.get("MERCAT_TEST_DATABASE__URL")
    redis = os.environ.get("MERCAT_TEST_REDIS__URL")
    if mongo and redis:
        yield Stores(mongo, redis)
        return
    with _memory() as folder:
        servers = EmbeddedServers(folder)
        asyncio.run(servers.start())
        try:
            yield Stores(mongo or servers.mongo_url, redis or servers.redis_url)
        finally:
            asyncio.run(servers.stop())


@contextmanager
def _memory() -> Iterator[Path]:
    """A folder in memory where there is room: on a disk, each commit waits until it is written."""
    memory = Path("/dev/shm")  # noqa: S108  a folder below it is made, and is this process's own
    room = memory.is_dir() and shutil.disk_usage(memory).free >= _ROOM
    with tempfile.TemporaryDirectory(
        prefix="mercat-tests-", dir=memory if room else None
    ) as folder:
        yield Path(folder)
