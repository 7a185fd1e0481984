"""Telling subscribers in every process, through Redis, that an order changed.

A message says only which; whoever hears it reads the order's timeline. One that is lost does no
harm, as subscribers look by themselves from time to time, so nothing waits for Redis.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator

from bson import ObjectId
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from mercat.context import Context
from mercat.storage import Record
from mercat.telling import tell

PLACED = "placed"
"""Where every order is told of that is placed."""

_RETRY_SECONDS = 1.0
_POLL_SECONDS = 5.0
_MOMENT_SECONDS = 0.05
_MOST_AT_ONCE = 1_000

_logger = logging.getLogger(__name__)


async def publish(context: Context, order: ObjectId) -> None:
    """Say that this order changed."""
    await tell(context, [channel_of(context, str(order))])


async def publish_placed(context: Context, order: Record) -> None:
    """Say that this order was placed, to its sellers too."""
    sellers = [of_seller(part["seller"]) for part in order["seller_orders"]]
    about = (str(order["_id"]), PLACED, *sellers)
    await tell(context, [channel_of(context, one) for one in about])


def of_seller(seller: str | None) -> str:
    """Where a seller is told of orders that are placed; None is the shop itself."""
    return f"of:{seller or ''}"


async def follow(context: Context, about: str) -> AsyncGenerator[None, None]:
    """When to look at what is followed, for ever: once this is heard, and every few seconds.

    Also once the channel is subscribed to, while Redis is away, and when it is back, as nobody
    knows what was missed.
    """
    channel = channel_of(context, about)
    while True:
        try:
            async with context.storage.redis.pubsub() as listening:
                await listening.subscribe(channel)
                while True:
                    await _heard(listening)
                    yield
        except (RedisError, OSError) as error:
            _logger.warning("subscriptions wait for Redis: %s", type(error).__name__)
        yield
        await asyncio.sleep(_RETRY_SECONDS)


async def _heard(listening: PubSub) -> None:
    """Wait for a message, or for as long as one goes without looking; several count as one."""
    if await listening.get_message(timeout=_POLL_SECONDS) is None:
        return
    await asyncio.sleep(_MOMENT_SECONDS)
    for _ in range(_MOST_AT_ONCE):
        if await listening.get_message(timeout=0.0) is None:
            return


def channel_of(context: Context, about: str) -> str:
    """The channel of what is told: of an order, by its key, or of orders that are placed."""
    return f"mercat:{context.storage.database.name}:order:{about}"
