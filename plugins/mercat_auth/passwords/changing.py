"""Another password: for who has the old one, or reads the mail of the account."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ReturnDocument

from mercat.context import Context
from mercat.emails import email_of
from mercat.errors import ConflictError
from mercat.storage import Record, Session
from mercat_auth import links
from mercat_auth.accounts import messages
from mercat_auth.accounts.service import (
    NO_OTHER_KEYS,
    as_user,
    find_by_key,
    subject_of,
    users,
    viewers_account,
)
from mercat_auth.audit import service as audit
from mercat_auth.errors import LinkError
from mercat_auth.limits import service as limits
from mercat_auth.passwords import rules
from mercat_auth.passwords.hashing import hashing_of
from mercat_auth.passwords.proving import check_owner
from mercat_auth.settings import AuthSettings
from mercat_auth.tokens import sessions
from mercat_auth.tokens.revoking import revocations_of


async def change(context: Context, current: str, new: str) -> Record:
    """Give the viewer another password; all other sessions end.

    Raises UnauthenticatedError, WrongPasswordError, WeakPasswordError, SignInAgainError,
    ConflictError.
    """
    user = await viewers_account(context)
    if user["password"] is None:
        await check_owner(context, user, current)
    good = rules.check(context, new, _about(user), ("newPassword",))
    if user["password"] is not None:
        await check_owner(context, user, current, ("currentPassword",))
    password = await hashing_of(context).hash(good)
    kept = context.viewer.session

    async def work(within: Session) -> Record:
        found = await _store(context, within, user, password, {"password": user["password"]})
        if found is None:
            raise ConflictError("the password was changed at this moment")
        await sessions.end_all(context, user["_id"], within, kept=kept)
        await links.end_all(context, within, user["_id"])
        return await _tell(context, within, found)

    return await context.storage.transaction(work)


async def request_reset(context: Context, email: str) -> None:
    """Send a link that sets a new password, where the address has an account.

    Raises InvalidError for what is no address, RateLimitedError; nothing tells who has an account.
    """
    address = email_of(email)
    await limits.attempt(context, "reset", address.key)

    async def work(within: Session) -> None:
        user = await find_by_key(context, address.key, within)
        if user is None or user["state"] != "active":
            await links.pretend(context, within, 3)
            return
        link = await links.make(
            context,
            within,
            "reset",
            user=user["_id"],
            email_key=address.key,
            lifetime=timedelta(minutes=context.settings(AuthSettings).reset_minutes),
        )
        await messages.send(context, within, "reset_password", user["email"], user, link)
        await audit.record(context, within, "user.password_reset_asked", subject_of(user))

    await context.storage.transaction(work)


async def reset(context: Context, token: str, new: str) -> None:
    """Set a password with a link; all sessions and all other links end.

    Raises LinkError, WeakPasswordError, RateLimitedError.
    """
    await limits.attempt(context, "verify", None)
    try:
        user = await _owner(context, await links.find(context, token, "reset"))
    except LinkError:
        await limits.failed(context, "verify", None)
        raise
    good = rules.check(context, new, _about(user), ("password",))
    password = await hashing_of(context).hash(good)

    async def work(within: Session) -> None:
        link = await links.use(context, within, token, "reset")
        found = await _store(
            context, within, user, password, {"email_key": link["email_key"], "state": "active"}
        )
        if found is None:
            raise LinkError
        await sessions.end_all(context, user["_id"], within)
        await links.end_all(context, within, user["_id"])
        await _tell(as_user(context, found), within, found)

    await context.storage.transaction(work)
    # Who reads the owner's mail is no stranger, however many of these guess meanwhile.
    await limits.succeeded(context, "login", user["email_key"])


async def _owner(context: Context, link: Record) -> Record:
    """The account that a link was sent for. Raises LinkError where it has another address now."""
    found: Record | None = await users(context).find_one(
        {"_id": link["user"], "email_key": link["email_key"], "state": "active"}
    )
    if found is None:
        raise LinkError
    return found


async def _store(
    context: Context, within: Session, user: Record, password: str, condition: dict[str, Any]
) -> Record | None:
    """Store a password, and end the access tokens so far; who reads the mail owns the address."""
    now = datetime.now(UTC)
    changes: Record = {"password": password, "password_changed_at": now, "updated_at": now}
    if "email_key" in condition and user["email_verified_at"] is None:
        changes.update({"email_verified_at": now, **NO_OTHER_KEYS})
    found: Record | None = await users(context).find_one_and_update(
        {"_id": user["_id"], **condition},
        {"$set": changes, "$inc": {"token_version": 1, "version": 1}},
        return_document=ReturnDocument.AFTER,
        session=within,
    )
    if found is not None:
        version = found["token_version"] - 1
        await revocations_of(context).end_user(str(user["_id"]), version, within)
    return found


async def _tell(context: Context, within: Session, user: Record) -> Record:
    await messages.send(context, within, "password_changed", user["email"], user)
    await audit.record(context, within, "user.password_changed", subject_of(user))
    return user


def _about(user: Record) -> list[str | None]:
    return [user["email"], user["name"]]
