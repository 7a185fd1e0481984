"""Telling subscribers in every process, through Redis, that a stock changed.

A message says only which; whoever hears it reads the stock. One that is lost does no harm beyond a
figure shown for longer, so nothing waits for Redis.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable, Sequence

from bson import ObjectId
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from mercat.catalog import StockFigures
from mercat.context import Context
from mercat.telling import tell

_RETRY_SECONDS = 1.0
_POLL_SECONDS = 5.0
_MOMENT_SECONDS = 0.05
_MOST_AT_ONCE = 100

_logger = logging.getLogger(__name__)


async def publish(context: Context, variants: Iterable[ObjectId]) -> None:
    """Say that these stocks changed."""
    await tell(context, [_channel(context, variant) for variant in variants])


async def publish_figures(context: Context, changes: Iterable[StockFigures]) -> None:
    """Say that the stocks of these figures changed."""
    await publish(context, [ObjectId(change.variant_id) for change in changes])


async def follow(
    context: Context, variants: Sequence[ObjectId]
) -> AsyncGenerator[Sequence[ObjectId], None]:
    """Which of these stocks may have changed, for ever; none where nothing was said for a while.

    Each is among them once its channel is subscribed to: at first, and again after Redis was away,
    as nobody knows what was missed.
    """
    channels = [_channel(context, variant) for variant in variants]
    while True:
        try:
            async with context.storage.redis.pubsub() as listening:
                await listening.subscribe(*channels)
                while True:
                    yield await _heard(listening)
        except (RedisError, OSError) as error:
            _logger.warning("subscriptions wait for Redis: %s", type(error).__name__)
        await asyncio.sleep(_RETRY_SECONDS)


async def _heard(listening: PubSub) -> list[ObjectId]:
    """What comes within a moment, each once: a stock that sells fast is read once for it all."""
    heard: dict[ObjectId, None] = {}
    patience = _POLL_SECONDS
    for _ in range(_MOST_AT_ONCE):
        message = await listening.get_message(timeout=patience)
        if message is None:
            break
        heard[ObjectId(message["channel"].decode().rpartition(":")[2])] = None
        patience = _MOMENT_SECONDS
    return list(heard)


def _channel(context: Context, variant: ObjectId) -> str:
    return f"mercat:{context.storage.database.name}:stock:{variant}"
