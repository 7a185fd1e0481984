from collections.abc import Sequence

from mercat import hookimpl
from mercat.checkout import (
    Cart,
    PaymentMethod,
    PaymentState,
    PaymentStatus,
    PaymentWanted,
    RefundStatus,
    RefundWanted,
    Tender,
)
from mercat.errors import InvalidError

from .books import BOOKS, Payment, charges

STATES: tuple[PaymentState, ...] = (
    *("paid", "authorized", "on_delivery", "awaited", "action", "declined", "unknown"),
)
BY_HAND = ("till:on_delivery", "till:awaited")


@hookimpl
async def payment_methods() -> Sequence[PaymentMethod]:
    return [PaymentMethod(f"till:{state}", state.title()) for state in STATES]


@hookimpl
async def cart_tenders(cart: Cart) -> Sequence[Tender]:
    """What tests put with a cart: how it is answered, and how much there is."""
    return [Tender(*one) for one in cart.plugin_data.get("till") or ()]


@hookimpl
async def payment_start(wanted: PaymentWanted) -> PaymentStatus | None:
    state = next((state for state in STATES if wanted.method == f"till:{state}"), None)
    if state is None:
        return None
    payment = BOOKS.get(wanted.key)
    if payment is None:
        payment = Payment(wanted, state, charged=charges(state, wanted.amount))
        BOOKS[wanted.key] = payment
    else:
        payment.started += 1
        assert payment.wanted.amount == wanted.amount, "another amount under the same key"
    return _status(payment)


@hookimpl
async def payment_status(key: str) -> PaymentStatus | None:
    payment = BOOKS.get(key)
    return None if payment is None else _status(payment)


@hookimpl
async def payment_end(key: str) -> PaymentStatus | None:
    payment = BOOKS.get(key)
    if payment is None:
        return None
    payment.ended += 1
    payment.refunded["end"] = payment.charged
    payment.state = "ended"
    return _status(payment)


@hookimpl
async def payment_refund(wanted: RefundWanted) -> RefundStatus | None:
    payment = BOOKS.get(wanted.payment)
    if payment is None:
        return None
    before = sum(amount for key, amount in payment.refunded.items() if key != wanted.key)
    if before + wanted.amount > payment.charged:
        raise InvalidError("more than was paid")
    payment.refunded[wanted.key] = wanted.amount
    return RefundStatus("done")


def _status(payment: Payment) -> PaymentStatus:
    url = "https://till.example/3ds" if payment.state == "action" else None
    return PaymentStatus(
        payment.state,
        f"the till says {payment.state}",
        url=url,
        is_by_hand=payment.wanted.method in BY_HAND,
    )
