"""From an application to a seller that sells, is suspended and comes back."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from mercat import auth
from mercat.auth import Subject, check_allowed
from mercat.context import ANONYMOUS, Context
from mercat.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    StaleError,
    UnauthenticatedError,
)
from mercat.slugs import slugify
from mercat.storage import Record, Session
from mercat.storage.pages import reserve_numbers
from mercat_auth.accounts import service as accounts
from mercat_auth.audit.service import record
from mercat_auth.documents import UserDocument
from mercat_auth.errors import EmailNotVerifiedError
from mercat_auth.permissions import MANAGE_SELLERS
from mercat_auth.roles.service import SELLER
from mercat_auth.roles.users import change_user
from mercat_auth.sellers.documents import COUNTER
from mercat_auth.sellers.errors import SlugTakenError, WrongStateError
from mercat_auth.sellers.reading import manages, rank_of, sellers, stored_seller

_LONGEST_NAME, _LONGEST_ABOUT, _LONGEST_SLUG = 100, 5_000, 100


async def apply(context: Context, values: Mapping[str, str]) -> Record:
    """Ask to become a seller, as its owner; somebody is on one staff at most.

    Raises UnauthenticatedError, EmailNotVerifiedError, InvalidError, ConflictError, SlugTakenError.
    """
    account = await accounts.viewers_account(context)
    if account["email_verified_at"] is None:
        raise EmailNotVerifiedError("follow the link that was sent to your address first")
    user, found = account["_id"], _checked(values)
    (number,) = await reserve_numbers(context.storage, COUNTER, 1)
    now = datetime.now(UTC)
    wanted = found.get("slug") or slugify(found["name"]) or "seller"
    made: Record = {
        "_id": ObjectId(),
        "number": number,
        "about": "",
        **found,
        "slug": wanted,
        "status": "applied",
        "members": [{"user": user, "rank": "owner", "since": now}],
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }

    async def work(session: Session) -> None:
        await sellers(context).insert_one(made, session=session)
        await join(context, session, user, made)
        await log(context, session, "seller.applied", made)

    try:
        await context.storage.transaction(work)
    except DuplicateKeyError:
        if "slug" in found:
            raise SlugTakenError("another seller has this slug", field=("slug",)) from None
        made["slug"] = f"{wanted[: _LONGEST_SLUG - 12]}-{number}"
        await context.storage.transaction(work)
    return made


async def approve(context: Context, key: ObjectId) -> Record:
    """Let a seller that applied sell. Raises NotFoundError, WrongStateError, ForbiddenError."""
    return await _decide(context, key, {"applied"}, "approved", "seller.approved")


async def suspend(context: Context, key: ObjectId, reason: str) -> Record:
    """Take a seller out of the shop, and its products. Raises what `approve` does."""
    return await _decide(context, key, {"approved"}, "suspended", "seller.suspended", reason)


async def reinstate(context: Context, key: ObjectId) -> Record:
    """Let a seller that was suspended sell again. Raises what `approve` does."""
    return await _decide(context, key, {"suspended"}, "approved", "seller.reinstated")


async def reject(context: Context, key: ObjectId, reason: str) -> Record:
    """Refuse an application; who made it may make another. Raises what `approve` does."""
    return await _decide(context, key, {"applied"}, "closed", "seller.rejected", reason)


async def update(
    context: Context, key: ObjectId, version: int | None, values: Mapping[str, str]
) -> Record:
    """Change how a seller is shown; its owners and managers may, and who manages sellers.

    Raises NotFoundError, ForbiddenError, InvalidError, StaleError, SlugTakenError.
    """
    seller = await stored_seller(context, key)
    await check_rank(context, seller, {"owner", "manager"})
    found = {**_checked(values), "updated_at": datetime.now(UTC)}

    async def work(session: Session) -> Record:
        stored = await stored_seller(context, key, session)
        if version is not None and stored["version"] != version:
            raise StaleError("somebody else changed the seller", field=("version",))
        changed = await change_seller(context, session, key, {"$set": found})
        await log(context, session, "seller.updated", changed)
        return changed

    try:
        return await context.storage.transaction(work)
    except DuplicateKeyError:
        raise SlugTakenError("another seller has this slug", field=("slug",)) from None


async def join(context: Context, within: Session, user: ObjectId, seller: Record) -> None:
    """Have somebody be on a seller's staff. Raises ConflictError for who is on another's."""
    users: Any = context.storage.collection(UserDocument)
    stored = await users.find_one({"_id": user, "state": "active", "seller": None}, session=within)
    if stored is None:
        raise ConflictError("you are on a seller's staff already")
    change: dict[str, Any] = {"$set": {"seller": str(seller["_id"])}}
    if seller["status"] == "approved":
        change["$addToSet"] = {"roles": SELLER}
    await change_user(context, within, stored, change)


async def leave(context: Context, within: Session, user: Record) -> None:
    """Have somebody be on no seller's staff any more."""
    change = {"$set": {"seller": None}, "$pull": {"roles": SELLER}}
    await change_user(context, within, user, change)


