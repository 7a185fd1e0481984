"""How a checkout is paid."""

from collections.abc import Mapping, Sequence
from typing import Any

from mercat import checkout
from mercat.checkout import Cart, PaymentMethod
from mercat.context import Context
from mercat.storage import Record
from mercat_orders.carts.editing import change
from mercat_orders.carts.reading import look_at
from mercat_orders.carts.shelves import Shelf
from mercat_orders.checkout.errors import PaymentMethodError

TAKEN = {
    "paid": "CONFIRMED",
    "authorized": "CONFIRMED",
    "on_delivery": "CONFIRMED",
    "awaited": "PENDING",
}
"""What an order is when its payment stands like that; with others it is none."""


async def methods(context: Context, cart: Cart, total: int) -> list[PaymentMethod]:
    """The ways in which it can be paid, in the plugins' order; none for nothing to pay."""
    if not total:
        return []
    said = await context.hooks.collect(checkout.payment_methods, context, cart, total)
    return [method for answer in said for method in answer]


async def method_of(context: Context, cart: Cart, total: int, wanted: str | None) -> str | None:
    """The id of the method to pay by: the only one where none is wanted, None for nothing to pay.

    Raises PaymentMethodError.
    """
    if not total:
        return None
    found = [method.id for method in await methods(context, cart, total)]
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
        return {"payment_method": await method_of(context, view.quote.cart, view.due, wanted)}

    return await change(context, key, edit)


def _refusal(found: Sequence[str], wanted: str | None) -> str:
    if not found:
        return "there is no way to pay for this"
    if wanted is None:
        return f"choose how it is paid: {', '.join(found)}"
    return f"it can't be paid by '{wanted[:50]}', but by {', '.join(found)}"
