"""A checkout begins: the quote is agreed to, frozen, and written down with its cart's new state."""

from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

from pymongo.errors import DuplicateKeyError

from mercat import checkout
from mercat.checkout import GoneError, OrderBegun
from mercat.context import Context
from mercat.errors import ConflictError
from mercat.storage import Record, Session, stored_now
from mercat.storage.pages import next_number
from mercat.turns import turn
from mercat_orders.carts.access import carts, find_cart
from mercat_orders.carts.reading import look_at
from mercat_orders.carts.views import CartView
from mercat_orders.checkout.errors import (
    AgreementError,
    ProblemsError,
    QuoteChangedError,
    TermsError,
)
from mercat_orders.checkout.freezing import frozen
from mercat_orders.checkout.paying import method_of
from mercat_orders.checkout.wanting import Completion
from mercat_orders.orders.access import orders
from mercat_orders.orders.failing import fail
from mercat_orders.orders.money import new_payment, tendered
from mercat_orders.settings import OrderSettings

NUMBERS = "orders"
_DISCOUNTS = frozenset({"line_discount", "order_discount", "shipping_discount"})


class _MovedError(Exception):
    """The cart is not as it was read."""


async def known(context: Context, wanted: Completion) -> Record | None:
    """The order that the same request made before; None for a new one. Raises ConflictError."""
    if wanted.request is None:
        return None
    found = await orders(context).find_one({"request": wanted.request.key})
    if found is not None and found["asked"] != wanted.request.asked:
        raise ConflictError(
            "this idempotency key was used with another request", field=("idempotencyKey",)
        )
    return found


async def begun(context: Context, cart: str, wanted: Completion) -> Record | None:
    """The checkout of a cart, begun now if need be; None where somebody else was at it: again.

    Raises NotFoundError, ProblemsError, TermsError, AgreementError, QuoteChangedError,
    PaymentMethodError.
    """
    record = await find_cart(context, cart)
    if record["state"] == "ORDERED":
        return await orders(context).find_one({"_id": record["order"]})
    if record["state"] == "CHECKOUT":
        return await _resumed(context, record, wanted)
    view = await look_at(context, record, takes_cheapest=wanted.takes_cheapest)
    order = frozen(context, view, on_behalf=wanted.on_behalf)
    _check(context, view, order, wanted)
    wish = wanted.method or record.get("payment_method")
    method = await method_of(context, view.quote.cart, view.due, wish)
    order |= {
        "number": await next_number(context.storage, NUMBERS),
        "payment": new_payment(str(order["_id"]), method, view.due, wanted.return_url),
        "further_payments": list(tendered(order, view.tenders)),
        "request": wanted.request.key if wanted.request else None,
        "asked": wanted.request.asked if wanted.request else None,
        "terms_accepted_at": stored_now() if wanted.accepts_terms else None,
    }
    return order if await _written(context, record, order) else None


async def _resumed(context: Context, cart: Record, wanted: Completion) -> Record | None:
    """The checkout that the cart is in, if the buyer still means the same; else it ends."""
    order: Record | None = await orders(context).find_one({"_id": cart["order"]})
    if order is None or order["state"] != "PLACING":
        return None  # the cart is about to say so, too
    is_same = wanted.agreement.holds(order["quote"], order["sums"]["total"], order["currency"])
    if is_same and wanted.method in (None, order["payment"]["method"]):
        return order
    await fail(context, order, "ABANDONED", "the buyer ordered it in another way")
    return None


def _check(context: Context, view: CartView, order: Record, wanted: Completion) -> None:
    if view.problems:
        raise ProblemsError(view.problems)
    is_accepted = wanted.accepts_terms or wanted.on_behalf
    if not is_accepted and context.settings(OrderSettings).require_terms:
        raise TermsError("accept the shop's terms", field=("acceptsTerms",))
    if not wanted.agreement.is_given:
        raise AgreementError(
            "say with `quoteHash` which quote is agreed to, or with `maximumTotal` how much at most"
        )
    if not wanted.agreement.holds(order["quote"], order["sums"]["total"], order["currency"]):
        raise QuoteChangedError(view)


async def _written(context: Context, cart: Record, order: Record) -> bool:
    """Write an order down, one after another where they have the same discount.

    Those that claim of the same are in each other's way: many at once would try for longer than a
    transaction may take.
    """
    async with AsyncExitStack() as turns:
        for source in sorted(_taken_off(order)):
            await turns.enter_async_context(turn(context, "discount", source))
        return await _write(context, cart, order)


async def _write(context: Context, cart: Record, order: Record) -> bool:
    values: dict[str, Any] = {"state": "CHECKOUT", "order": order["_id"]}

    async def work(session: Session) -> None:
        await orders(context).insert_one(order, session=session)
        moved = await carts(context).update_one(
            {"_id": cart["_id"], "version": cart["version"]},
            {"$set": values, "$inc": {"version": 1}},
            session=session,
        )
        if not moved.modified_count:
            raise _MovedError
        await context.hooks.collect(checkout.order_begun, context, session, _begun(order))

    try:
        await context.storage.transaction(work)
    except (_MovedError, DuplicateKeyError, GoneError):
        # A twin; once in 29**8 the same code; or a discount that somebody else had just now.
        return False
    return True


def _begun(order: Record) -> OrderBegun:
    return OrderBegun(
        id=str(order["_id"]),
        cart=order["cart"],
        currency=order["currency"],
        country=order["country"],
        user=order["user"],
        guest=order["guest"],
        email_digest=order["email_digest"],
        discounts=_taken_off(order),
    )


def _taken_off(order: Record) -> Counter[str]:
    """What each source takes off an order, in minor units."""
    ways = [part["way"] for part in order["seller_orders"] if part["way"] is not None]
    found: Counter[str] = Counter()
    for cost in [*order["lines"], *ways]:
        for one in cost["adjustments"]:
            if one["kind"] in _DISCOUNTS:
                found[one["source"]] -= one["amount"]
    return found
