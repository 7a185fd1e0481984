"""Registration: whoever asks never learns whether an address has an account already.

The answer is always the same, and so is the work: a hash, and one transaction of as many writes.
Only the mailbox hears more. A link that proves an address brings the password of the registration
that it was sent for, so that nobody can put a password of theirs under an address before its owner
comes.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ReturnDocument

from mercat.context import Context
from mercat.emails import email_of
from mercat.storage import Record, Session
from mercat.storage.pages import reserve_numbers
from mercat_auth import links
from mercat_auth.accounts import messages
from mercat_auth.accounts.service import (
    COUNTER,
    NO_OTHER_KEYS,
    as_user,
    create,
    find_by_key,
    subject_of,
    users,
)
from mercat_auth.accounts.texts import locale_of, name_of
from mercat_auth.audit import service as audit
from mercat_auth.errors import EmailTakenError, LinkError
from mercat_auth.limits import service as limits
from mercat_auth.passwords import rules
from mercat_auth.passwords.hashing import hashing_of
from mercat_auth.settings import AuthSettings
from mercat_auth.tokens import sessions
from mercat_auth.tokens.revoking import revocations_of

_TRIES = 3


async def register(
    context: Context, *, email: str, password: str, name: str | None, locale: str | None
) -> None:
    """Have a link sent to an address that makes an account of it usable.

    Raises InvalidError, WeakPasswordError, RateLimitedError; nothing where the address is taken.
    """
    address = email_of(email)
    known_name, known_locale = name_of(name), locale_of(context, locale)
    good = rules.check(context, password, [address.shown, known_name], ("password",))
    await limits.attempt(context, "register", address.key)
    password_hash = await hashing_of(context).hash(good)
    values = {"name": known_name, "locale": known_locale, "password": password_hash}
    for _ in range(_TRIES):
        try:
            await context.storage.transaction(
                lambda within: _register(context, within, address.shown, address.key, values)
            )
        except EmailTakenError:
            continue  # somebody else has registered it since it was looked for
        return


async def verify(context: Context, token: str) -> Record:
    """Follow the link that proves an address. Raises LinkError, RateLimitedError."""
    await limits.attempt(context, "verify", None)

    async def work(within: Session) -> Record:
        link = await links.use(context, within, token, "verify")
        return await _verify(context, within, link)

    try:
        return await context.storage.transaction(work)
    except LinkError:
        await limits.failed(context, "verify", None)
        raise


async def send_verification(
    context: Context, within: Session, user: Record, data: Mapping[str, Any] | None = None
) -> None:
    """Send a link that proves an account's address; `data` are what it changes of the account."""
    hours = context.settings(AuthSettings).verify_hours
    link = await links.make(
        context,
        within,
        "verify",
        user=user["_id"],
        email_key=user["email_key"],
        lifetime=timedelta(hours=hours),
        data=data,
    )
    await messages.send(context, within, "verify_email", user["email"], user, link)


async def _register(
    context: Context, within: Session, email: str, email_key: str, values: Mapping[str, Any]
) -> None:
    user = await find_by_key(context, email_key, within)
    if user is None:
        user = await create(
            context,
            within,
            email=email,
            name=values["name"],
            password_hash=values["password"],
            verified=False,
            roles=(),
            locale=values["locale"],
        )
        await send_verification(context, within, user, values)
    else:
        await _pretend_creation(context, within)
        if user["email_verified_at"] is None and user["state"] == "active":
            await send_verification(context, within, {**user, **values}, values)
        else:
            await _send_known(context, within, user)
    await audit.record(context, within, "user.registration_asked", subject_of(user))


async def _pretend_creation(context: Context, within: Session) -> None:
    """Write as much as a new account does, so that no clock tells the two apart."""
    await reserve_numbers(context.storage, COUNTER, 1)
    await links.pretend(context, within, 2)


async def _send_known(context: Context, within: Session, user: Record) -> None:
    """Tell an account's owner that somebody, perhaps they, wanted to register anew."""
    minutes = context.settings(AuthSettings).reset_minutes
    link = await links.make(
        context,
        within,
        "reset",
        user=user["_id"],
        email_key=user["email_key"],
        lifetime=timedelta(minutes=minutes),
    )
    await messages.send(context, within, "already_registered", user["email"], user, link)


async def _verify(context: Context, within: Session, link: Record) -> Record:
    """Make an account that of whoever follows the link: with the password that they chose."""
    now = datetime.now(UTC)
    wanted = {"_id": link["user"], "email_key": link["email_key"], "state": "active"}
    user = await users(context).find_one(wanted, session=within)
    if user is None or user["email_verified_at"] is not None:
        raise LinkError
    chosen = {name: each for name, each in link["data"].items() if each is not None}
    changes: Record = {"email_verified_at": now, "updated_at": now, **chosen}
    is_others = "password" in chosen and chosen["password"] != user["password"]
    if is_others:
        changes.update(NO_OTHER_KEYS)
    found: Record = await users(context).find_one_and_update(
        {"_id": user["_id"], "email_verified_at": None},
        {"$set": changes, "$inc": {"version": 1, "token_version": int(is_others)}},
        return_document=ReturnDocument.AFTER,
        session=within,
    )
    if is_others:
        await sessions.end_all(context, user["_id"], within)
        await revocations_of(context).end_user(str(user["_id"]), user["token_version"], within)
    await links.end_all(context, within, user["_id"])
    await audit.record(as_user(context, user), within, "user.email_verified", subject_of(user))
    return found
