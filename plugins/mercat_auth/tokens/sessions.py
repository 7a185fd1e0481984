"""Sessions: one for each device somebody has signed in with, and its rotating refresh tokens.

A refresh token is `mercat_rt_<session>.<generation>.<random>.<code>`. Each is good once; the code
tells one that the shop gave out from one that somebody made up, so that an old one that comes again
was copied: the session ends then, for whoever has it (RFC 9700, 4.14.2).
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId

from mercat import auth
from mercat.auth import Subject
from mercat.context import Context
from mercat.errors import NotFoundError, UnauthenticatedError
from mercat.storage import Record, Session
from mercat_auth.audit import service as audit
from mercat_auth.documents import SessionDocument, UserDocument
from mercat_auth.sealing import digest_of, random_text, sealer_of
from mercat_auth.settings import AuthSettings
from mercat_auth.tokens.access import access_of
from mercat_auth.tokens.revoking import ENDED, revocations_of

PREFIX = "mercat_rt_"
_PURPOSE = "refresh tokens"
_TOKEN = re.compile(
    rf"{PREFIX}(?P<session>[\w-]{{22}})\.(?P<generation>\d{{1,9}})\.(?P<random>[\w-]{{43}})"
    r"\.(?P<code>[\w-]{43})\Z",
    re.ASCII,
)
_LONGEST_DEVICE = 300
_logger = logging.getLogger(__name__)
_MOST_SESSIONS = 100


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a client has after signing in; `expires_in` is the access token's, in seconds."""

    access: str
    refresh: str
    session: str
    expires_in: int


async def start(
    context: Context, user: Record, methods: Sequence[str], within: Session | None = None
) -> Tokens:
    """Sign a stored user in; `methods` are how (RFC 8176: pwd, otp, hwk, fed and so on).

    In a transaction that writes to the user too: otherwise a new password that ends all sessions
    may miss this one.
    """
    now = datetime.now(UTC)
    session = random_text(16)
    refresh = _refresh_token(context, session, 1)
    headers = context.credentials.headers if context.credentials else {}
    await _sessions(context).insert_one(
        {
            "_id": session,
            "user": user["_id"],
            "refresh": digest_of(refresh),
            "generation": 1,
            "methods": list(methods),
            "device": headers.get("user-agent", "")[:_LONGEST_DEVICE],
            "address": context.credentials.address if context.credentials else None,
            "created_at": now,
            "used_at": now,
            "expires_at": _expiry(context, now, now),
            "ended_at": None,
        },
        session=within,
    )
    return await _tokens(context, user, session, refresh, methods, now)


async def refresh(context: Context, token: str) -> tuple[Record, Tokens]:
    """The user, and other tokens for a refresh token, which is good once.

    Raises UnauthenticatedError; the session of a token that was used before ends. Of two who come
    with it at the same moment one is refused, and the session goes on for the other.
    """
    given = _TOKEN.match(token)
    if given is None or not _is_ours(context, given):
        raise UnauthenticatedError("this is no refresh token of the shop; sign in")
    stored = await _sessions(context).find_one({"_id": given["session"], "ended_at": None})
    if stored is None:
        raise UnauthenticatedError(ENDED)
    if stored["refresh"] != digest_of(token):
        await _end_copied(context, stored, int(given["generation"]))
        raise UnauthenticatedError(ENDED)
    user = await _users(context).find_one({"_id": stored["user"], "state": "active"})
    if user is None:
        raise UnauthenticatedError("the account is not there any more, or suspended")
    following = await _replace(context, stored)
    if following is None:
        raise UnauthenticatedError("the token was just used, or has expired; use the newer one")
    methods, began = stored["methods"], stored["created_at"]
    return user, await _tokens(context, user, stored["_id"], following, methods, began)


async def end(context: Context, user: str, session: str) -> None:
    """End one session of a user. Raises NotFoundError where the user has no such session."""

    async def work(within: Session) -> bool:
        wanted = {"_id": session, "user": ObjectId(user), "ended_at": None}
        is_ended = await _end_one(context, wanted, within)
        if is_ended:
            await audit.record(context, within, "user.session_ended", _subject(user))
        return is_ended

    if not await context.storage.transaction(work):
        raise NotFoundError("there is no such session", field=("id",))


