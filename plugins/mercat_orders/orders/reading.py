"""Finding orders. One that the viewer may not see answers like one that isn't there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId

from mercat.auth import Subject, check_allowed
from mercat.context import Context
from mercat.storage import Record
from mercat.storage.encryption import encryption_of
from mercat.storage.pages import Page, PageRequest
from mercat_orders.orders.access import orders
from mercat_orders.orders.pages import PLACES, Condition, order_entries, parts_where, whole
from mercat_orders.orders.sight import is_staff, opens, sight_of
from mercat_orders.permissions import READ, SELL

_NOBODYS: Record = {"_id": "nobody's"}
_LONGEST_CODE = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which orders are looked for; None asks for nothing. `email` and `user` are for staff."""

    states: Sequence[str] | None = None
    placed_from: datetime | None = None
    placed_to: datetime | None = None
    code: str | None = None
    email: str | None = None
    user: str | None = None
    seller: str | None = None


@dataclass(frozen=True, slots=True)
class PartsWanted:
    """Which parts of orders are looked for; None asks for nothing."""

    states: Sequence[str] | None = None
    seller: str | None = None


async def find_order(
    context: Context,
    *,
    key: ObjectId | None = None,
    code: str | None = None,
    secret: str | None = None,
) -> Record | None:
    """An order that the viewer may see all of, or whose secret this is.

    Where there is none the secret is looked at all the same, so that it takes the time that a wrong
    one does.
    """
    condition = {"_id": key} if code is None else {"code": known_code(code)}
    record: Record | None = await orders(context).find_one(condition)
    if record is None:
        opens(context, _NOBODYS, secret)
        return None
    seen = await sight_of(context, record, secret)
    return record if seen is not None and seen.is_whole else None


async def orders_by_key(context: Context, keys: Sequence[str]) -> list[Record | None]:
    """Those of the orders that the viewer may see all of, in order."""
    found = {record["_id"]: record async for record in orders(context).find(_among("_id", keys))}
    return [await _if_whole(context, found.get(_key(one))) for one in keys]


async def _if_whole(context: Context, record: Record | None) -> Record | None:
    seen = None if record is None else await sight_of(context, record)
    return record if seen is not None and seen.is_whole else None


async def parts_by_key(context: Context, keys: Sequence[str]) -> list[tuple[Record, Record] | None]:
    """Those of the parts that the viewer may see, in order, each behind its order."""
    found: dict[Any, tuple[Record, Record]] = {}
    async for record in orders(context).find(_among("seller_orders.id", keys)):
        for part in record["seller_orders"]:
            if await sees_part(context, record, part["seller"]):
                found[part["id"]] = record, part
    return [found.get(_key(one)) for one in keys]


async def sees_part(context: Context, record: Record, seller: str | None) -> bool:
    """Whether the viewer sees the part of an order that is this seller's."""
    seen = await sight_of(context, record)
    if seen is None:
        return False
    return seen.is_whole or (seller is not None and seller == seen.seller)


async def order_page(
    context: Context, wanted: Wanted, request: PageRequest, keys: frozenset[str] | None = None
) -> Page:
    """A page of the viewer's own orders, of all for staff; its records have those keys or all.

    Raises UnauthenticatedError for nobody, and ForbiddenError for what only staff looks for.
    """
    condition = await _condition(context, wanted)
    return await order_entries(context, condition, request, whole, keys=keys)


async def count_orders(context: Context, wanted: Wanted) -> int:
    """How many they are. Raises as `order_page` does."""
    condition = await _condition(context, wanted)
    found: int = await orders(context).count_documents(condition.whole)
    return found


async def part_page(context: Context, wanted: PartsWanted, request: PageRequest) -> Page:
    """A page of the parts that are the viewer's seller's, of all for staff, with their orders.

    Its records are entries of `pages.parts_where`. Raises UnauthenticatedError, ForbiddenError.
    """
    seller = await check_sells(context, wanted.seller)

    def is_wanted(part: Record) -> bool:
        is_theirs = seller is None or part["seller"] == seller
        return is_theirs and (not wanted.states or part["state"] in wanted.states)

    condition = _of_parts(seller, wanted.states)
    entries = parts_where(is_wanted)
    return await order_entries(context, condition, request, entries, places=PLACES)


