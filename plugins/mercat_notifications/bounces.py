"""Addresses that a mail server refused for good, until it takes something for them again."""

from typing import Any

from mercat.context import Context
from mercat.storage import stored_now
from mercat_notifications.documents import BouncedAddressDocument


async def note_bounce(context: Context, digest: str) -> None:
    """Remember that an address was refused."""
    await _bounces(context).update_one(
        {"_id": digest},
        {"$set": {"bounced_at": stored_now()}},
        upsert=True,
    )


async def is_bounced(context: Context, digest: str) -> bool:
    return await _bounces(context).find_one({"_id": digest}, {"_id": 1}) is not None


async def cleared(context: Context, digest: str) -> None:
    """Forget that an address was refused."""
    await _bounces(context).delete_one({"_id": digest})


def _bounces(context: Context) -> Any:
    return context.storage.collection(BouncedAddressDocument)
