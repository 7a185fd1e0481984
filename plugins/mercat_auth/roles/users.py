"""People's accounts in the hands of those who run the shop: seeing them, their roles, their state.

Whoever changes what somebody may, ends the access tokens that say otherwise in the same
transaction.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument

from mercat.auth import Subject, allowed, check_allowed
from mercat.context import Context
from mercat.errors import InvalidError, NotFoundError, StaleError
from mercat.storage import Record, Session
from mercat.storage.pages import Page, PageRequest, find_page, known_highest, reserve_numbers
from mercat_auth.audit.service import record
from mercat_auth.documents import UserDocument
from mercat_auth.permissions import MANAGE_USERS, READ_USERS
from mercat_auth.roles.editing import check_givable, touch_roles
from mercat_auth.roles.errors import LastAdminError
from mercat_auth.roles.service import ADMIN, CUSTOMER, SELLER, permissions_of
from mercat_auth.tokens import sessions
from mercat_auth.tokens.revoking import revocations_of

COUNTER = "users"
_GUARD = "admins"
_MOST_ROLES = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which accounts are looked for; None asks for nothing."""

    role: str | None = None
    state: str | None = None
    seller: str | None = None
    email_key: str | None = None


async def user_page(context: Context, wanted: Wanted, request: PageRequest) -> Page:
    """A page of the accounts, the newest first. Raises UnauthenticatedError, ForbiddenError."""
    await check_allowed(context, READ_USERS, Subject("User"))
    return await find_page(
        _users(context),
        _condition(wanted),
        request,
        newest_first=True,
        highest=await known_highest(context.storage, COUNTER),
    )


async def count_users(context: Context, wanted: Wanted) -> int:
    """How many accounts there are. Raises UnauthenticatedError, ForbiddenError."""
    await check_allowed(context, READ_USERS, Subject("User"))
    found: int = await _users(context).count_documents(_condition(wanted))
    return found


async def visible_users(context: Context, keys: Sequence[ObjectId]) -> dict[ObjectId, Record]:
    """Those of the accounts that the viewer may see: its own, or all with a permission."""
    seen = [key for key in keys if await _may_see(context, key)]
    if not seen:
        return {}
    cursor = _users(context).find({"_id": {"$in": seen}})
    return {each["_id"]: each async for each in cursor}


async def set_roles(
    context: Context, key: ObjectId, roles: Collection[str], version: int | None = None
) -> Record:
    """Give somebody these roles and take the others; the one of sellers' staff stays as it is.

    Raises InvalidError, NotFoundError, StaleError, NotYoursToGiveError, LastAdminError.
    """
    await check_manages(context, key)
    wanted = checked_roles(roles)
    await reserve_numbers(context.storage, _GUARD, 1)

    async def work(session: Session) -> Record:
        stored = await stored_user(context, session, key, version)
        had = set(stored["roles"])
        has = wanted | (had & {SELLER})
        await touch_roles(context, session, has)
        await check_rank(context, had, ("userId",))
        await check_rank(context, has - had, ("roles",))
        if ADMIN in had - has:
            await keep_an_admin(context, session, key)
        if has == had:
            return stored
        changed = await change_user(context, session, stored, {"$set": {"roles": sorted(has)}})
        await log_deed(context, session, "user.roles_set", key, roles=" ".join(sorted(has)))
        return changed

    return await context.storage.transaction(work)


async def suspend_user(context: Context, key: ObjectId, reason: str) -> Record:
    """Shut somebody out at once, on all devices.

    Raises InvalidError, NotFoundError, NotYoursToGiveError, LastAdminError.
    """
    await check_manages(context, key)
    if context.viewer.user == str(key):
        raise InvalidError("you can't suspend yourself", field=("userId",))
    await reserve_numbers(context.storage, _GUARD, 1)

    async def work(session: Session) -> Record:
        stored = await stored_user(context, session, key)
        await check_rank(context, stored["roles"], ("userId",))
        if ADMIN in stored["roles"]:
            await keep_an_admin(context, session, key)
        if stored["state"] == "suspended":
            return stored
        changed = await change_user(context, session, stored, {"$set": {"state": "suspended"}})
        await sessions.end_all(context, key, session)
        await log_deed(context, session, "user.suspended", key, reason=reason)
        return changed

    return await context.storage.transaction(work)