async def count_parts(context: Context, wanted: PartsWanted) -> int:
    """How many they are. Raises as `part_page` does."""
    seller = await check_sells(context, wanted.seller)
    condition = _of_parts(seller, wanted.states)
    if seller is not None:
        found: int = await orders(context).count_documents(condition.whole)
        return found
    kept = {"seller_orders.state": {"$in": list(wanted.states)}} if wanted.states else {}
    steps: list[Record] = [
        {"$match": condition.whole},
        {"$unwind": "$seller_orders"},
        {"$match": kept},
        {"$count": "count"},
    ]
    counted = await (await orders(context).aggregate(steps)).to_list()
    return int(counted[0]["count"]) if counted else 0


async def check_sells(context: Context, seller: str | None) -> str | None:
    """Whose parts the viewer follows or lists: one seller's, or all with None.

    Raises UnauthenticatedError or ForbiddenError for who is neither staff nor that seller's.
    """
    if await is_staff(context):
        return seller
    own = context.viewer.seller
    await check_allowed(context, SELL, Subject("order", seller=own))
    if own is None or seller not in {None, own}:
        await check_allowed(context, READ, Subject("order"))
    return own


def known_code(given: str) -> str:
    """A number as it is stored; nothing stored for what is none."""
    text = given.strip().upper()
    return text if len(text) <= _LONGEST_CODE and text.isascii() else ""


def _of_parts(seller: str | None, states: Sequence[str] | None) -> Condition:
    indexed = {} if seller is None else {"seller_orders.seller": seller}
    if not states:
        return Condition(indexed)
    part: dict[str, Any] = {} if seller is None else {"seller": seller}
    return Condition(
        indexed, {"seller_orders": {"$elemMatch": {**part, "state": {"$in": list(states)}}}}
    )


async def _condition(context: Context, wanted: Wanted) -> Condition:
    """What is asked first is what an index finds the fewest by."""
    given: list[dict[str, Any]] = []
    if wanted.code is not None:
        given.append({"code": known_code(wanted.code)})
    given += await _owned(context, wanted)
    if wanted.seller is not None:
        given.append({"seller_orders.seller": wanted.seller})
    indexed = given.pop(0) if given else {}
    rest = {name: value for one in given for name, value in one.items()}
    return Condition(indexed, {**rest, **_narrowed(wanted)})


def _narrowed(wanted: Wanted) -> dict[str, Any]:
    """What no index is for."""
    found: dict[str, Any] = {}
    if wanted.states:
        found["state"] = {"$in": list(wanted.states)}
    placed = {"$gte": wanted.placed_from, "$lt": wanted.placed_to}
    if given := {name: moment for name, moment in placed.items() if moment is not None}:
        found["placed_at"] = given
    return found


async def _owned(context: Context, wanted: Wanted) -> list[dict[str, Any]]:
    """Whose orders are listed."""
    viewer = context.viewer
    if await is_staff(context):
        found: list[dict[str, Any]] = []
        if wanted.email is not None:
            found.append({"email_digest": encryption_of(context).digest(wanted.email.strip())})
        if wanted.user is not None:
            found.append(_of_user(wanted.user))
        return found
    if wanted.email is not None or wanted.user is not None:
        await check_allowed(context, READ, Subject("order"))
    if viewer.user is not None:
        return [_of_user(viewer.user)]
    if viewer.guest is None:
        await check_allowed(context, READ, Subject("order"))
    return [{"guest": viewer.guest, "user": None}]


def _of_user(user: str) -> dict[str, Any]:
    return {"user": user, "guest": None}


def _among(name: str, keys: Sequence[str]) -> dict[str, Any]:
    return {name: {"$in": [key for key in map(_key, keys) if key is not None]}}


def _key(given: str) -> ObjectId | None:
    return ObjectId(given) if ObjectId.is_valid(given) else None
