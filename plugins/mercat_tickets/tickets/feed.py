"""Telling subscribers in every process that a ticket changed; they read its history."""

from collections.abc import AsyncGenerator

from mercat import telling
from mercat.context import Context
from mercat.storage import Record

QUEUE = "queue"
"""Where every change of a ticket is told of."""


async def publish(context: Context, ticket: Record) -> None:
    """Say that a ticket changed."""
    await telling.tell(context, [_channel(context, str(ticket["_id"])), _channel(context, QUEUE)])


def follow(context: Context, about: str) -> AsyncGenerator[None, None]:
    """When to look at a ticket, by its key, or at the queue: as `mercat.telling.follow` says."""
    return telling.follow(context, _channel(context, about))


def _channel(context: Context, about: str) -> str:
    return f"mercat:{context.storage.database.name}:ticket:{about}"
