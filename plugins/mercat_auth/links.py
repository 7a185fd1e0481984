"""Links that were sent to somebody, and can be followed once.

What a link carries is `<id>.<code>`. The code is made of the id with the shop's secret each time it
is needed, so that neither the database nor the outbox has anything to follow a link with.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from bson import ObjectId

from mercat.context import Context
from mercat.storage import Record, Session
from mercat_auth.documents import LinkDocument
from mercat_auth.errors import LinkError
from mercat_auth.sealing import random_text, sealer_of

Purpose = Literal["verify", "reset", "new_email", "old_email", "seller_invitation"]

_TOKEN = re.compile(r"([\w-]{22})\.([\w-]{43})\Z", re.ASCII)
_PURPOSE = "links"
_DECOY = "none"
_HASH = "data.password"  # of no use any more once the link is not
_KEPT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Link:
    """A link as a message names it."""

    id: str
    expires_at: datetime


async def make(
    context: Context,
    within: Session,
    purpose: Purpose,
    *,
    user: ObjectId,
    email_key: str,
    lifetime: timedelta,
    data: Mapping[str, Any] | None = None,
) -> Link:
    """Make a link that is to go to an address, in the transaction of what it is for."""
    return await _insert(context, within, purpose, user, email_key, lifetime, data or {})


async def pretend(context: Context, within: Session, count: int = 1) -> None:
    """Write so many links that lead nowhere, where a real answer would write as much."""
    for _ in range(count):
        await _insert(context, within, _DECOY, ObjectId(), "", timedelta(), {})


async def find(context: Context, token: str, *purposes: Purpose) -> Record:
    """A link that can be followed still. Raises LinkError."""
    found: Record | None = await _links(context).find_one(_condition(context, token, purposes))
    if found is None:
        raise LinkError
    return found


async def use(context: Context, within: Session, token: str, *purposes: Purpose) -> Record:
    """Follow a link, in the transaction of what it is for. Raises LinkError."""
    found: Record | None = await _links(context).find_one_and_update(
        _condition(context, token, purposes),
        {"$set": {"used_at": datetime.now(UTC)}, "$unset": {_HASH: ""}},
        session=within,
    )
    if found is None:
        raise LinkError
    return found


async def end_all(
    context: Context, within: Session, user: ObjectId, *, but: str | None = None
) -> None:
    """End all links of a user that were not followed, but one."""
    await _links(context).update_many(
        {"user": user, "used_at": None, "_id": {"$ne": but}},
        {"$set": {"expires_at": datetime.now(UTC)}, "$unset": {_HASH: ""}},
        session=within,
    )


async def forget(context: Context, within: Session, user: ObjectId) -> None:
    """Remove all links of a user."""
    await _links(context).delete_many({"user": user}, session=within)


async def sweep(context: Context) -> None:
    """Remove links that nobody can follow any more."""
    await _links(context).delete_many({"expires_at": {"$lt": datetime.now(UTC) - _KEPT}})
    await _links(context).delete_many({"purpose": _DECOY, "expires_at": {"$lt": datetime.now(UTC)}})


def secret_of(context: Context, link_id: str) -> str:
    """What a link carries, for whoever sends it."""
    return f"{link_id}.{sealer_of(context).mac(_PURPOSE, link_id)}"


async def open_link(context: Context, link_id: str) -> Record | None:
    """A link, by what is before its dot, that can be followed still; None for any other."""
    found: Record | None = await _links(context).find_one(
        {"_id": link_id, "used_at": None, "expires_at": {"$gt": datetime.now(UTC)}}
    )
    return found


async def _insert(
    context: Context,
    within: Session,
    purpose: str,
    user: ObjectId,
    email_key: str,
    lifetime: timedelta,
    data: Mapping[str, Any],
) -> Link:
    link = Link(random_text(16), datetime.now(UTC) + lifetime)
    await _links(context).insert_one(
        {
            "_id": link.id,
            "purpose": purpose,
            "user": user,
            "email_key": email_key,
            "data": dict(data),
            "expires_at": link.expires_at,
            "used_at": None,
        },
        session=within,
    )
    return link


def _condition(context: Context, token: str, purposes: tuple[Purpose, ...]) -> Record:
    """What the link of a token meets where it is good. Raises LinkError for one made up."""
    given = _TOKEN.match(token)
    if given is None or not sealer_of(context).proves(_PURPOSE, given[1], given[2]):
        raise LinkError
    return {
        "_id": given[1],
        "purpose": {"$in": list(purposes)},
        "used_at": None,
        "expires_at": {"$gt": datetime.now(UTC)},
    }


def _links(context: Context) -> Any:
    return context.storage.collection(LinkDocument)
