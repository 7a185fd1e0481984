"""Servers in processes of their own, to be killed."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from . import commands


class Died(Exception):  # noqa: N818  what happens to the server here is no error
    """The server was killed before it answered."""


@dataclass
class Running:
    """A `mercat run` of a process of its own."""

    url: str
    process: BaseProcess


@asynccontextmanager
async def started(environment: dict[str, str], folder: Path) -> AsyncIterator[Running]:
    """A server that starts beside what else goes on; forked, because imports take two seconds."""
    out, err = (folder / f"{secrets.token_hex(4)}.{name}" for name in ("out", "err"))
    given = (["run", "--port", "0"], environment, folder, out, err)
    process = commands.FORKS.Process(target=commands.command, args=given)
    process.start()
    try:
        async with asyncio.timeout(60):
            while " serves http" not in (said := out.read_text() if out.exists() else ""):
                assert process.is_alive(), err.read_text()
                await asyncio.sleep(0.02)
        yield Running(said.split(" serves ")[1].split("/graphql")[0], process)
    finally:
        process.terminate()
        await asyncio.to_thread(process.join, 15)
