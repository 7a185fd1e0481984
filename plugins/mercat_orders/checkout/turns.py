"""One at a time at a checkout, within a process: twins wait for the first one's order.

Across processes the database decides; here it only saves what would be in vain.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from bson import ObjectId

from mercat.context import Context


class _Queues(WeakValueDictionary[ObjectId, asyncio.Lock]):
    """A queue for each checkout that somebody drives."""


@asynccontextmanager
async def turn(context: Context, order: ObjectId) -> AsyncIterator[None]:
    """Wait until nobody else of the process drives this checkout."""
    queue = context.engine.own(_Queues).setdefault(order, asyncio.Lock())
    async with queue:
        yield
