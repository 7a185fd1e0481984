"""What nobody comes back to: checkouts that a crash, a closed page or a slow provider left."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId

from mercat.checkout import PaymentStatus
from mercat.context import Context
from mercat.errors import DomainError
from mercat.lifecycle import Job
from mercat.storage import Record
from mercat.turns import turn
from mercat_orders.checkout import paying
from mercat_orders.checkout.completing import proceed, settle
from mercat_orders.orders.access import orders
from mercat_orders.orders.changing import Change, Happening, change
from mercat_orders.orders.failing import end, fail

LEFT = timedelta(seconds=30)
"""After how long a checkout that goes on nowhere is looked after."""
UNPAID = timedelta(minutes=2)
"""After how long one whose payment was never begun ends."""
WAITING = timedelta(hours=1)
"""After how long one ends that waits for its buyer, where the provider names no time."""

_logger = logging.getLogger(__name__)


async def reconcile(context: Context) -> None:
    """Bring every checkout that was left to an end, and end the payments of failed ones."""
    now = datetime.now(UTC)
    left: dict[str, Any] = {"state": "PLACING", "updated_at": {"$lt": now - LEFT}}
    async for order in orders(context).find(left):
        await _safely(context, order)
    failed = {
        "state": "FAILED",
        "payment.state": "ENDING",
        "updated_at": {"$lt": now - LEFT},
    }
    async for order in orders(context).find(failed):
        await end(context, order)


async def _safely(context: Context, order: Record) -> None:
    try:
        await look_after(context, order)
    except DomainError as error:
        _logger.info("checkout %s ended: %s", order["code"], error)


async def look_after(context: Context, order: Record) -> None:
    """Do what is due of a checkout that was left. Raises DomainError where it fails."""
    if not order["sums"]["total"]:
        await proceed(context, order, {})
        return
    async with turn(context, "checkout", order["_id"]):
        status = await paying.standing(context, order)
        if status is not None and not _is_over(order, status):
            await settle(context, order, status)
        elif status is not None or _age(order) > UNPAID:
            await fail(context, order, "EXPIRED", "the payment took too long")


def _is_over(order: Record, status: PaymentStatus) -> bool:
    if status.state != "action":
        return False
    if status.expires_at is not None:
        return status.expires_at < datetime.now(UTC)
    return _age(order) > WAITING


def _age(order: Record) -> timedelta:
    age: timedelta = datetime.now(UTC) - order["begun_at"]
    return age


async def follow_payment(context: Context, key: str) -> None:
    """Go on with an order whose payment stands elsewhere now; a stranger's key changes nothing."""
    if not ObjectId.is_valid(key):
        return
    order = await orders(context).find_one({"_id": ObjectId(key)})
    status = None if order is None else await paying.standing(context, order)
    if order is None or status is None:
        return
    if order["state"] == "PLACING":
        await _settled(context, order, status)
    elif order["state"] != "FAILED":
        await _noted(context, order, status)


async def _settled(context: Context, order: Record, status: PaymentStatus) -> None:
    try:
        async with turn(context, "checkout", order["_id"]):
            await settle(context, order, status)
    except DomainError as error:
        _logger.info("checkout %s ended: %s", order["code"], error)


async def _noted(context: Context, order: Record, status: PaymentStatus) -> None:
    def decide(record: Record) -> Change | None:
        if record["payment"]["state"] == status.state:
            return None
        values: dict[str, Any] = {"payment.state": status.state}
        if record["state"] == "PENDING" and paying.TAKEN.get(status.state) == "CONFIRMED":
            values |= confirmed(record)
        return Change(Happening("PAYMENT_CHANGED", facts={"payment": status.state}), values)

    await change(context, order["_id"], decide)


def confirmed(record: Record) -> dict[str, Any]:
    """What of a pending order changes when it is confirmed."""
    parts = [
        {**part, "state": "CONFIRMED"} if part["state"] == "PENDING" else part
        for part in record["seller_orders"]
    ]
    return {"state": "CONFIRMED", "seller_orders": parts}


JOBS = (Job(name="orders-reconcile", every=timedelta(seconds=10), run=reconcile),)