async def change_seller(
    context: Context, within: Session, key: ObjectId, change: dict[str, Any]
) -> Record:
    """Change a seller that is there, in a transaction."""
    values = {**change.get("$set", {}), "updated_at": datetime.now(UTC)}
    changed: Record = await sellers(context).find_one_and_update(
        {"_id": key},
        {**change, "$set": values, "$inc": {"version": 1}},
        return_document=ReturnDocument.AFTER,
        session=within,
    )
    return changed


async def check_rank(context: Context, seller: Record, ranks: set[str]) -> None:
    """Raise UnauthenticatedError or ForbiddenError but for such staff, and who manages sellers."""
    is_staff = rank_of(seller, context.viewer.user) in ranks
    if is_staff and seller["status"] not in {"suspended", "closed"}:
        return
    if not await manages(context, seller):
        is_nobody = context.viewer.role == ANONYMOUS.role
        raise UnauthenticatedError if is_nobody else ForbiddenError


async def log(context: Context, within: Session, action: str, seller: Record, **facts: str) -> None:
    """Note what was done to a seller."""
    key = str(seller["_id"])
    await record(context, within, action, Subject("Seller", key, seller=key), **facts)


async def _decide(
    context: Context,
    key: ObjectId,
    before: set[str],
    after: str,
    action: str,
    reason: str = "",
) -> Record:
    subject = Subject("Seller", str(key), seller=str(key))
    await check_allowed(context, MANAGE_SELLERS, subject)

    async def work(session: Session) -> Record:
        stored = await stored_seller(context, key, session)
        if stored["status"] not in before:
            raise WrongStateError(f"this seller is {stored['status']}", field=("id",))
        return await set_status(context, session, key, after, action, reason)

    return await context.storage.transaction(work)


async def set_status(
    context: Context, within: Session, key: ObjectId, status: str, action: str, reason: str = ""
) -> Record:
    """Have a seller stand so, with its staff, in a transaction; other plugins hear of it."""
    changed = await change_seller(context, within, key, {"$set": {"status": status}})
    await _change_staff(context, within, changed)
    await context.engine.outbox.add(within, auth.seller_state_changed, context, str(key))
    await log(context, within, action, changed, **({"reason": reason} if reason else {}))
    return changed


async def _change_staff(context: Context, within: Session, seller: Record) -> None:
    """Give a seller's staff what its state lets them do, and end what they did before."""
    users: Any = context.storage.collection(UserDocument)
    found = await users.find({"seller": str(seller["_id"])}, session=within).to_list()
    for user in found:
        if seller["status"] == "closed":
            await leave(context, within, user)
            continue
        operator = "$addToSet" if seller["status"] == "approved" else "$pull"
        await change_user(context, within, user, {operator: {"roles": SELLER}})


def _checked(values: Mapping[str, str]) -> Record:
    return {name: _CHECKS[name](value) for name, value in values.items()}


def _name(text: str) -> str:
    text = text.strip()
    if not 1 <= len(text) <= _LONGEST_NAME or not text.isprintable():
        raise InvalidError(
            f"a name is one line of 1 to {_LONGEST_NAME} characters", field=("name",)
        )
    return text


def _slug(text: str) -> str:
    if not 1 <= len(text) <= _LONGEST_SLUG or slugify(text) != text:
        raise InvalidError("a slug is small letters, digits and `-`", field=("slug",))
    return text


def _about(text: str) -> str:
    text = text.strip()
    if len(text) > _LONGEST_ABOUT or not text.replace("\n", "").isprintable():
        raise InvalidError(f"this has at most {_LONGEST_ABOUT} characters", field=("about",))
    return text


_CHECKS: dict[str, Callable[[str], str]] = {"name": _name, "slug": _slug, "about": _about}
