"""What was paid for an order, what goes back, and what is still due. Sums are minor units.

An order has the payment that it was placed with, and further ones: for each thing that was put with
the cart to pay with first, and for each sum that was added to the order later. What is authorized
is taken as it is sent, and may be taken in parts; by hand, too.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mercat.checkout import Tender

Order = Mapping[str, Any]
Payment = Mapping[str, Any]
Refund = Mapping[str, Any]

PAID = "paid"
ENDED = "ended"
ENDING = "ENDING"
"""What is stored of a payment from when it is to be ended until its plugin says that it is."""
WANTED = "WANTED"
"""What is stored of a payment that the shop is about to begin on its own."""
BEGUN = "NONE"
"""What is stored of a payment that somebody begins, until its plugin has answered."""

SECURE = frozenset({PAID, "authorized", "on_delivery"})
"""How a payment stands that the goods may go for."""
UNDERWAY = frozenset({BEGUN, WANTED, "action", "unknown"})
"""How a payment stands of which nobody knows yet what becomes of it."""
_OPEN = frozenset({"on_delivery", "awaited"})
_OVER = frozenset({ENDED, ENDING, "declined"})


def payments(order: Order) -> Sequence[Any]:
    """The payment that it was placed with, then the further ones."""
    return [order["payment"], *(order.get("further_payments") or ())]


def payment_of(order: Order, key: str) -> Any:
    """The payment with a key; None for a stranger's."""
    return next((payment for payment in payments(order) if payment["key"] == key), None)


def next_key(order: Order) -> str:
    """The key of an order's next payment."""
    return _key(order, len(payments(order)) + 1)


def _key(order: Order, number: int) -> str:
    return f"{order['_id']}.{number}"


def new_payment(
    key: str, method: str | None, amount: int, return_url: str | None = None, *, state: str = BEGUN
) -> dict[str, Any]:
    """A payment of which nothing is begun yet."""
    return {
        "key": key,
        "method": method,
        "amount": amount,
        "state": state,
        "is_ending": False,
        "is_by_hand": False,
        "captured": None,
        "disputed": 0,
        "asked": None,
        "return_url": return_url,
    }


def tendered(order: Order, tenders: Sequence[Tender]) -> Iterator[dict[str, Any]]:
    """The payments of an order by what was put with its cart."""
    for number, tender in enumerate(tenders, 2):
        yield new_payment(_key(order, number), tender.method, tender.amount)


def current(order: Order) -> Any:
    """The payment that says how the order is paid: the first that isn't over, or else the first."""
    return next((one for one in payments(order) if not is_over(one)), order["payment"])


def taken(payment: Payment) -> int:
    """What was taken of a payment, whatever went back; nothing once it ends, as all goes back."""
    if is_over(payment):
        return 0
    found = payment.get("captured")
    if found is None:
        return int(payment["amount"]) if payment["state"] == PAID else 0
    return int(found)


def worth(payment: Payment) -> int:
    """What a payment covers: all of it, or what was taken where nothing more will be."""
    return taken(payment) if payment["state"] == PAID else int(payment["amount"])


def is_open_by_hand(payment: Payment) -> bool:
    """Whether somebody makes it by hand, whatever is due by then, and nothing came in yet."""
    is_open = payment["state"] in _OPEN and not is_over(payment)
    return is_open and bool(payment.get("is_by_hand")) and not taken(payment)


def is_over(payment: Payment) -> bool:
    """Whether nothing is taken any more, whatever the payment's plugin says of it yet."""
    return payment["state"] in _OVER or bool(payment.get("is_ending"))


def paid(order: Order) -> int:
    """What was taken."""
    return sum(map(taken, payments(order)))


def owed(order: Order) -> int:
    """What is to be paid in all, paid or not: without what was cancelled or waived before."""
    total: int = order["sums"]["total"]
    return total - int(order.get("waived") or 0)


def due(order: Order) -> int:
    """What is still to be paid: nothing once it is paid, even if some went back."""
    return max(0, owed(order) - paid(order))


def uncovered(order: Order) -> int:
    """What of that no payment is there for; below zero where there are payments for more."""
    return owed(order) - sum(worth(one) for one in payments(order) if not is_over(one))


def is_secure(order: Order) -> bool:
    """Whether all that is owed is paid, or promised in a way that the goods may go for."""
    return sum(map(_secured, payments(order))) >= owed(order)


def _secured(payment: Payment) -> int:
    if payment["state"] in SECURE and not is_over(payment):
        return worth(payment)
    return taken(payment)


def refunded(order: Order, part: Mapping[str, Any] | None = None) -> int:
    """What went back of an order or of a part, or is about to; what failed doesn't count."""
    return sum(
        refund["amount"]
        for refund in _refunds(order)
        if part is None or refund["part"] == part["id"]
    )


def left(order: Order, part: Mapping[str, Any] | None = None) -> int:
    """How much can still go back, or needn't be paid: of the order, or of a part within that."""
    found = owed(order) - refunded(order)
    if part is None:
        return found
    own: int = part["sums"]["total"] - part.get("waived", 0) - refunded(order, part)
    return min(found, own)


def sources(order: Order, amount: int) -> Iterator[tuple[str, int]]:
    """From which payments so much goes back, the first one first: their keys, how much of each."""
    for payment in payments(order):
        gone = sum(one["amount"] for one in refunds_of(order, payment["key"]))
        share = min(amount, taken(payment) - gone)
        if share > 0:
            yield payment["key"], share
            amount -= share


def refunds_of(order: Order, key: str) -> Iterator[Refund]:
    """What goes back of a payment; what failed doesn't count."""
    return (one for one in _refunds(order) if one["payment"] == key)


def _refunds(order: Order) -> Iterator[Refund]:
    return (one for one in order.get("refunds") or () if one["state"] != "FAILED")
