"""Proving anew who one is, before something that a stolen session must not be enough for.

After OWASP's Authentication Cheat Sheet ("Require Re-authentication for Sensitive Features"): by
the password, or, where there is none, by having signed in a few minutes ago.
"""

from datetime import UTC, datetime, timedelta

from mercat.context import Context
from mercat.storage import Record
from mercat_auth.documents import SessionDocument
from mercat_auth.errors import SignInAgainError, WrongPasswordError
from mercat_auth.limits import service as limits
from mercat_auth.passwords import rules
from mercat_auth.passwords.hashing import hashing_of
from mercat_auth.settings import AuthSettings


async def check_owner(
    context: Context, user: Record, password: str | None, field: tuple[str, ...] = ("password",)
) -> None:
    """Have the viewer, who is this user, prove it.

    Raises WrongPasswordError, SignInAgainError, RateLimitedError.
    """
    if user["password"] is None:
        await _check_recent(context, user)
        return
    prepared = rules.prepared(password or "")
    if not prepared:
        raise WrongPasswordError(field)
    account = user["email_key"] or str(user["_id"])
    await limits.attempt(context, "login", account)
    if not await hashing_of(context).verify(user["password"], prepared):
        await limits.failed(context, "login", account)
        raise WrongPasswordError(field)
    await limits.succeeded(context, "login", account)


async def _check_recent(context: Context, user: Record) -> None:
    minutes = context.settings(AuthSettings).confirm_minutes
    since = datetime.now(UTC) - timedelta(minutes=minutes)
    condition = {"_id": context.viewer.session, "user": user["_id"], "created_at": {"$gte": since}}
    stored = context.storage.collection(SessionDocument)
    if await stored.find_one(condition, {"_id": 1}) is None:
        raise SignInAgainError
