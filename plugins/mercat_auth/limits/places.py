"""Where an attempt comes from, and the names that its counters have."""

from dataclasses import dataclass
from datetime import UTC, datetime

from bson import ObjectId

from mercat.context import Context
from mercat.reach import network
from mercat.storage import Record
from mercat_auth.documents import SessionDocument, UserDocument
from mercat_auth.sealing import digest_of, sealer_of
from mercat_auth.tokens import cookies
from mercat_auth.tokens.sessions import session_of_refresh

_PURPOSE = "limits"
_SIZE = 22  # 132 bits


@dataclass(frozen=True, slots=True)
class Place:
    """The names of the counters of an attempt; without an account there is only the address.

    Nobody can tell from them which account or which address they are of.
    """

    address: str
    pair: str | None = None
    account: str | None = None
    known: str | None = None


def place_of(
    context: Context, action: str, account: str | None, session: str | None = None
) -> Place:
    """Where the context's caller is; with a session of the account, that session."""
    caller = context.credentials.address if context.credentials else None
    said = (action, account, session, caller)
    known = context.loaders  # one operation's, which asks before and after
    if said not in known:
        known[said] = _place(context, *said)
    found: Place = known[said]
    return found


def _place(
    context: Context, action: str, account: str | None, session: str | None, caller: str | None
) -> Place:
    source = network(caller)
    address = _name(context, action, "address", source)
    if account is None:
        return Place(address)
    place = f"session {session}" if session else source
    return Place(
        address,
        _name(context, action, "pair", account, place),
        _name(context, action, "account", account),
        _name(context, action, "known", account, source),
    )


def claimed_session(context: Context) -> str | None:
    """The session that the caller says to have, which proves nothing."""
    return context.viewer.session or session_of_refresh(_refresh_cookie(context))


async def own_session(context: Context, account: str) -> str | None:
    """The session that the caller does have, where it is one of the account's."""
    viewer, token = context.viewer, _refresh_cookie(context)
    if viewer.session is not None and viewer.user is not None:
        return viewer.session if await _is_of(context, ObjectId(viewer.user), account) else None
    session = session_of_refresh(token)
    if session is None:
        return None
    wanted = {
        "_id": session,
        "refresh": digest_of(token),
        "ended_at": None,
        "expires_at": {"$gt": datetime.now(UTC)},
    }
    sessions = context.storage.collection(SessionDocument)
    found: Record | None = await sessions.find_one(wanted, {"user": 1})
    if found is None or not await _is_of(context, found["user"], account):
        return None
    return session


async def _is_of(context: Context, user: ObjectId, account: str) -> bool:
    """Whether an account, by its key or its normalised address, is this user's."""
    if account == str(user):
        return True
    users = context.storage.collection(UserDocument)
    found: Record | None = await users.find_one({"_id": user}, {"email_key": 1})
    return found is not None and found["email_key"] == account


def _refresh_cookie(context: Context) -> str:
    return cookies.read(context.credentials).get(cookies.REFRESH, "")


def _name(context: Context, action: str, *said: str) -> str:
    code = sealer_of(context).mac(_PURPOSE, "\0".join((action, *said)))
    return f"mercat:{context.storage.database.name}:limits:{code[:_SIZE]}"
