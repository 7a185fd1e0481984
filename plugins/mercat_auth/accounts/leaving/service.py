"""Copying the viewer's data out of all plugins, and erasing the viewer's account."""

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from bson import ObjectId

from mercat import auth
from mercat.context import Context
from mercat.errors import NotFoundError
from mercat.storage import Record, Session
from mercat_auth import links
from mercat_auth.accounts import messages
from mercat_auth.accounts.service import subject_of, users, viewers_account
from mercat_auth.audit import forgetting
from mercat_auth.audit import service as audit
from mercat_auth.documents import SessionDocument
from mercat_auth.passwords.proving import check_owner
from mercat_auth.roles.service import ADMIN
from mercat_auth.roles.users import keep_an_admin
from mercat_auth.sellers import members
from mercat_auth.sellers.errors import LastOwnerError
from mercat_auth.tokens import cookies, sessions
from mercat_auth.tokens.revoking import revocations_of


async def export(context: Context, password: str | None) -> str:
    """What all plugins store about the viewer, as JSON (GDPR, articles 15 and 20).

    Raises UnauthenticatedError, WrongPasswordError, SignInAgainError, RateLimitedError.
    """
    user = await viewers_account(context)
    await check_owner(context, user, password)
    key = str(user["_id"])
    found: dict[str, Any] = {"exported_at": datetime.now(UTC)}
    for each in await context.hooks.collect(auth.personal_data, context, key):
        for heading, data in each.items():
            found[_free(heading, found)] = data
    await audit.record(context, None, "user.exported", subject_of(user))
    return orjson.dumps(found, default=str, option=orjson.OPT_INDENT_2).decode()


async def erase(context: Context, password: str | None) -> None:
    """Erase the viewer's account (GDPR, article 17); other plugins hear of it by `user_erased`.

    Raises UnauthenticatedError, WrongPasswordError, SignInAgainError, RateLimitedError,
    LastAdminError, and LastOwnerError for whom a seller can't do without.
    """
    user = await viewers_account(context)
    await check_owner(context, user, password)
    if user["seller"] is not None:
        await _leave_seller(context, user)
    await context.storage.transaction(lambda within: _erase(context, within, user["_id"]))
    if cookies.read(context.credentials):
        context.cookies += cookies.taken()


def _free(heading: str, found: Mapping[str, Any]) -> str:
    """A heading that nothing stands under, should two plugins choose the same."""
    number = 1
    while (name := heading if number == 1 else f"{heading}_{number}") in found:
        number += 1
    return name


async def _leave_seller(context: Context, user: Record) -> None:
    try:
        with contextlib.suppress(NotFoundError):
            await members.remove(context, ObjectId(user["seller"]), user["_id"])
    except LastOwnerError:
        raise LastOwnerError("hand your seller over to somebody else, or close it, first") from None


async def _erase(context: Context, within: Session, key: ObjectId) -> None:
    """Leave nothing of an account that says whose it was."""
    user: Record | None = await users(context).find_one(
        {"_id": key, "state": {"$ne": "erased"}}, session=within
    )
    if user is None:
        return
    if ADMIN in user["roles"]:
        await keep_an_admin(context, within, key)
    # Replaced, so that nothing stays that another part of the plugin has put there.
    await users(context).replace_one({"_id": key}, _remains(user), session=within)
    await sessions.end_all(context, key, within)
    await revocations_of(context).end_user(str(key), user["token_version"], within)
    await context.storage.collection(SessionDocument).delete_many({"user": key}, session=within)
    await links.forget(context, within, key)
    await messages.send(context, within, "account_erased", user["email"], user)
    await audit.record(context, within, "user.erased", subject_of(user))
    await forgetting.forget_person(context, within, user)
    await context.engine.outbox.add(within, auth.user_erased, context, str(key))


def _remains(user: Record) -> Record:
    return {
        "_id": user["_id"],
        "number": user["number"],
        "state": "erased",
        "email": None,
        "email_key": None,
        "email_verified_at": None,
        "name": None,
        "locale": None,
        "roles": [],
        "seller": None,
        "password": None,
        "password_changed_at": None,
        "addresses": [],
        "identities": [],
        "mfa": None,
        "passkeys": [],
        "token_version": user["token_version"] + 1,
        "signed_in_at": None,
        "created_at": user["created_at"],
        "updated_at": datetime.now(UTC),
        "version": user["version"] + 1,
    }
