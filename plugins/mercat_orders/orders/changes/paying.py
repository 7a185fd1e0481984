"""The payments of an order, as the plugins that take money see them."""

from collections.abc import Mapping

from bson import ObjectId

from mercat import checkout
from mercat.checkout import PaymentStatus, PaymentWanted
from mercat.context import Context
from mercat.storage import Record
from mercat_orders.orders.changes.changing import Change, Happening, change
from mercat_orders.orders.changes.revising import Revision
from mercat_orders.orders.money import SECURE, is_over, payment_of

_PAID = PaymentStatus("paid")


def order_key(payment: str) -> ObjectId | None:
    """The key of the order that a payment's key is of; None for what is no such key."""
    order = payment.partition(".")[0]
    return ObjectId(order) if ObjectId.is_valid(order) else None


async def start(
    context: Context, order: Record, found: Record, data: Mapping[str, str]
) -> PaymentStatus:
    """Have a payment of an order made, or learn where it stands."""
    if not found["amount"]:
        return _PAID
    wanted = PaymentWanted(
        key=found["key"],
        method=found["method"],
        amount=found["amount"],
        currency=order["currency"],
        order_number=order["code"],
        return_url=found["return_url"],
        data=data,
    )
    status = await context.hooks.first(checkout.payment_start, context, wanted)
    return status or PaymentStatus("declined", "this way to pay is not there any more")


async def standing(context: Context, found: Record) -> PaymentStatus | None:
    """Where a payment stands; None where none was begun."""
    if not found["amount"]:
        return _PAID
    return await context.hooks.first(checkout.payment_status, context, found["key"])


async def note(context: Context, order: ObjectId, key: str, status: PaymentStatus) -> Record:
    """Write down where a payment of an order stands, and what follows; returns the order."""

    def decide(record: Record) -> Change | None:
        revision = Revision(record)
        found = payment_of(revision.order, key)
        if found is None or found["state"] == status.state or _is_ended(found, status):
            return None
        found["state"] = status.state
        if revision.order["payment"]["state"] in SECURE:
            revision.confirm()
        facts = {"payment": status.state}
        return Change(Happening("PAYMENT_CHANGED", facts=facts), revision.values())

    return await change(context, order, decide)


def _is_ended(found: Record, status: PaymentStatus) -> bool:
    """Whether it is to end: until it has, it stands as it does for that."""
    return is_over(found) and bool(found["is_ending"]) and status.state != "ended"
