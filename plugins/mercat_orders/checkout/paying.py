"""The payment of a checkout, as the plugins that take money see it."""

from collections.abc import Mapping, Sequence
from typing import Any

from mercat import checkout
from mercat.checkout import PaymentMethod, PaymentStatus, PaymentWanted
from mercat.context import Context
from mercat.storage import Record
from mercat_orders.carts.editing import change
from mercat_orders.carts.reading import look_at
from mercat_orders.carts.shelves import Shelf
from mercat_orders.checkout.errors import PaymentMethodError
from mercat_orders.pricing.values import Quote

PAID = PaymentStatus("paid")
TAKEN = {
    "paid": "CONFIRMED",
    "authorized": "CONFIRMED",
    "on_delivery": "CONFIRMED",
    "awaited": "PENDING",
}
"""What an order is when its payment stands like that; with others it is none."""


async def methods(context: Context, quote: Quote) -> list[PaymentMethod]:
    """The ways in which it can be paid, in the plugins' order; none for nothing to pay."""
    total = quote.totals.total
    if not total:
        return []
    said = await context.hooks.collect(checkout.payment_methods, context, quote.cart, total)
    return [method for answer in said for method in answer]


async def method_of(context: Context, quote: Quote, wanted: str | None) -> str | None:
    """The id of the method to pay by: the only one where none is wanted, None for nothing to pay.

    Raises PaymentMethodError.
    """
    if not quote.totals.total:
        return None
    found = [method.id for method in await methods(context, quote)]
    if wanted is None and len(found) == 1:
        return found[0]
    if wanted in found:
        return wanted
    raise PaymentMethodError(_refusal(found, wanted), field=("paymentMethodId",))


async def select_method(
    context: Context, key: str, wanted: str, shelf: Shelf | None = None
) -> Record:
    """Choose how a cart is paid. Raises PaymentMethodError, and as the cart's other changes do."""

    async def edit(record: Record) -> Mapping[str, Any]:
        view = await look_at(context, record, shelf)
        return {"payment_method": await method_of(context, view.quote, wanted)}

    return await change(context, key, edit)


def _refusal(found: Sequence[str], wanted: str | None) -> str:
    if not found:
        return "there is no way to pay for this"
    if wanted is None:
        return f"choose how it is paid: {', '.join(found)}"
    return f"it can't be paid by '{wanted[:50]}', but by {', '.join(found)}"


async def start(context: Context, order: Record, data: Mapping[str, str]) -> PaymentStatus:
    """Have an order paid, or learn where its payment stands."""
    total, method = order["sums"]["total"], order["payment"]["method"]
    if not total:
        return PAID
    wanted = PaymentWanted(
        key=str(order["_id"]),
        method=method,
        amount=total,
        currency=order["currency"],
        order_number=order["code"],
        return_url=order["payment"]["return_url"],
        data=data,
    )
    status = await context.hooks.first(checkout.payment_start, context, wanted)
    return status or PaymentStatus("declined", "this way to pay is not there any more")


async def standing(context: Context, order: Record) -> PaymentStatus | None:
    """Where an order's payment stands; None where none was begun."""
    if not order["sums"]["total"]:
        return PAID
    return await context.hooks.first(checkout.payment_status, context, str(order["_id"]))
