"""What only the provider, the buyer and the client may read, as it is stored."""

from typing import Any

from bson import Binary

from mercat.context import Context
from mercat.storage.encryption import encryption_of

FIELDS = ("request", "shown")


async def sealed(context: Context, value: dict[str, Any] | None) -> Binary | None:
    return None if value is None else await encryption_of(context).seal(value)


async def unsealed(context: Context, stored: Binary | None) -> dict[str, Any]:
    """What was sealed; empty where nothing was."""
    if stored is None:
        return {}
    found: dict[str, Any] = await encryption_of(context).unseal(stored)
    return found