async def restore_user(context: Context, key: ObjectId) -> Record:
    """Let somebody in again. Raises NotFoundError, NotYoursToGiveError."""
    await check_manages(context, key)

    async def work(session: Session) -> Record:
        stored = await stored_user(context, session, key)
        await check_rank(context, stored["roles"], ("userId",))
        if stored["state"] == "active":
            return stored
        changed = await change_user(context, session, stored, {"$set": {"state": "active"}})
        await log_deed(context, session, "user.restored", key)
        return changed

    return await context.storage.transaction(work)


async def change_user(
    context: Context, within: Session, stored: Record, change: dict[str, Any]
) -> Record:
    """Change what somebody may, and end the access tokens so far, in a transaction."""
    values = {**change.get("$set", {}), "updated_at": datetime.now(UTC)}
    changed: Record = await _users(context).find_one_and_update(
        {"_id": stored["_id"]},
        {**change, "$set": values, "$inc": {"token_version": 1, "version": 1}},
        return_document=ReturnDocument.AFTER,
        session=within,
    )
    user, version = str(stored["_id"]), changed["token_version"] - 1
    await revocations_of(context).end_user(user, version, within)
    return changed


async def keep_an_admin(context: Context, within: Session, but: ObjectId) -> None:
    """Raise LastAdminError where nobody else is an admin who can sign in.

    Of two transactions that take an admin each, one meets the other here and begins anew.
    """
    await reserve_numbers(context.storage, _GUARD, 1, within)
    condition = {"roles": ADMIN, "state": "active", "_id": {"$ne": but}}
    if await _users(context).find_one(condition, {"_id": 1}, session=within) is None:
        raise LastAdminError("this is the shop's last admin; make somebody else one first")


async def _may_see(context: Context, key: ObjectId) -> bool:
    own = context.viewer.user == str(key)
    return own or await allowed(context, READ_USERS, Subject("User", str(key), owner=str(key)))


async def check_manages(context: Context, key: ObjectId) -> None:
    """Raise UnauthenticatedError or ForbiddenError where the viewer manages nobody's account."""
    subject = Subject("User", str(key), owner=str(key))
    await check_allowed(context, MANAGE_USERS, subject)


async def check_rank(context: Context, roles: Collection[str], field: tuple[str, ...]) -> None:
    """Raise NotYoursToGiveError where these roles may more than the viewer."""
    if roles:
        check_givable(context, await permissions_of(context, roles), field)


def checked_roles(roles: Collection[str]) -> set[str]:
    """Roles that can be given to somebody. Raises InvalidError for others."""
    if len(roles) > _MOST_ROLES:
        raise InvalidError(f"somebody has at most {_MOST_ROLES} roles", field=("roles",))
    if SELLER in roles:
        raise InvalidError(f"{SELLER} comes with being on a seller's staff", field=("roles",))
    return set(roles) - {CUSTOMER}


async def stored_user(
    context: Context, within: Session, key: ObjectId, version: int | None = None
) -> Record:
    """An account that is not erased, in a transaction. Raises NotFoundError, StaleError."""
    condition = {"_id": key, "state": {"$ne": "erased"}}
    found: Record | None = await _users(context).find_one(condition, session=within)
    if found is None:
        raise NotFoundError("there is no such user", field=("userId",))
    if version is not None and found["version"] != version:
        raise StaleError("somebody else changed the account; read it again", field=("version",))
    return found


def _condition(wanted: Wanted) -> Record:
    names = {"role": "roles", "state": "state", "seller": "seller", "email_key": "email_key"}
    found = {stored: getattr(wanted, name) for name, stored in names.items()}
    return {name: value for name, value in found.items() if value is not None}


async def log_deed(
    context: Context, within: Session, action: str, key: ObjectId, **facts: str
) -> None:
    """Note what was done to an account."""
    await record(context, within, action, Subject("User", str(key), owner=str(key)), **facts)


def _users(context: Context) -> Any:
    return context.storage.collection(UserDocument)
