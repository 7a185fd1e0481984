"""One at a time at something, within a process: who comes twice finds what the first one brought.

Whether something happens once is decided by the database all the same, as other processes don't
wait here.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from mercat.context import Context


class _Turns:
    """One engine's; a lock lives as long as somebody holds it or waits for it."""

    def __init__(self) -> None:
        self.locks: WeakValueDictionary[tuple[str, object], asyncio.Lock] = WeakValueDictionary()


@asynccontextmanager
async def turn(context: Context, what: str, key: object) -> AsyncIterator[None]:
    """Wait until nobody else of this process is at that thing; `what` says of which kind it is."""
    lock = context.engine.own(_Turns).locks.setdefault((what, key), asyncio.Lock())
    async with lock:
        yield
