"""A guest who signs in keeps the cart."""

from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

from mercat.context import Context
from mercat.storage import Record, Session
from mercat_orders.carts.access import carts
from mercat_orders.carts.lines import is_same
from mercat_orders.settings import OrderSettings

_LATEST = [("updated_at", -1)]
_MOST = 20
_OWN = ("email", "phone", "shipping_address", "billing_address")


async def merge_guest(context: Context, user: str, guest: str) -> None:
    """Give a guest's open carts to a user: into the user's own open one, where there is one.

    Repeating changes nothing: a cart that became part of another is no open one any more.
    """
    found = carts(context).find({"guest": guest, "user": None, "state": "OPEN"}, {"_id": 1})
    for record in await found.sort(_LATEST).to_list(_MOST):
        key = record["_id"]

        async def work(session: Session, key: str = key) -> None:
            await _give(context, session, key, user)

        await context.storage.transaction(work)


async def _give(context: Context, session: Session, key: str, user: str) -> None:
    wanted = {"_id": key, "user": None, "state": "OPEN"}
    theirs = await carts(context).find_one(wanted, session=session)
    if theirs is None:
        return
    now = datetime.now(UTC)
    mine = await carts(context).find_one(
        {"user": user, "state": "OPEN", "expires_at": {"$gt": now}}, sort=_LATEST, session=session
    )
    if mine is None:
        await carts(context).update_one(
            wanted, {"$set": {"user": user, "guest": None}, "$inc": {"version": 1}}, session=session
        )
        return
    await carts(context).update_one(
        {"_id": mine["_id"]},
        {
            "$set": {
                **_together(mine, theirs, context.settings(OrderSettings)),
                "updated_at": now,
                "told": False,
            },
            "$inc": {"version": 1},
        },
        session=session,
    )
    await carts(context).update_one(
        wanted,
        {"$set": {"state": "MERGED", "merged_into": mine["_id"]}, "$inc": {"version": 1}},
        session=session,
    )


def _together(mine: Record, theirs: Record, settings: OrderSettings) -> dict[str, Any]:
    """The lines of both, as far as a cart holds them; what is known of the buyer is the user's."""
    lines = list(mine["lines"])
    for line in theirs["lines"]:
        same = next((at for at, each in enumerate(lines) if is_same(each, line)), None)
        if same is not None:
            total = min(lines[same]["quantity"] + line["quantity"], settings.max_quantity)
            lines[same] = {**lines[same], "quantity": total}
        elif len(lines) < settings.max_lines:
            lines.append({**line, "id": ObjectId()})
    return {
        "lines": lines,
        "plugin_data": {**theirs.get("plugin_data", {}), **mine.get("plugin_data", {})},
        **{name: mine[name] if mine[name] is not None else theirs[name] for name in _OWN},
    }
