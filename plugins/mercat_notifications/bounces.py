"""Addresses that a mail server refused for good, until it takes something for them again."""

import contextlib
from typing import Any

from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.storage import stored_now
from mercat_notifications.documents import BouncedAddressDocument


async def note_bounce(context: Context, digest: str) -> None:
    """Remember that an address was refused."""
    with contextlib.suppress(DuplicateKeyError):  # it was refused before
        await _bounces(context).insert_one({"_id": digest, "bounced_at": stored_now()})


async def is_bounced(context: Context, digest: str) -> bool:
    return await _bounces(context).find_one({"_id": digest}, {"_id": 1}) is not None


async def cleared(context: Context, digest: str) -> None:
    """Forget that an address was refused."""
    await _bounces(context).delete_one({"_id": digest})


def _bounces(context: Context) -> Any:
    return context.storage.collection(BouncedAddressDocument)
