"""A checkout that is not to be: its cart is open again, nothing is held, no money is taken."""

from datetime import UTC, datetime

from mercat import checkout
from mercat.context import Context
from mercat.storage import Record, Session
from mercat_orders.carts.access import carts
from mercat_orders.orders.access import orders
from mercat_orders.orders.money import ENDED, ENDING, Payment, payments
from mercat_products.stock.reservations import release


async def fail(context: Context, record: Record, code: str, message: str) -> None:
    """End a checkout that isn't an order yet; nothing happens to one that is.

    Written down first: from then on it can't become an order, so that its payment can be ended.
    What a crash leaves undone then, the job does.
    """
    wanted = {"_id": record["_id"], "state": "PLACING"}
    values = {
        "state": "FAILED",
        "failure": {"code": code, "message": message},
        "payment.state": ENDING,
        "further_payments": [{**one, "state": ENDING} for one in record["further_payments"]],
        "updated_at": datetime.now(UTC),
    }

    async def work(session: Session) -> bool:
        changed = await orders(context).update_one(wanted, {"$set": values}, session=session)
        if not changed.modified_count:
            return False
        await carts(context).update_one(
            {"_id": record["cart"], "state": "CHECKOUT", "order": record["_id"]},
            {"$set": {"state": "OPEN", "order": None}, "$inc": {"version": 1}},
            session=session,
        )
        await context.hooks.collect(checkout.order_undone, context, session, str(record["_id"]))
        return True

    if await context.storage.transaction(work):
        await end(context, record)


async def end(context: Context, record: Record) -> None:
    """Let go of what a failed checkout holds, and see to it that nothing is paid for it.

    Repeating is harmless. Where a payment can't be ended yet it is tried again by the job.
    """
    await release(context, str(record["_id"]))
    if all([await _end(context, payment) for payment in payments(record)]):
        further = [{**one, "state": ENDED} for one in record["further_payments"]]
        await orders(context).update_one(
            {"_id": record["_id"], "payment.state": ENDING},
            {"$set": {"payment.state": ENDED, "further_payments": further}},
        )


async def _end(context: Context, payment: Payment) -> bool:
    """Have a payment end; false where it can't be ended yet."""
    if payment["method"] is None:
        return True
    status = await context.hooks.first(
        checkout.payment_end, context, payment["key"], "the order was not placed"
    )
    return status is None or status.state in (ENDED, "declined")
