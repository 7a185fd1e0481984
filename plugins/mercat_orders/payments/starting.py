"""Paying what an order costs more than its payments cover, such as after an edit."""

import asyncio
from dataclasses import dataclass

from mercat.checkout import Cart, CartLine, Destination
from mercat.context import Context
from mercat.errors import ConflictError, ForbiddenError
from mercat.storage import Record
from mercat_orders.carts.personal import personal_of
from mercat_orders.checkout.completing import Progress
from mercat_orders.checkout.errors import DeclinedError
from mercat_orders.checkout.paying import TAKEN, method_of
from mercat_orders.orders import money
from mercat_orders.orders.changes import paying
from mercat_orders.orders.changes.changing import Change, Happening, change
from mercat_orders.orders.changes.paying import NOTHING, Means
from mercat_orders.orders.changes.revising import Revision
from mercat_orders.orders.changes.settling import settle
from mercat_orders.orders.changes.standing import Where, find
from mercat_orders.orders.changes.telling import money as shown
from mercat_orders.orders.errors import StateError
from mercat_orders.orders.quantities import wanted
from mercat_orders.orders.states import Role

_TRIES = 10
_PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Way:
    """How it is paid, and with what."""

    method: str | None = None
    return_url: str | None = None
    means: Means = NOTHING


async def pay(context: Context, where: Where, way: Way) -> Progress:
    """Pay what no payment of an order covers, or go on with paying it; the buyer, or staff.

    One payment at a time is underway: the same way again goes on with it, another one ends it.
    Raises NotFoundError, ForbiddenError, StateError where nothing is to be paid,
    PaymentMethodError, DeclinedError, ConflictError.
    """
    for _ in range(_TRIES):
        record, standing = await find(context, where)
        if not {Role.BUYER, Role.STAFF} & set(standing.roles()):
            raise ForbiddenError
        found = _underway(record)
        if found is not None and way.method not in {None, found["method"]}:
            await _end(context, record, found["key"])
        else:
            found = found or await _begun(context, record, way)
            if found is not None:
                return await go_on(context, record, found, way.means)
        await asyncio.sleep(_PAUSE_SECONDS)
    raise ConflictError("the order is being paid elsewhere; try again")


async def as_cart(context: Context, record: Record) -> Cart:
    """What is still bought of an order, as plugins that take money are asked about carts."""
    address = (await personal_of(context, record)).shipping_address
    return Cart(
        id=record["cart"],
        currency=record["currency"],
        lines=tuple(_cart_line(line) for line in record["lines"] if wanted(line)),
        destination=Destination(record["country"]) if address is None else address.destination,
        user=record["user"],
        guest=record["guest"],
    )


def open_sum(record: Record) -> int:
    """What of an order can be paid now, in minor units: what no payment covers, or is underway."""
    if not money.due(record):
        return 0
    found = _underway(record)
    is_begun = found is not None and found["state"] != money.WANTED
    amount: int = found["amount"] if found and is_begun else money.uncovered(record)
    return max(0, amount)


def _cart_line(line: Record) -> CartLine:
    return CartLine(
        id=str(line["id"]),
        variant_id=str(line["variant"]),
        product_id=str(line["product"]),
        sku=line["sku"],
        name=line["name"],
        seller=line["seller"],
        quantity=wanted(line),
        unit_price=line["unit_price"],
        compare_at=line["compare_at"],
        tax_class=line["tax_class"],
        weight=line["weight"],
        brand=line["brand"],
        groups=tuple(line["groups"]),
    )


def _underway(record: Record) -> Record | None:
    for payment in record.get("further_payments") or ():
        if payment["state"] in money.UNDERWAY and not payment["is_ending"]:
            return dict(payment)
    return None


async def _begun(context: Context, record: Record, way: Way) -> Record | None:
    """Write down a new payment; None where the order changed meanwhile."""
    amount = money.uncovered(record)
    if amount <= 0 or not money.due(record):
        raise StateError("there is nothing to be paid")
    method = await method_of(context, await as_cart(context, record), amount, way.method)
    made = money.new_payment(money.next_key(record), method, amount, way.return_url)

    def decide(found: Record) -> Change | None:
        if (
            _underway(found)
            or money.uncovered(found) != amount
            or money.next_key(found) != made["key"]
        ):
            return None
        revision = Revision(found)
        revision.order["further_payments"].append(made)
        facts = {"amount": shown(amount, found), "method": method}
        return Change(Happening("PAYMENT_BEGUN", facts=facts), revision.values())

    after = await change(context, record["_id"], decide)
    return made if money.payment_of(after, made["key"]) == made else None


async def go_on(context: Context, record: Record, payment: Record, means: Means) -> Progress:
    """Bring a payment of an order as far as it goes. Raises DeclinedError."""
    status = await paying.start(context, record, payment, means)
    after = await paying.note(context, record["_id"], payment["key"], status)
    if status.state in ("declined", "ended"):
        raise DeclinedError(status.message or "the payment was declined")
    return Progress(after, None if status.state in TAKEN else status, payment["key"])


async def _end(context: Context, record: Record, key: str) -> None:
    """Have a payment end that its buyer makes in another way now; what was taken goes back."""

    def decide(found: Record) -> Change | None:
        revision = Revision(found)
        payment = money.payment_of(revision.order, key)
        if payment["state"] not in money.UNDERWAY or payment["is_ending"]:
            return None
        payment |= {"state": money.ENDING, "is_ending": True}
        return Change(Happening("PAYMENT_ENDING"), revision.values())

    await change(context, record["_id"], decide)
    await settle(context, record["_id"])
