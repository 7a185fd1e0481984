"""Who sees what of an order: its buyer and staff all of it, a seller the part that is theirs."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bson import ObjectId

from mercat.auth import Subject, allowed
from mercat.context import Context, Viewer
from mercat.storage import Record
from mercat_orders.orders.access import secret_of
from mercat_orders.orders.documents import WAITING
from mercat_orders.permissions import MANAGE, READ, SELL

PLACED: dict[str, Any] = {"placed_at": {"$ne": None}}
"""The condition of what is an order at all."""


@dataclass(frozen=True, slots=True)
class Sight:
    """As whom somebody looks at an order; as more than one thing at once, it may be.

    `seller` is whose part is seen; as a buyer or as staff one sees the others' too.
    """

    is_staff: bool = False
    is_buyer: bool = False
    seller: str | None = None

    @property
    def is_whole(self) -> bool:
        return self.is_staff or self.is_buyer


async def sight_of(context: Context, record: Record, secret: str | None = None) -> Sight | None:
    """As whom the viewer sees a stored order, or whoever has its secret; None where not at all."""
    if record["state"] in WAITING:
        return None
    is_buyer = is_bought_by(context.viewer, record) or opens(context, record, secret)
    found = Sight(await is_staff(context, record), is_buyer, await _seller_of(context, record))
    return found if found.is_whole or found.seller is not None else None


def is_bought_by(viewer: Viewer, record: Record) -> bool:
    """Whether the order is the user's, or the guest's."""
    if record["user"] is not None:
        return bool(record["user"] == viewer.user)
    return record["guest"] is not None and bool(record["guest"] == viewer.guest)


def opens(context: Context, record: Record, secret: str | None) -> bool:
    """Whether this is the secret of the order. It takes the same time for every wrong one."""
    if secret is None:
        return False
    right, given = secret_of(context, record), secret.encode(errors="surrogatepass")
    return hmac.compare_digest(right.encode(), given)


async def is_staff(context: Context, record: Record | None = None) -> bool:
    """Whether the viewer sees every order, or this one, as those do who run the shop."""
    return await _may(context, READ, record) or await _may(context, MANAGE, record)


async def manages(context: Context, record: Record) -> bool:
    """Whether the viewer may do everything with an order."""
    return await _may(context, MANAGE, record)


async def sells(context: Context, record: Record, seller: str | None) -> bool:
    """Whether the part of an order that is this seller's is the viewer's own to send."""
    if seller is None or seller != context.viewer.seller:
        return False
    return await _may(context, SELL, record, seller)


async def _seller_of(context: Context, record: Record) -> str | None:
    """The viewer's seller, where something of the order is theirs."""
    for part in record["seller_orders"]:
        if await sells(context, record, part["seller"]):
            return context.viewer.seller
    return None


async def _may(
    context: Context, action: str, record: Record | None, seller: str | None = None
) -> bool:
    if record is None:
        return await allowed(context, action, Subject("order", seller=seller))
    subject = Subject("order", str(record["_id"]), owner=record["user"], seller=seller)
    return await allowed(context, action, subject)


def entries(record: Record, sight: Sight) -> Sequence[Record]:
    """What of an order's timeline is seen."""
    return [entry for entry in record["timeline"] if sees_entry(sight, entry)]


def sees_entry(sight: Sight, entry: Record) -> bool:
    """Whether an entry is seen; internal ones by staff, and by the seller that they are about."""
    if sight.is_staff:
        return True
    if sight.seller is not None and entry["seller"] == sight.seller:
        return True
    if entry["is_internal"]:
        return False
    return sight.is_buyer or (sight.seller is not None and entry["part"] is None)


def sees_facts(sight: Sight, entry: Record) -> bool:
    """Whether an entry's facts are seen: those of the whole order would tell of other sellers."""
    return sight.is_whole or (sight.seller is not None and entry["seller"] == sight.seller)


def is_about(entry: Record, part: ObjectId) -> bool:
    """Whether an entry is about a part, by its key, or about the whole order."""
    return entry["part"] in (None, part)
