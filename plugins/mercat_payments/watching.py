"""Watching payments, in every process."""

import contextlib
from collections.abc import AsyncGenerator

from mercat.context import Context
from mercat.storage import Record
from mercat.telling import follow
from mercat_payments.service import watched
from mercat_payments.telling import channel_of


async def updates(context: Context, key: str, secret: str | None) -> AsyncGenerator[Record, None]:
    """A payment as it is now, and after each change; who may see it is asked anew each time.

    Of changes that come quickly one after the other only the last may be seen. Raises
    NotFoundError.
    """
    found = await watched(context, key, secret)
    yield found
    async with contextlib.aclosing(follow(context, channel_of(context, key))) as moments:
        async for _ in moments:
            before, found = found, await watched(context, key, secret)
            if found["version"] != before["version"]:
                yield found
