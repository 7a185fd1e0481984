"""Customer groups and their members; who may is decided here."""

from collections.abc import Sequence

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from mercat.auth import Subject, check_allowed
from mercat.context import Context
from mercat.errors import NotFoundError, StaleError
from mercat.storage import Record, Session, stored_now
from mercat.storage.pages import next_number
from mercat.texts import line_of
from mercat_coupons.documents import CustomerGroupDocument, GroupMemberDocument
from mercat_coupons.errors import KeyTakenError
from mercat_coupons.groups.errors import GroupInUseError
from mercat_coupons.permissions import MANAGE
from mercat_coupons.promotions.reading import promotions
from mercat_coupons.promotions.turns import take_turn
from mercat_orders.configured import checking

COUNTER = "customer_groups"
"""What counts the numbers of groups."""

MOST_AT_ONCE = 250
"""How many members are added or removed by one call at most."""

_LONGEST_NAME = 100
_MOST_NAMED = 5


async def groups_of(context: Context, user: str) -> frozenset[str]:
    """The hexadecimal keys of the groups that a user is in."""
    found = members(context).find({"user": user}, {"group": 1})
    return frozenset([str(one["group"]) async for one in found])


async def create_group(context: Context, key: str, name: str) -> Record:
    """Make a group without members. Raises InvalidError, KeyTakenError."""
    await check_manages(context)
    now = stored_now()
    record: Record = {
        "_id": ObjectId(),
        "key": checking.key(key, ("key",)),
        "name": _name(name),
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }
    record["number"] = await next_number(context.storage, COUNTER)
    try:
        await groups(context).insert_one(record)
    except DuplicateKeyError:
        raise KeyTakenError(f"there is a customer group '{key}' already", field=("key",)) from None
    return record


async def rename_group(context: Context, key: ObjectId, version: int | None, name: str) -> Record:
    """Give a group another name. Raises InvalidError, NotFoundError, StaleError."""
    await check_manages(context)
    wanted = {"_id": key} if version is None else {"_id": key, "version": version}
    changed: Record | None = await groups(context).find_one_and_update(
        wanted,
        {"$set": {"name": _name(name), "updated_at": stored_now()}, "$inc": {"version": 1}},
        return_document=ReturnDocument.AFTER,
    )
    if changed is not None:
        return changed
    if await groups(context).find_one({"_id": key}) is None:
        raise _missing()
    raise StaleError("somebody else changed the customer group; read it again", field=("version",))


async def delete_group(context: Context, key: ObjectId) -> None:
    """Remove a group that no promotion is for. Raises NotFoundError, GroupInUseError."""
    await check_manages(context)

    async def work(session: Session) -> bool:
        await take_turn(context, session)
        await _check_unused(context, session, key)
        result = await groups(context).delete_one({"_id": key}, session=session)
        return bool(result.deleted_count)

    is_deleted = await context.storage.transaction(work)
    # Whoever asks again after a crash finds no group any more, and takes away what was left.
    await members(context).delete_many({"group": key})
    if not is_deleted:
        raise _missing()


async def add_members(context: Context, key: ObjectId, users: Sequence[str]) -> Record:
    """Put users, by their keys, into a group; those who are in it stay. Raises NotFoundError."""
    await check_manages(context)
    now = stored_now()
    wanted = {_member(key, user): user for user in users}

    async def work(session: Session) -> Record:
        group: Record | None = await groups(context).find_one_and_update(
            {"_id": key},  # written, so that nobody deletes it meanwhile
            {"$set": {"updated_at": now}},
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        if group is None:
            raise _missing()
        found = members(context).find({"_id": {"$in": list(wanted)}}, {"_id": 1}, session=session)
        known = {one["_id"] async for one in found}
        new = [
            {"_id": name, "group": key, "user": user, "at": now}
            for name, user in wanted.items()
            if name not in known
        ]
        if new:
            await members(context).insert_many(new, session=session)
        return group

    return await context.storage.transaction(work)


async def remove_members(context: Context, key: ObjectId, users: Sequence[str]) -> Record:
    """Take users, by their keys, out of a group; others aren't missed. Raises NotFoundError."""
    await check_manages(context)
    group: Record | None = await groups(context).find_one_and_update(
        {"_id": key}, {"$set": {"updated_at": stored_now()}}, return_document=ReturnDocument.AFTER
    )
    if group is None:
        raise _missing()
    await members(context).delete_many({"_id": {"$in": [_member(key, user) for user in users]}})
    return group


async def forget(context: Context, user: str) -> None:
    """Take somebody who erased their account out of all groups."""
    await members(context).delete_many({"user": user})


async def told_of(context: Context, user: str) -> list[str]:
    """The names of the groups that somebody is in, for their own copy of what is stored."""
    keys = [ObjectId(key) for key in await groups_of(context, user)]
    found = groups(context).find({"_id": {"$in": keys}}, {"name": 1})
    return sorted([one["name"] async for one in found])


async def check_manages(context: Context) -> None:
    """Raise UnauthenticatedError or ForbiddenError for who doesn't manage customer groups."""
    await check_allowed(context, MANAGE, Subject("CustomerGroup"))


def groups(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(CustomerGroupDocument)


def members(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(GroupMemberDocument)


async def _check_unused(context: Context, session: Session, key: ObjectId) -> None:
    wanted = {"status": "active", "groups": str(key)}
    found = promotions(context).find(wanted, {"name": 1}, session=session).limit(_MOST_NAMED)
    names = [f"'{one['name']}'" async for one in found]
    if names:
        raise GroupInUseError(
            f"promotions are for this group: {', '.join(names)}; archive them, or have them be for "
            "others",
            field=("id",),
        )


def _member(group: ObjectId, user: str) -> str:
    return f"{group}:{user}"


def _name(given: str) -> str:
    return line_of(given, ("name",), most=_LONGEST_NAME, least=1)


def _missing() -> NotFoundError:
    return NotFoundError("there is no such customer group", field=("id",))
