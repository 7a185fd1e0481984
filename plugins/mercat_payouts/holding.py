"""Sellers that are paid nothing for now."""

from collections.abc import Sequence

from bson import ObjectId

from mercat.context import Context
from mercat_auth.sellers.reading import sellers


async def held_back(context: Context, keys: Sequence[str]) -> set[str]:
    """Those of the sellers with these keys that are suspended; one that has closed is paid."""
    ids = [ObjectId(key) for key in keys if ObjectId.is_valid(key)]
    wanted = {"_id": {"$in": ids}, "status": "suspended"}
    return {str(one["_id"]) async for one in sellers(context).find(wanted, {"_id": 1})}
