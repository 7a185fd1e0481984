"""Waiting for one's turn at a stock that many change at once.

Transactions that write the same stock at the same time end each other, and all but one begin again:
of fifty buyers of one variant most of the work is in vain. Within a process they wait in a queue
instead, one a stock. Whether a change is right is decided by the database all the same, so that
other processes, and changes that don't queue, do no harm.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from typing import TypeVar
from weakref import WeakValueDictionary

from bson import ObjectId
from pymongo.errors import ExecutionTimeout

from mercat.context import Context
from mercat.errors import ConflictError
from mercat.storage import Session

T = TypeVar("T")

_PATIENCE_SECONDS = 15.0
_MAYBE_DONE = "UnknownTransactionCommitResult"
_BUSY = "too many buy the same at once; try again"

_held: ContextVar[frozenset[ObjectId]] = ContextVar("held_turns", default=frozenset())


class _Queues(WeakValueDictionary[ObjectId, asyncio.Lock]):
    """A queue for each stock that somebody waits for."""


@asynccontextmanager
async def turn(context: Context, variants: Iterable[ObjectId]) -> AsyncIterator[None]:
    """Wait until nobody else of the process is at these stocks; they wait until the block ends.

    Whoever has the turn of a stock already goes on with it. Raises ConflictError after 15 s, and
    where other processes are in the way of the block's transaction for too long.
    """
    held = _held.get()
    queues = context.engine.own(_Queues)
    async with AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                for variant in sorted(set(variants) - held):  # in one order, so that none block
                    queue = queues.setdefault(variant, asyncio.Lock())
                    await stack.enter_async_context(queue)
                    held |= {variant}
        except TimeoutError:
            raise ConflictError(_BUSY) from None
        token = _held.set(held)
        try:
            yield
        except ExecutionTimeout as error:
            if error.has_error_label(_MAYBE_DONE):
                raise
            raise ConflictError(_BUSY) from None
        finally:
            _held.reset(token)


async def in_transaction(
    context: Context, variants: Iterable[ObjectId], work: Callable[[Session], Awaitable[T]]
) -> T:
    """Run `work` in a transaction when it is the turn of these stocks.

    Raises ConflictError, and nothing is changed, where others are in the way for too long.
    """
    async with turn(context, variants):
        return await context.storage.transaction(work)
