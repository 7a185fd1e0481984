"""Whose a cart is. Somebody else's answers like one that isn't there."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection

from mercat.context import Context, Viewer
from mercat.errors import NotFoundError
from mercat.storage import Record
from mercat_orders.carts.documents import CartDocument

_LATEST = [("updated_at", -1)]


def carts(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(CartDocument)


async def find_cart(context: Context, key: str) -> Record:
    """The viewer's cart with that key, or the one that it became part of. Raises NotFoundError."""
    (record,) = await find_carts(context, [key])
    if record is None:
        raise NotFoundError("there is no such cart", field=("cartId",))
    return record


async def find_carts(context: Context, keys: Sequence[str]) -> list[Record | None]:
    """The viewer's carts with those keys, in order; None for what isn't there, or not theirs."""
    found = {
        record["_id"]: record async for record in carts(context).find({"_id": {"$in": list(keys)}})
    }
    into = [record["merged_into"] for record in found.values() if record["state"] == "MERGED"]
    if into:
        async for record in carts(context).find({"_id": {"$in": into}}):
            found[record["_id"]] = record
    return [_seen(context.viewer, found, key) for key in keys]


def _seen(viewer: Viewer, found: Mapping[str, Record], key: str) -> Record | None:
    record = found.get(key)
    if record is not None and record["state"] == "MERGED":
        record = found.get(record["merged_into"])
    if record is None or not _is_theirs(viewer, record) or _is_over(record):
        return None
    return record


async def latest_cart(context: Context) -> Record | None:
    """The viewer's cart that was changed last and is no order yet; None without one, or a name."""
    owner = owner_of(context.viewer)
    if not any(owner.values()):
        return None
    found = await carts(context).find_one(
        {**owner, "state": {"$in": ["OPEN", "CHECKOUT"]}}, sort=_LATEST
    )
    return None if found is None or _is_over(found) else found


def owner_of(viewer: Viewer) -> dict[str, Any]:
    """Whose a cart of the viewer is: the user's, the guest's, or of whoever knows its id."""
    if viewer.user is not None:
        return {"user": viewer.user, "guest": None}
    return {"user": None, "guest": viewer.guest}


def _is_theirs(viewer: Viewer, record: Record) -> bool:
    if record["user"] is not None:
        return bool(record["user"] == viewer.user)
    return record["guest"] is None or bool(record["guest"] == viewer.guest)


def _is_over(record: Record) -> bool:
    return bool(record["state"] == "OPEN" and record["expires_at"] <= datetime.now(UTC))
