"""Reading customer groups; who may is decided here."""

from collections.abc import Sequence
from typing import Any

from bson import ObjectId

from mercat.auth import Subject, allowed
from mercat.context import Context
from mercat.errors import InvalidError
from mercat.storage import Record
from mercat.storage.pages import Page, PageRequest, find_page, known_highest
from mercat_coupons.groups.service import COUNTER, MOST_AT_ONCE, check_manages, groups, members
from mercat_coupons.permissions import MANAGE


async def page(context: Context, request: PageRequest) -> Page:
    """A page of all groups, the newest first. Raises UnauthenticatedError, ForbiddenError."""
    await check_manages(context)
    highest = await known_highest(context.storage, COUNTER)
    return await find_page(groups(context), {}, request, newest_first=True, highest=highest)


async def count(context: Context) -> int:
    """How many there are. Raises UnauthenticatedError, ForbiddenError."""
    await check_manages(context)
    return await groups(context).count_documents({})


async def groups_by_key(context: Context, keys: Sequence[str]) -> dict[str, Record]:
    """The groups of these keys, where the viewer manages groups."""
    if not await allowed(context, MANAGE, Subject("CustomerGroup")):
        return {}
    wanted = [ObjectId(key) for key in keys if ObjectId.is_valid(key)]
    found = groups(context).find({"_id": {"$in": wanted}})
    return {str(one["_id"]): one async for one in found}


async def member_counts(context: Context, keys: Sequence[ObjectId]) -> dict[ObjectId, int]:
    """How many members groups have; none for those without."""
    steps: list[dict[str, Any]] = [
        {"$match": {"group": {"$in": list(keys)}}},
        {"$group": {"_id": "$group", "count": {"$sum": 1}}},
    ]
    found = await (await members(context).aggregate(steps)).to_list()
    return {one["_id"]: one["count"] for one in found}


async def member_keys(
    context: Context, group: ObjectId, first: int, after: str | None
) -> list[str]:
    """The keys of members in their order, those behind `after`, a user's. Raises InvalidError."""
    if not 1 <= first <= MOST_AT_ONCE:
        raise InvalidError(f"`first` must be from 1 to {MOST_AT_ONCE}")
    wanted = {"group": group, "_id": {"$gt": f"{group}:{after or ''}"}}
    found = members(context).find(wanted, {"user": 1}).sort("_id", 1).limit(first)
    return [one["user"] async for one in found]
