"""One at a time at a payment, within a process.

Calls that come twice at once then find what the first one brought. Whether something happens once
is decided by the database and by the provider's keys all the same.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from mercat.context import Context


class Turns:
    """One engine's; a lock lives as long as somebody holds it or waits for it."""

    def __init__(self) -> None:
        self.locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()


@asynccontextmanager
async def turn(context: Context, key: str) -> AsyncIterator[None]:
    """Wait until nobody else in this process is at the payment."""
    locks = context.engine.own(Turns).locks
    lock = locks.setdefault(key, asyncio.Lock())
    async with lock:
        yield
