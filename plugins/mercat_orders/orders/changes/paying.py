"""The payments of an order, as the plugins that take money see them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bson import ObjectId

from mercat import checkout
from mercat.checkout import PaymentStatus, PaymentWanted
from mercat.context import Context
from mercat.storage import Record
from mercat_orders.orders.changes.changing import Change, Happening, change
from mercat_orders.orders.changes.revising import Revision
from mercat_orders.orders.changes.telling import money
from mercat_orders.orders.money import SECURE, is_over, payment_of, refunds_of, taken

_PAID = PaymentStatus("paid")


def order_key(payment: str) -> ObjectId | None:
    """The key of the order that a payment's key is of; None for what is no such key."""
    order = payment.partition(".")[0]
    return ObjectId(order) if ObjectId.is_valid(order) else None


@dataclass(frozen=True, slots=True)
class Means:
    """What somebody pays with: `data` is for the payment's provider.

    `saved_method` names something that they have kept; with `saves` it is kept for the next time.
    """

    data: Mapping[str, str] = field(default_factory=dict)
    saved_method: str | None = None
    saves: bool = False


NOTHING = Means()
"""Of who only goes on with what was begun."""


async def start(
    context: Context, order: Record, found: Record, means: Means = NOTHING
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
        data=means.data,
        user=order["user"],
        saved_method=means.saved_method,
        saves=means.saves,
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
        if found is None or _is_ended(found, status):
            return None
        before = dict(found)
        found |= stored(status)
        back = _given_back(revision, key, status)
        if found == before and not back:
            return None
        if revision.order["payment"]["state"] in SECURE:
            revision.confirm()
        happening = _told(record, before, found, back)
        return Change(happening, revision.values())

    return await change(context, order, decide)


def stored(status: PaymentStatus) -> Record:
    """What an order knows of where a payment of it stands."""
    return {
        "state": status.state,
        "captured": status.captured,
        "disputed": status.disputed,
        "is_by_hand": status.is_by_hand,
    }


def _given_back(revision: Revision, key: str, status: PaymentStatus) -> int:
    """Write down what went back unasked, such as by somebody on the company's own pages."""
    known: int = sum(one["amount"] for one in refunds_of(revision.order, key))
    amount = max(0, (status.refunded or 0) - known)
    if amount and status.state != "ended":
        revision.note_refund(key, amount)
        return amount
    return 0


def _told(record: Record, before: Record, after: Record, back: int) -> Happening:
    """What the timeline says: the most that can be said of it."""
    facts: dict[str, Any] = {"payment": after["state"]}
    kind = "PAYMENT_CHANGED"
    if after["disputed"] != before.get("disputed", 0):
        facts["disputed"] = money(after["disputed"], record)
        is_more = after["disputed"] > before.get("disputed", 0)
        kind = "DISPUTED" if is_more else "DISPUTE_CLOSED"
    elif back:
        facts["refunded"] = money(back, record)
        kind = "REFUNDED"
    elif after["state"] == before["state"] and taken(after) > taken(before):
        kind = "CAPTURED"
    if taken(after) != taken(before):
        facts["captured"] = money(taken(after), record)
    return Happening(kind, facts=facts)


def _is_ended(found: Record, status: PaymentStatus) -> bool:
    """Whether it is to end: until it has, it stands as it does for that."""
    return is_over(found) and bool(found["is_ending"]) and status.state != "ended"
