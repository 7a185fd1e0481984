"""Telling subscribers in every process, through Redis, that an order changed.

A message says only which; whoever hears it reads the order's timeline. One that is lost does no
harm, as subscribers look by themselves from time to time, so nothing waits for Redis.
"""

import asyncio
import logging
from collections.abc import Sequence

from bson import ObjectId
from redis.exceptions import RedisError

from mercat.context import Context
from mercat.storage import Record

_PATIENCE_SECONDS = 0.5

_logger = logging.getLogger(__name__)


async def publish(context: Context, order: ObjectId) -> None:
    """Say that this order changed."""
    await _publish(context, [channel_of(context, str(order))])


async def publish_placed(context: Context, order: Record) -> None:
    """Say that this order was placed, to its sellers too."""
    sellers = [f"of:{part['seller'] or ''}" for part in order["seller_orders"]]
    await _publish(context, [channel_of(context, one) for one in (str(order["_id"]), *sellers)])


async def _publish(context: Context, channels: Sequence[str]) -> None:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            pipeline = context.storage.redis.pipeline(transaction=False)
            for channel in channels:
                pipeline.publish(channel, b"")
            await pipeline.execute()
    except (RedisError, OSError, TimeoutError) as error:
        _logger.info("a change of an order was not published: %s", type(error).__name__)


def channel_of(context: Context, about: str) -> str:
    """Where changes are told: of an order, by its key, or `of:` a seller."""
    return f"mercat:{context.storage.database.name}:order:{about}"
