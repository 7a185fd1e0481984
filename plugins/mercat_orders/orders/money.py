"""What was paid for an order, what goes back, and what is still due. Sums are minor units."""

from collections.abc import Mapping
from typing import Any

Order = Mapping[str, Any]

PAID = "paid"
ENDED = "ended"
ENDING = "ENDING"
"""What is stored of a payment from when it is to be ended until its plugin says that it is."""


def is_paid(order: Order) -> bool:
    """Whether the money was taken: what is only reserved, or due on delivery, is not."""
    return bool(order["payment"]["state"] == PAID)


def is_ended(order: Order) -> bool:
    """Whether nothing is to be paid any more, whatever the payment's plugin says of it yet."""
    payment = order["payment"]
    return payment["state"] in {ENDING, ENDED} or bool(payment.get("is_ending"))


def paid(order: Order) -> int:
    """What was taken: all that was ordered, or nothing yet."""
    total: int = order["sums"]["total"]
    return total if is_paid(order) else 0


def refunded(order: Order, part: Mapping[str, Any] | None = None) -> int:
    """What went back of an order or of a part, or is about to; what failed doesn't count."""
    return sum(
        refund["amount"]
        for refund in order.get("refunds") or ()
        if refund["state"] != "FAILED" and (part is None or refund["part"] == part["id"])
    )


def due(order: Order) -> int:
    """What is still to be paid: nothing once it is paid, even if some went back."""
    if is_paid(order) or is_ended(order):
        return 0
    total: int = order["sums"]["total"]
    return total - int(order.get("waived", 0))


def left(order: Order, part: Mapping[str, Any] | None = None) -> int:
    """How much can still go back, or needn't be paid: of the order, or of a part within that."""
    found: int = order["sums"]["total"] - order.get("waived", 0) - refunded(order)
    if part is None:
        return found
    own: int = part["sums"]["total"] - part.get("waived", 0) - refunded(order, part)
    return min(found, own)
