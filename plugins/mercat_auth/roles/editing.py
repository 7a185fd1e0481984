"""Making, changing and removing roles. Nobody gives a permission that he doesn't have."""

import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from mercat.auth import Permission, Subject, check_allowed
from mercat.context import SYSTEM, Context
from mercat.errors import InvalidError, NotFoundError, StaleError
from mercat.storage import Record, Session
from mercat_auth.audit.service import record
from mercat_auth.documents import UserDocument
from mercat_auth.permissions import MANAGE_ROLES
from mercat_auth.roles.documents import RoleDocument
from mercat_auth.roles.errors import InUseError, NameTakenError, NotYoursToGiveError
from mercat_auth.roles.service import BUILT_IN, roles_of

_NAME = re.compile(r"[A-Z][A-Z0-9_]{1,39}\Z", re.ASCII)
_LONGEST_DESCRIPTION = 500
_MOST_ROLES = 200


async def all_roles(context: Context) -> list[Record]:
    """The built-in roles, and those that admins made, by name. Raises ForbiddenError and so on."""
    await _check(context)
    known = roles_of(context)
    found: list[Record] = [
        {"_id": name, "permissions": sorted(known.permissions_of([name])), "built_in": True}
        for name in BUILT_IN
    ]
    return [*found, *await _roles(context).find({}).sort("_id", 1).to_list()]


async def all_permissions(context: Context) -> Sequence[Permission]:
    """What plugins declare, by name. Raises UnauthenticatedError, ForbiddenError."""
    await _check(context)
    found = roles_of(context).permissions
    return [found[name] for name in sorted(found)]


async def create_role(
    context: Context, name: str, description: str, permissions: Collection[str]
) -> Record:
    """Make a role. Raises InvalidError, NameTakenError, NotYoursToGiveError."""
    await _check(context)
    if not _NAME.match(name):
        raise InvalidError(
            "a role's name is 2 to 40 capital letters, digits and `_`", field=("name",)
        )
    if name in {*BUILT_IN, "ANONYMOUS", "SYSTEM", "SERVICE"}:
        raise NameTakenError("this name is the shop's own", field=("name",))
    now = datetime.now(UTC)
    made: Record = {
        "_id": name,
        "description": _checked_description(description),
        "permissions": _checked_permissions(context, permissions),
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }
    if await _roles(context).count_documents({}) >= _MOST_ROLES:
        raise InvalidError(f"there are {_MOST_ROLES} roles already")

    async def work(session: Session) -> None:
        await _roles(context).insert_one(made, session=session)
        await _log(context, session, "role.created", made)

    try:
        await context.storage.transaction(work)
    except DuplicateKeyError:
        raise NameTakenError("there is a role with this name", field=("name",)) from None
    return made


async def update_role(
    context: Context,
    name: str,
    version: int | None,
    *,
    description: str | None = None,
    permissions: Collection[str] | None = None,
) -> Record:
    """Change what a role may, within a second for all who have it.

    Raises InvalidError, NotFoundError, StaleError, NotYoursToGiveError.
    """
    await _check(context)
    values: Record = {"updated_at": datetime.now(UTC)}
    if description is not None:
        values["description"] = _checked_description(description)
    if permissions is not None:
        values["permissions"] = _checked_permissions(context, permissions)

    async def work(session: Session) -> Record:
        stored = await _stored(context, session, name)
        if version is not None and stored["version"] != version:
            raise StaleError("somebody else changed the role; read it again", field=("version",))
        check_givable(context, stored["permissions"], ("name",))
        changed: Record = await _roles(context).find_one_and_update(
            {"_id": name, "version": stored["version"]},
            {"$set": values, "$inc": {"version": 1}},
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        await _log(context, session, "role.updated", changed)
        return changed

    return await context.storage.transaction(work)


async def delete_role(context: Context, name: str) -> None:
    """Remove a role that nobody has. Raises NotFoundError, InUseError, NotYoursToGiveError."""
    await _check(context)

    async def work(session: Session) -> None:
        stored = await _stored(context, session, name)
        check_givable(context, stored["permissions"], ("name",))
        await _roles(context).delete_one({"_id": name}, session=session)
        users = context.storage.collection(UserDocument)
        if await users.find_one({"roles": name}, {"_id": 1}, session=session) is not None:
            raise InUseError("people have this role; take it from them first", field=("name",))
        await record(context, session, "role.deleted", Subject("Role", name))

    await context.storage.transaction(work)


async def touch_roles(context: Context, within: Session, names: Collection[str]) -> None:
    """Have these roles stay while somebody is given them. Raises InvalidError for unknown ones."""
    for name in names:
        if name in BUILT_IN:
            continue
        result = await _roles(context).update_one(
            {"_id": name}, {"$set": {"used_at": datetime.now(UTC)}}, session=within
        )
        if not result.matched_count:
            raise InvalidError("there is no such role", field=("roles",))


def check_givable(
    context: Context, permissions: Collection[str], field: tuple[str, ...] = ("permissions",)
) -> None:
    """Raise NotYoursToGiveError where the viewer doesn't have all of these permissions."""
    known = roles_of(context).permissions
    lacking = known.keys() & set(permissions) - context.viewer.permissions
    if lacking and context.viewer != SYSTEM:
        raise NotYoursToGiveError(
            f"you don't have these permissions yourself: {', '.join(sorted(lacking))}", field=field
        )


def checked_names(context: Context, permissions: Collection[str]) -> list[str]:
    """Permissions that plugins declare, sorted. Raises InvalidError for others."""
    known = roles_of(context).permissions
    for name in permissions:
        if name not in known:
            raise InvalidError(f"no plugin declares the permission '{name[:60]}'", field=_FIELD)
    return sorted(set(permissions))


_FIELD = ("permissions",)


def _checked_permissions(context: Context, permissions: Collection[str]) -> list[str]:
    found = checked_names(context, permissions)
    check_givable(context, found)
    return found


def _checked_description(text: str) -> str:
    text = text.strip()
    if len(text) > _LONGEST_DESCRIPTION or not text.isprintable():
        raise InvalidError(
            f"a description is one line of at most {_LONGEST_DESCRIPTION} characters",
            field=("description",),
        )
    return text


async def _check(context: Context) -> None:
    await check_allowed(context, MANAGE_ROLES, Subject("Role"))


async def _stored(context: Context, within: Session, name: str) -> Record:
    if name in BUILT_IN:
        raise InvalidError("this role is the shop's own and can't be changed", field=("name",))
    found: Record | None = await _roles(context).find_one({"_id": name}, session=within)
    if found is None:
        raise NotFoundError("there is no such role", field=("name",))
    return found


async def _log(context: Context, within: Session, action: str, role: Record) -> None:
    permissions = " ".join(role["permissions"])
    await record(context, within, action, Subject("Role", role["_id"]), permissions=permissions)


def _roles(context: Context) -> Any:
    return context.storage.collection(RoleDocument)
