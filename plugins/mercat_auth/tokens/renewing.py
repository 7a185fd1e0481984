"""What somebody who has signed in does with sessions, and a guest with an identity."""

from bson import ObjectId

from mercat.context import Context
from mercat.errors import UnauthenticatedError
from mercat.storage import Record
from mercat_auth.accounts.service import SignIn
from mercat_auth.limits import service as limits
from mercat_auth.tokens import cookies, sessions
from mercat_auth.tokens.keys import keys_of
from mercat_auth.tokens.revoking import revocations_of
from mercat_auth.tokens.service import make_guest, signed_guest

BEARER, COOKIE = "BEARER", "COOKIE"


async def renew(context: Context, token: str | None) -> SignIn:
    """Other tokens for a refresh token, or for the one in a cookie, which is replaced there.

    Raises UnauthenticatedError, ForbiddenError where another site may have sent the cookie,
    InvalidError where no cookies can be given, and RateLimitedError.
    """
    if token is not None:
        return SignIn(*await _refreshed(context, token), BEARER)
    cookies.check_can_be_given(context)
    kept = cookies.read(context.credentials).get(cookies.REFRESH)
    if kept is None or context.credentials is None:
        raise UnauthenticatedError("there is no refresh token; sign in")
    session = sessions.session_of_refresh(kept) or ""
    cookies.check_csrf(context, context.credentials, session)
    try:
        user, tokens = await _refreshed(context, kept)
    except UnauthenticatedError:
        context.cookies += cookies.taken()
        raise
    return SignIn(user, tokens, COOKIE, cookies.give(context, tokens))


async def revoke(context: Context, session: str) -> None:
    """End one of the viewer's sessions. Raises UnauthenticatedError, NotFoundError."""
    user = _user(context)
    await sessions.end(context, user, session)
    if session == context.viewer.session:
        take_cookies(context)


async def revoke_all(context: Context, *, keep_current: bool) -> int:
    """End the viewer's sessions; returns how many. Raises UnauthenticatedError."""
    user = _user(context)
    kept = context.viewer.session if keep_current else None
    count = await sessions.end_everywhere(context, user, kept=kept)
    if kept is None:
        take_cookies(context)
    return count


async def own_sessions(context: Context, user: Record) -> list[Record] | None:
    """The sessions of an account; None for anybody but its owner."""
    if context.viewer.session is None or context.viewer.user != str(user["_id"]):
        return None
    return await sessions.sessions_of(context, user["_id"])


async def sessions_left(context: Context) -> list[Record]:
    """The viewer's sessions that go on. Raises UnauthenticatedError."""
    return await sessions.sessions_of(context, ObjectId(_user(context)))


def guest_identity(context: Context, transport: str) -> str | None:
    """A signed identity, the same for who is a guest already; None where a cookie has it."""
    guest = context.viewer.guest
    token = make_guest(context) if guest is None else signed_guest(context, guest)
    if transport != COOKIE:
        return token
    cookies.give_guest(context, token)
    return None


def take_cookies(context: Context) -> None:
    """Take everything of a session out of a browser that has it."""
    if cookies.read(context.credentials).keys() & {cookies.ACCESS, cookies.REFRESH}:
        context.cookies += cookies.taken()


async def _refreshed(context: Context, token: str) -> tuple[Record, sessions.Tokens]:
    await limits.attempt(context, "refresh", None)
    try:
        return await sessions.refresh(context, token)
    except UnauthenticatedError:
        await limits.failed(context, "refresh", None)
        raise


def _user(context: Context) -> str:
    if context.viewer.user is None or context.viewer.session is None:
        raise UnauthenticatedError
    return context.viewer.user


async def sweep(context: Context) -> None:
    """Remove sessions, revocations and keys that say nothing about anybody any more."""
    await sessions.sweep(context)
    await revocations_of(context).sweep()
    await keys_of(context).sweep()
