"""One path from a checkout to its order: for the buyer's request, retries, webhooks and the job.

Whoever drives it goes through `proceed`, which may be run again from any point, by several at once,
and after `kill -9`: stock is reserved under the order's key, the payment is begun under it, outside
any transaction, and one transaction makes it an order.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from mercat import checkout
from mercat.checkout import PaymentStatus
from mercat.context import Context
from mercat.errors import ConflictError, NotFoundError
from mercat.storage import Record, Session, stored_now
from mercat.turns import turn
from mercat_orders.carts.access import carts
from mercat_orders.checkout.beginning import begun, known
from mercat_orders.checkout.errors import failure
from mercat_orders.checkout.paying import TAKEN
from mercat_orders.checkout.wanting import Completion
from mercat_orders.messages.telling import tell_buyer, tell_sellers
from mercat_orders.orders.access import orders
from mercat_orders.orders.changes.changing import Happening, entry
from mercat_orders.orders.changes.paying import NOTHING, Means, start, stored
from mercat_orders.orders.failing import fail
from mercat_orders.orders.money import PAID
from mercat_orders.orders.streams.feed import publish_placed
from mercat_products.stock.errors import OutOfStockError
from mercat_products.stock.reservations import Line, commit, in_turn, reserve

HELD = timedelta(minutes=20)
"""How long stock is held for a payment; what is paid later is honoured while stock remains."""

_NOT_TENDERED = "what this was to be paid with is not there any more"
_TRIES = 10
_PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a checkout is: while it is no order, `action` is what its payment waits for.

    `payment` is the key of what is paid, where that isn't what the order was placed with.
    """

    order: Record
    action: PaymentStatus | None = None
    payment: str | None = None

    @property
    def payment_key(self) -> str:
        return self.payment or str(self.order["payment"]["key"])


async def complete(context: Context, cart: str, wanted: Completion) -> Progress:
    """Make an order of a cart, once, or say what the buyer has to do first.

    Raises what `beginning.begun` does, FailedError, OutOfStockError and ConflictError.
    """
    for _ in range(_TRIES):
        order = await known(context, wanted) or await begun(context, cart, wanted)
        if order is not None:
            return await proceed(context, order, wanted.means)
        await asyncio.sleep(_PAUSE_SECONDS)
    raise ConflictError("the cart is being changed elsewhere; try again")


async def proceed(context: Context, order: Record, means: Means = NOTHING) -> Progress:
    """Bring a checkout as far as it goes. Raises FailedError, OutOfStockError, ConflictError."""
    if order["state"] == "PLACING":
        async with turn(context, "checkout", order["_id"]):
            return await _brought(context, order, means)
    return _told(order)


async def _brought(context: Context, order: Record, means: Means) -> Progress:
    for attempt in range(_TRIES):
        found = await orders(context).find_one({"_id": order["_id"]}) if attempt else order
        if found is None:
            raise NotFoundError("there is no such order")
        if found["state"] != "PLACING":
            return _told(found)
        try:
            is_counted = await _reserve(context, found)
        except ConflictError:  # somebody else is at it, and may have sold it just now
            await asyncio.sleep(_PAUSE_SECONDS)
            continue
        status = await _tendered(context, found)
        status = status or await start(context, found, found["payment"], means)
        return await settle(context, found, status, is_counted=is_counted)
    raise ConflictError("the order is being placed elsewhere; ask again")


async def settle(
    context: Context, order: Record, status: PaymentStatus, *, is_counted: bool = True
) -> Progress:
    """Make of a checkout what its payment says; without `is_counted` no stock is sold with it.

    Raises FailedError, OutOfStockError.
    """
    state = TAKEN.get(status.state)
    if state is not None:
        lines = _lines(order) if is_counted else []
        return await _placed(context, order, lines, _after(context, order, state, status))
    if status.state in ("declined", "ended"):
        words = status.message or "the payment was declined"
        await fail(context, order, "DECLINED", words)
        return await _now(context, order)
    return Progress(order, status)


async def _tendered(context: Context, order: Record) -> PaymentStatus | None:
    """Have paid what is paid first; None once it is, else what stands in the way."""
    for payment in order["further_payments"]:
        status = await start(context, order, payment)
        if status.state == "unknown":
            return status
        if status.state != PAID:
            return PaymentStatus("declined", status.message or _NOT_TENDERED)
    return None


async def _reserve(context: Context, order: Record) -> bool:
    """Hold what is ordered; false where nothing of it is counted."""
    try:
        held = await reserve(context, str(order["_id"]), _lines(order), HELD)
    except OutOfStockError as error:
        await fail(context, order, "OUT_OF_STOCK", str(error))
        raise
    return held.is_counted


def _lines(order: Record) -> list[Line]:
    return [Line(line["variant"], line["quantity"]) for line in order["lines"]]


async def _placed(
    context: Context, order: Record, lines: Sequence[Line], after: Record
) -> Progress:
    key = str(order["_id"])

    async def work(session: Session) -> bool:
        if not await _write(context, session, order, after):
            return False
        if lines:
            await commit(context, key, session, lines)
        await carts(context).update_one(
            {"_id": order["cart"], "order": order["_id"]},
            {"$set": {"state": "ORDERED"}, "$inc": {"version": 1}},
            session=session,
        )
        await context.engine.outbox.add(session, checkout.order_placed, context, key)
        await tell_buyer(context, session, order, after["timeline"][-1])
        await tell_sellers(context, session, order)
        return True

    is_mine = False
    try:
        is_mine = await in_turn(context, lines, work)
    except (OutOfStockError, NotFoundError):  # the hold ran out before the payment came
        await fail(context, order, "OUT_OF_STOCK", "somebody else was faster; it is sold out now")
    found = Progress(after) if is_mine else await _now(context, order)
    await publish_placed(context, found.order)
    return found


def _after(context: Context, order: Record, state: str, status: PaymentStatus) -> Record:
    """The order once it is placed: until then nothing but its failing changes it."""
    now = stored_now()
    happening = Happening("PLACED", facts={"payment": status.state})
    return {
        **order,
        "state": state,
        "seller_orders": [{**part, "state": state} for part in order["seller_orders"]],
        "payment": {**order["payment"], **stored(status)},
        "further_payments": [{**one, "state": PAID} for one in order["further_payments"]],
        "placed_at": now,
        "updated_at": now,
        "timeline": [*order["timeline"], {**entry(context.viewer, order, happening), "at": now}],
        "version": order["version"] + 1,
    }


async def _write(context: Context, session: Session, order: Record, after: Record) -> bool:
    # Read and then written by its key, as the transaction allows: SecantusDB weighs each index that
    # there is for any other condition.
    key = {"_id": order["_id"]}
    found = await orders(context).find_one(key, {"state": 1}, session=session)
    if found is None or found["state"] != "PLACING":
        return False
    changed = {name: after[name] for name in after if after[name] is not order[name]}
    await orders(context).update_one(key, {"$set": changed}, session=session)
    return True


async def _now(context: Context, order: Record) -> Progress:
    found = await orders(context).find_one({"_id": order["_id"]})
    if found is None:
        raise NotFoundError("there is no such order")
    return _told(found)


def _told(order: Record) -> Progress:
    if (why := order["failure"]) is not None:
        raise failure(why["code"], why["message"])
    return Progress(order)