async def end_all(
    context: Context, user: ObjectId, within: Session, *, kept: str | None = None
) -> int:
    """End all sessions of a user but `kept`, in the transaction of what they end for."""
    now = datetime.now(UTC)
    wanted: Record = {"user": user, "ended_at": None, "_id": {"$ne": kept}}
    ending = await _sessions(context).find(wanted, {"_id": 1}, session=within).to_list()
    if not ending:
        return 0
    await _sessions(context).update_many(
        wanted, {"$set": {"ended_at": now, "expires_at": now}}, session=within
    )
    for each in ending:
        await revocations_of(context).end_session(each["_id"], within)
    await context.engine.outbox.add(within, auth.signed_out, context, str(user))
    return len(ending)


async def end_everywhere(context: Context, user: str, *, kept: str | None = None) -> int:
    """End all sessions of a user but `kept`; returns how many."""

    async def work(within: Session) -> int:
        count = await end_all(context, ObjectId(user), within, kept=kept)
        if count:
            await audit.record(
                context, within, "user.sessions_ended", _subject(user), count=str(count)
            )
        return count

    return await context.storage.transaction(work)


async def sessions_of(context: Context, user: ObjectId) -> list[Record]:
    """The sessions that have not ended, the last used first."""
    wanted = {"user": user, "ended_at": None, "expires_at": {"$gt": datetime.now(UTC)}}
    cursor = _sessions(context).find(wanted, {"refresh": 0}).sort("used_at", -1)
    found: list[Record] = await cursor.limit(_MOST_SESSIONS).to_list()
    return found


def session_of_refresh(token: str) -> str | None:
    """The session that a refresh token is of, which it doesn't prove."""
    given = _TOKEN.match(token)
    return None if given is None else given["session"]


async def sweep(context: Context) -> None:
    """Remove sessions that nobody has been able to go on with for a week."""
    week = datetime.now(UTC) - timedelta(days=7)
    await _sessions(context).delete_many({"expires_at": {"$lt": week}})


async def _replace(context: Context, stored: Record) -> str | None:
    """The refresh token that follows the stored one; None where somebody else was faster."""
    now = datetime.now(UTC)
    following = _refresh_token(context, stored["_id"], stored["generation"] + 1)
    found = await _sessions(context).find_one_and_update(
        {
            "_id": stored["_id"],
            "refresh": stored["refresh"],
            "ended_at": None,
            "expires_at": {"$gt": now},
        },
        {
            "$set": {
                "refresh": digest_of(following),
                "used_at": now,
                "expires_at": _expiry(context, stored["created_at"], now),
            },
            "$inc": {"generation": 1},
        },
    )
    return None if found is None else following


async def _end_copied(context: Context, stored: Record, generation: int) -> None:
    """End the session whose refresh token was used before; another one of it may be good still."""
    if generation >= stored["generation"]:
        return  # the database is older than the token: nobody has used it here

    async def work(within: Session) -> None:
        wanted = {"_id": stored["_id"], "ended_at": None}
        if await _end_one(context, wanted, within):
            subject = _subject(str(stored["user"]))
            await audit.record(context, within, "user.session_copied", subject)

    await context.storage.transaction(work)
    _logger.warning("a refresh token of user %s came twice; its session ends", stored["user"])


async def _end_one(context: Context, wanted: Record, within: Session) -> bool:
    now = datetime.now(UTC)
    found = await _sessions(context).find_one_and_update(
        wanted, {"$set": {"ended_at": now, "expires_at": now}}, session=within
    )
    if found is None:
        return False
    await revocations_of(context).end_session(found["_id"], within)
    await context.engine.outbox.add(within, auth.signed_out, context, str(found["user"]))
    return True


def _subject(user: str) -> Subject:
    return Subject("User", user, owner=user)


async def _tokens(
    context: Context,
    user: Record,
    session: str,
    refresh_token: str,
    methods: Sequence[str],
    began: datetime,
) -> Tokens:
    access = access_of(context)
    token = await access.issue(user, session, methods, began)
    return Tokens(token, refresh_token, session, access.seconds)


def _refresh_token(context: Context, session: str, generation: int) -> str:
    said = f"{session}.{generation}.{random_text()}"
    return f"{PREFIX}{said}.{sealer_of(context).mac(_PURPOSE, said)}"


def _is_ours(context: Context, given: re.Match[str]) -> bool:
    said = f"{given['session']}.{given['generation']}.{given['random']}"
    return sealer_of(context).proves(_PURPOSE, said, given["code"])


def _expiry(context: Context, began: datetime, now: datetime) -> datetime:
    settings = context.settings(AuthSettings)
    longest = began + timedelta(days=settings.longest_session_days)
    return min(now + timedelta(days=settings.session_days), longest)


def _sessions(context: Context) -> Any:
    return context.storage.collection(SessionDocument)


def _users(context: Context) -> Any:
    return context.storage.collection(UserDocument)
