"""Telling subscribers in every process, through Redis, that something changed.

A message says only what; whoever hears it reads how. One that is lost does no harm, as subscribers
look by themselves from time to time, so nothing waits for Redis.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable

from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from mercat.context import Context

_PATIENCE_SECONDS = 0.5
_RETRY_SECONDS = 1.0
_POLL_SECONDS = 5.0
_MOMENT_SECONDS = 0.05
_MOST_AT_ONCE = 1_000

_logger = logging.getLogger(__name__)


async def tell(context: Context, channels: Iterable[str]) -> None:
    """Say on these channels that something changed."""
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


async def follow(context: Context, channel: str) -> AsyncGenerator[None, None]:
    """When to look at what is told of on a channel, for ever: at once, and every few seconds.

    Also once the channel is subscribed to, while Redis is away, and when it is back, as nobody
    knows what was missed.
    """
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
