"""What nobody comes back to: checkouts that a crash, a closed page or a slow provider left."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from mercat.checkout import PaymentStatus
from mercat.context import Context
from mercat.errors import DomainError
from mercat.lifecycle import Job
from mercat.storage import Record
from mercat.turns import turn
from mercat_orders.checkout.completing import proceed, settle
from mercat_orders.orders.access import orders
from mercat_orders.orders.changes import paying
from mercat_orders.orders.failing import end, fail
from mercat_orders.orders.money import payment_of

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
    if not order["payment"]["amount"]:
        await proceed(context, order)
        return
    async with turn(context, "checkout", order["_id"]):
        status = await paying.standing(context, order["payment"])
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
    order = await orders(context).find_one({"_id": paying.order_key(key)})
    payment = None if order is None else payment_of(order, key)
    if order is None or payment is None:
        return
    status = await paying.standing(context, payment)
    if status is None:
        return
    if order["state"] == "PLACING":
        if payment is order["payment"]:
            await _settled(context, order, status)
    elif order["state"] != "FAILED":
        await paying.note(context, order["_id"], key, status)


async def _settled(context: Context, order: Record, status: PaymentStatus) -> None:
    try:
        async with turn(context, "checkout", order["_id"]):
            await settle(context, order, status)
    except DomainError as error:
        _logger.info("checkout %s ended: %s", order["code"], error)


JOBS = (Job(name="orders-reconcile", every=timedelta(seconds=10), run=reconcile),)
