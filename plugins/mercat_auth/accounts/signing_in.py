"""Signing in with a password, and out."""

import contextlib

from bson import ObjectId

from mercat.context import Context
from mercat.emails import key_of
from mercat.errors import NotFoundError, RateLimitedError
from mercat.storage import Record, Session
from mercat_auth.accounts.registering import send_verification
from mercat_auth.accounts.service import SignIn, find_by_key, finish_sign_in, users
from mercat_auth.documents import SessionDocument
from mercat_auth.errors import BadCredentialsError, EmailNotVerifiedError, SuspendedError
from mercat_auth.limits import service as limits
from mercat_auth.mfa import service as mfa
from mercat_auth.mfa.service import Challenge
from mercat_auth.passwords import rules
from mercat_auth.passwords.hashing import hashing_of
from mercat_auth.sealing import digest_of
from mercat_auth.settings import AuthSettings
from mercat_auth.tokens import cookies, sessions

_NOBODY = "nobody@invalid"
_METHODS = ("pwd",)


async def login(
    context: Context, *, email: str, password: str, transport: str
) -> SignIn | Challenge:
    """Sign somebody in with a password, or ask for the second factor.

    Raises BadCredentialsError, EmailNotVerifiedError, SuspendedError, RateLimitedError.
    """
    email_key = key_of(email) or _NOBODY
    user = await _proved(context, email_key, password)
    if user["state"] == "suspended":
        raise SuspendedError
    if user["email_verified_at"] is None and context.settings(AuthSettings).require_verified_email:
        await _remind(context, user)
        raise EmailNotVerifiedError(
            "follow the link that was sent to your address; another one is on its way"
        )
    await limits.succeeded(context, "login", email_key)
    if mfa.is_enrolled(user):
        return await mfa.challenge(context, user, _METHODS, transport)
    return await finish_sign_in(context, user, _METHODS, transport)


async def logout(context: Context, refresh_token: str | None) -> None:
    """End the session of the request: by its access token, else by its refresh token.

    It is no error where there is none, or it has ended already.
    """
    viewer = context.viewer
    found = cookies.read(context.credentials)
    token = refresh_token or found.get(cookies.REFRESH)
    if found:
        context.cookies += cookies.taken()
    if viewer.user is not None and viewer.session is not None:
        await _end(context, viewer.user, viewer.session)
    elif token is not None:
        await _end_by(context, token)


async def _proved(context: Context, email_key: str, password: str) -> Record:
    """The account of an address and its password. Raises BadCredentialsError."""
    prepared = rules.prepared(password)
    if prepared is None:
        raise BadCredentialsError
    await limits.attempt(context, "login", email_key)
    user = await find_by_key(context, email_key)
    stored = user["password"] if user else None
    is_right = await hashing_of(context).verify(stored, prepared)
    if user is None or stored is None or not is_right:
        await limits.failed(context, "login", email_key)
        raise BadCredentialsError
    if hashing_of(context).is_outdated(stored):
        return await _rehash(context, user, prepared)
    return user


async def _rehash(context: Context, user: Record, password: str) -> Record:
    """Store a password's hash with today's parameters, unless there is another password by now."""
    stored = await hashing_of(context).hash(password)
    condition = {"_id": user["_id"], "password": user["password"]}
    await users(context).update_one(condition, {"$set": {"password": stored}})
    return user


async def _remind(context: Context, user: Record) -> None:
    """Send the link again, but not again and again."""

    async def work(within: Session) -> None:
        await send_verification(context, within, user, {"password": user["password"]})

    with contextlib.suppress(RateLimitedError):
        await limits.attempt(context, "register", user["email_key"])
        await context.storage.transaction(work)


async def _end_by(context: Context, refresh_token: str) -> None:
    condition = {"refresh": digest_of(refresh_token), "ended_at": None}
    session = sessions.session_of_refresh(refresh_token)
    if session is None:
        return
    stored = context.storage.collection(SessionDocument)
    found = await stored.find_one({"_id": session, **condition}, {"user": 1})
    if found is not None:
        await _end(context, str(found["user"]), session)


async def _end(context: Context, user: str, session: str) -> None:
    if not ObjectId.is_valid(user):
        return  # such as a service account's
    with contextlib.suppress(NotFoundError):
        await sessions.end(context, user, session)
