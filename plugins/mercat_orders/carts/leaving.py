"""Carts that nobody comes back to, and those of people who leave."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

from mercat import checkout
from mercat.context import Context
from mercat.lifecycle import Job
from mercat.storage import Session
from mercat_orders.carts.access import carts
from mercat_orders.carts.personal import personal_of
from mercat_orders.messages.telling import tell_of_cart
from mercat_orders.settings import OrderSettings

_AT_ONCE = 100
_REMOVABLE = ("OPEN", "ORDERED", "MERGED")


async def tell_abandoned(context: Context) -> None:
    """Tell `cart_abandoned` of each cart with something in it that nobody touched for a while."""
    hours = context.settings(OrderSettings).abandoned_hours
    wanted = {
        "state": "OPEN",
        "told": False,
        "updated_at": {"$lt": datetime.now(UTC) - timedelta(hours=hours)},
        "lines.0": {"$exists": True},
    }
    while found := await carts(context).find(wanted, {"version": 1}).to_list(_AT_ONCE):
        for record in found:
            await _tell(context, {**wanted, **record})


async def _tell(context: Context, wanted: Mapping[str, Any]) -> None:
    key, version = wanted["_id"], wanted["version"]

    async def work(session: Session) -> None:
        changed = await carts(context).update_one(wanted, {"$set": {"told": True}}, session=session)
        if changed.modified_count:
            await context.engine.outbox.add(session, checkout.cart_abandoned, context, key)
            await tell_of_cart(context, session, key, version)

    await context.storage.transaction(work)


async def remove_expired(context: Context) -> None:
    """Remove the carts that are over; what became an order is the order's.

    They are found by when they were last changed, from which on they are kept for `cart_days`.
    """
    now = datetime.now(UTC)
    idle = {"$lt": now - timedelta(days=context.settings(OrderSettings).cart_days)}
    for state, told in product(_REMOVABLE, (False, True)):
        found = carts(context).find(
            {"state": state, "told": told, "updated_at": idle}, {"expires_at": 1}
        )
        over = [record["_id"] async for record in found if record["expires_at"] < now]
        for start in range(0, len(over), _AT_ONCE):
            await carts(context).delete_many(
                {
                    "_id": {"$in": over[start : start + _AT_ONCE]},
                    "state": {"$in": _REMOVABLE},
                    "expires_at": {"$lt": now},
                }
            )


async def remove_of_user(context: Context, user: str) -> None:
    """Remove all carts of somebody who erased the account."""
    await carts(context).delete_many({"user": user})


async def told_of(context: Context, user: str) -> list[dict[str, Any]]:
    """The carts of somebody, for their own copy of what is stored."""
    found = []
    async for record in carts(context).find({"user": user, "state": "OPEN"}):
        personal = await personal_of(context, record)
        address = personal.shipping_address
        found.append(
            {
                "updated_at": record["updated_at"].isoformat(),
                "email": personal.email,
                "phone": personal.phone,
                "shipping_address": None if address is None else list(address.lines),
                "lines": [
                    {"name": line["name"], "sku": line["sku"], "quantity": line["quantity"]}
                    for line in record["lines"]
                ],
            }
        )
    return found


JOBS = (
    Job(name="orders-abandoned-carts", every=timedelta(minutes=5), run=tell_abandoned),
    Job(name="orders-expired-carts", every=timedelta(hours=1), run=remove_expired),
)
