"""Telling subscribers in every process, through Redis, that something changed."""

import asyncio
import logging
from collections.abc import Iterable

from redis.exceptions import RedisError

from mercat.context import Context

_PATIENCE_SECONDS = 0.5

_logger = logging.getLogger(__name__)


async def tell(context: Context, channels: Iterable[str]) -> None:
    """Say on these channels that something changed; who hears it reads what.

    One that is lost does no harm, as subscribers look by themselves from time to time: so nothing
    waits for Redis.
    """
    wanted = list(channels)
    if not wanted:
        return
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            pipeline = context.storage.redis.pipeline(transaction=False)
            for channel in wanted:
                pipeline.publish(channel, b"")
            await pipeline.execute()
    except (RedisError, OSError, TimeoutError) as error:
        _logger.info("subscribers were not told of a change: %s", type(error).__name__)
