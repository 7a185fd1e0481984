"""Accounts as everything else in this plugin knows them, and the end of every way to sign in."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from mercat import auth
from mercat.auth import Subject
from mercat.context import Context, Viewer
from mercat.emails import email_of, key_of
from mercat.errors import InvalidError, UnauthenticatedError
from mercat.storage import Record, Session
from mercat.storage.lookups import find_by
from mercat.storage.pages import reserve_numbers
from mercat_auth.audit import service as audit
from mercat_auth.documents import UserDocument
from mercat_auth.errors import EmailTakenError, SuspendedError
from mercat_auth.roles.service import BUILT_IN, CUSTOMER
from mercat_auth.tokens import cookies, sessions
from mercat_auth.tokens.sessions import Tokens

COUNTER = "users"
NO_OTHER_KEYS: Record = {"identities": [], "passkeys": [], "mfa": None}
"""What is set where an address turns out to be another's than whom the account was made by."""

Transport = Literal["BEARER", "COOKIE"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SignIn:
    """Somebody who has signed in; `csrf` is given where the tokens went into cookies."""

    user: Record
    tokens: Tokens
    transport: str
    csrf: str | None = None


async def find_by_email(context: Context, email: str) -> Record | None:
    """The account of an address, however that is written; None where there is none."""
    key = key_of(email)
    return None if key is None else await find_by_key(context, key)


async def find_by_key(
    context: Context, email_key: str, within: Session | None = None
) -> Record | None:
    """The account of an address' key."""
    found: Record | None = await users(context).find_one({"email_key": email_key}, session=within)
    return found


async def user_by_id(context: Context, key: str | ObjectId | None) -> Record | None:
    """The account of a key; None where there is none, or what is left of one that was erased."""
    if not ObjectId.is_valid(key or ""):
        return None
    found: Record | None = await users(context).find_one(
        {"_id": ObjectId(key), "state": {"$ne": "erased"}}
    )
    return found


async def users_by_id(context: Context, keys: Iterable[ObjectId]) -> dict[ObjectId, Record]:
    """The accounts of keys, also erased ones."""
    return {each["_id"]: each async for each in find_by(users(context), "_id", list(keys))}


async def viewers_account(context: Context) -> Record:
    """The account of the viewer. Raises UnauthenticatedError where nobody has signed in."""
    found = await user_by_id(context, context.viewer.user)
    if found is None or found["state"] != "active":
        raise UnauthenticatedError
    return found


async def create(
    context: Context,
    session: Session,
    *,
    email: str | None,
    name: str | None,
    password_hash: str | None,
    verified: bool,
    roles: Sequence[str] = (),
    locale: str | None = None,
    external_id: str | None = None,
) -> Record:
    """Add an account in a transaction, and tell of it.

    Raises InvalidError for what is no address, EmailTakenError.
    """
    found = None if email is None else email_of(email)
    (number,) = await reserve_numbers(context.storage, COUNTER, 1)
    now = datetime.now(UTC)
    user: Record = {
        "_id": ObjectId(),
        "email": found and found.shown,
        "email_key": found and found.key,
        "email_verified_at": now if verified else None,
        "name": name,
        "locale": locale,
        "roles": [role for role in roles if role != CUSTOMER],
        "seller": None,
        "password": password_hash,
        "password_changed_at": now if password_hash else None,
        "addresses": [],
        "identities": [],
        "mfa": None,
        "passkeys": [],
        "token_version": 1,
        "state": "active",
        "number": number,
        "signed_in_at": None,
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }
    if external_id is not None:
        user["external_id"] = external_id
    try:
        await users(context).insert_one(user, session=session)
    except DuplicateKeyError:
        raise EmailTakenError from None
    await context.engine.outbox.add(session, auth.user_registered, context, str(user["_id"]))
    return user


async def finish_sign_in(
    context: Context, user: Record, methods: Sequence[str], transport: str
) -> SignIn:
    """Start a session of somebody who has proved to be a user; `methods` are RFC 8176's.

    Raises SuspendedError, UnauthenticatedError where the proof was overtaken by a new password, and
    InvalidError for cookies over a WebSocket, which can't take any.
    """
    if user["state"] == "suspended":
        raise SuspendedError
    if transport == "COOKIE" and context.credentials and context.credentials.method == "WEBSOCKET":
        raise InvalidError("cookies are given over HTTP only", field=("transport",))
    acting = as_user(context, user)

    async def work(within: Session) -> tuple[Record, Tokens]:
        # A write, so that of this and a change that ends all sessions one has to look again.
        current = await users(context).find_one_and_update(
            {"_id": user["_id"], "state": "active", "token_version": user["token_version"]},
            {"$set": {"signed_in_at": datetime.now(UTC)}},
            return_document=ReturnDocument.AFTER,
            session=within,
        )
        if current is None:
            raise UnauthenticatedError("the account has changed meanwhile; sign in again")
        tokens = await sessions.start(context, current, methods, within)
        key, guest = str(user["_id"]), context.viewer.guest
        await context.engine.outbox.add(within, auth.signed_in, context, key, guest)
        await audit.record(
            acting, within, "user.signed_in", subject_of(user), methods=" ".join(methods)
        )
        return current, tokens

    current, tokens = await context.storage.transaction(work)
    csrf = cookies.give(context, tokens) if transport == "COOKIE" else None
    _logger.info("user %s has signed in", user["_id"])
    return SignIn(current, tokens, transport, csrf)


def as_user(context: Context, user: Record) -> Context:
    """The context as that of a user who has proved who they are, for the audit log."""
    role = next((each for each in BUILT_IN if each in user["roles"]), CUSTOMER)
    viewer = Viewer(role, user=str(user["_id"]), seller=user["seller"], guest=context.viewer.guest)
    return replace(context, viewer=viewer)


def subject_of(user: Record) -> Subject:
    """What the audit log, and `authorize`, know an account as."""
    key = str(user["_id"])
    return Subject("User", key, owner=key, seller=user.get("seller"))


def users(context: Context) -> Any:
    """The collection of accounts."""
    return context.storage.collection(UserDocument)
