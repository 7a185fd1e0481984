"""Which entries of an order's timeline people are told of, and by which kind of message."""

from collections.abc import Mapping
from typing import Any

from mercat import notifications
from mercat.context import Context
from mercat.notifications import Message
from mercat.storage import Record, Session
from mercat_orders.orders.money import PAID, current

_KINDS = {
    "PLACED": "placed",
    "SHIPPED": "shipped",
    "DELIVERED": "delivered",
    "CANCELLED": "cancelled",
    "REFUNDED": "refunded",
    "RETURN_REQUESTED": "return_requested",
    "RETURN_APPROVED": "return_approved",
    "RETURN_REFUSED": "return_refused",
    "RETURN_RECEIVED": "return_received",
}
_UNPAID = ("awaited", "on_delivery")


async def tell_buyer(
    context: Context, session: Session, before: Record, entry: Mapping[str, Any]
) -> None:
    """Have the buyer told of a new entry, in its transaction, where people are told of such."""
    kind = _kind(before, entry)
    if kind is not None and not entry["is_internal"]:
        key = f"{before['_id']}:{entry['number']}"
        await notifications.tell(context, session, Message(key, f"orders.{kind}", key))


async def tell_sellers(context: Context, session: Session, order: Record) -> None:
    """Have sellers told what was bought of them; the shop itself has its own lists."""
    for part in order["seller_orders"]:
        if part["seller"] is not None:
            key = f"{order['_id']}:{part['id']}"
            await notifications.tell(context, session, Message(key, "orders.sold", key))


async def tell_of_cart(context: Context, session: Session, cart: str, changes: int) -> None:
    """Have somebody reminded of a cart, once for each time that it was changed."""
    message = Message(f"{cart}:{changes}", "orders.cart_abandoned", cart)
    await notifications.tell(context, session, message)


def _kind(before: Record, entry: Mapping[str, Any]) -> str | None:
    kind, facts = entry["kind"], entry["facts"]
    if kind == "FULFILLED" and facts.get("state") == "SHIPPED":
        return "shipped"
    if kind == "PAYMENT_CHANGED" and facts.get("payment") == PAID:
        # What was authorized is taken when it is sent, and that is told.
        return "paid" if current(before)["state"] in _UNPAID else None
    return _KINDS.get(kind)
