"""The viewer's name and language, and the change of an address, confirmed at both."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.emails import Email, email_of
from mercat.errors import InvalidError
from mercat.storage import Record, Session
from mercat_auth import links
from mercat_auth.accounts import messages
from mercat_auth.accounts.service import (
    as_user,
    find_by_key,
    subject_of,
    users,
    viewers_account,
)
from mercat_auth.accounts.texts import locale_of, name_of
from mercat_auth.audit import service as audit
from mercat_auth.documents import LinkDocument
from mercat_auth.errors import EmailTakenError, LinkError
from mercat_auth.limits import service as limits
from mercat_auth.passwords.proving import check_owner
from mercat_auth.settings import AuthSettings


async def update(context: Context, values: Mapping[str, str | None]) -> Record:
    """Change the viewer's `name` and `locale`; what `values` leaves out stays.

    Raises UnauthenticatedError, InvalidError.
    """
    user = await viewers_account(context)
    changes: Record = {}
    if "name" in values:
        changes["name"] = name_of(values["name"])
    if "locale" in values:
        changes["locale"] = locale_of(context, values["locale"])
    if not changes:
        return user
    found: Record = await users(context).find_one_and_update(
        {"_id": user["_id"]},
        {"$set": {**changes, "updated_at": datetime.now(UTC)}, "$inc": {"version": 1}},
        return_document=ReturnDocument.AFTER,
    )
    return found


async def request_email(context: Context, email: str, password: str | None) -> None:
    """Send links to the address that the viewer has and to the one that it wants.

    An address that was never proved is not asked. The owner of a taken address hears that somebody
    wanted it, and nobody else does.

    Raises UnauthenticatedError, InvalidError, WrongPasswordError, SignInAgainError,
    RateLimitedError.
    """
    user = await viewers_account(context)
    wanted = email_of(email)
    if wanted.key == user["email_key"] and wanted.shown == user["email"]:
        raise InvalidError("this is your address already", field=("email",))
    await check_owner(context, user, password)
    await limits.attempt(context, "reset", wanted.key)
    await limits.attempt(context, "reset", str(user["_id"]))

    async def work(within: Session) -> None:
        await _send_links(context, within, user, wanted)
        await audit.record(context, within, "user.email_change_asked", subject_of(user))

    await context.storage.transaction(work)


async def confirm_email(context: Context, token: str) -> tuple[Record, bool]:
    """Follow one of the links; the account, and whether it has the new address now.

    Raises LinkError, EmailTakenError, RateLimitedError.
    """
    await limits.attempt(context, "verify", None)

    async def work(within: Session) -> tuple[Record, bool]:
        link = await links.use(context, within, token, "new_email", "old_email")
        user = await _owner(context, within, link)
        if not await _is_other_used(context, within, link):
            return user, False
        return await _change(context, within, user, link["data"]), True

    try:
        return await context.storage.transaction(work)
    except LinkError:
        await limits.failed(context, "verify", None)
        raise


async def _send_links(context: Context, within: Session, user: Record, wanted: Email) -> None:
    other = await find_by_key(context, wanted.key, within)
    is_taken = other is not None and other["_id"] != user["_id"]
    asks_old = user["email_verified_at"] is not None
    change = {"change": str(ObjectId()), "email": wanted.shown, "email_key": wanted.key}
    change["is_pair"] = "yes" if asks_old else ""
    new = await _link(context, within, "new_email", user, change)
    if is_taken and other is not None:
        await messages.send(context, within, "already_registered", other["email"], other)
    else:
        await messages.send(context, within, "confirm_new_email", wanted.shown, user, new)
    if asks_old:
        old = await _link(context, within, "old_email", user, change)
        await messages.send(context, within, "confirm_old_email", user["email"], user, old)


async def _link(
    context: Context,
    within: Session,
    purpose: links.Purpose,
    user: Record,
    change: Mapping[str, Any],
) -> links.Link:
    hours = context.settings(AuthSettings).verify_hours
    return await links.make(
        context,
        within,
        purpose,
        user=user["_id"],
        email_key=user["email_key"] or "",
        lifetime=timedelta(hours=hours),
        data=change,
    )


async def _owner(context: Context, within: Session, link: Record) -> Record:
    """The account of a link, while it has the address of that time. Raises LinkError."""
    condition = {"_id": link["user"], "state": "active", "email_key": link["email_key"] or None}
    found: Record | None = await users(context).find_one(condition, session=within)
    if found is None:
        raise LinkError
    return found


async def _is_other_used(context: Context, within: Session, link: Record) -> bool:
    """Whether the other link of a pair was followed.

    It is written to, so that of two at once the second one sees what the first one did.
    """
    if not link["data"]["is_pair"]:
        return True
    other: Record | None = await context.storage.collection(LinkDocument).find_one_and_update(
        {
            "user": link["user"],
            "data.change": link["data"]["change"],
            "_id": {"$ne": link["_id"]},
        },
        {"$set": {"data.is_awaited": False}},
        session=within,
    )
    return other is not None and other["used_at"] is not None


async def _change(
    context: Context, within: Session, user: Record, wanted: Mapping[str, Any]
) -> Record:
    now = datetime.now(UTC)
    new = {"email": wanted["email"], "email_key": wanted["email_key"], "email_verified_at": now}
    try:
        found: Record = await users(context).find_one_and_update(
            {"_id": user["_id"]},
            {"$set": {**new, "updated_at": now}, "$inc": {"version": 1}},
            return_document=ReturnDocument.AFTER,
            session=within,
        )
    except DuplicateKeyError:
        raise EmailTakenError(("token",)) from None
    await links.end_all(context, within, user["_id"])
    for address in {user["email"], found["email"]}:
        await messages.send(context, within, "email_changed", address, found)
    await audit.record(as_user(context, found), within, "user.email_changed", subject_of(found))
    return found
