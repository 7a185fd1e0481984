"""What went back of an order, shared over what it was paid for, to the last cent."""

from collections.abc import Mapping, Sequence
from typing import Any

from mercat.money import allocate
from mercat_orders.orders.money import refunded
from mercat_orders.reports.costs import Cost

Order = Mapping[str, Any]


def paid_back(order: Order, totals: Sequence[int]) -> Sequence[int]:
    """What went back of each part of an order, or needn't be paid; `totals` are the parts'.

    What went back of the order as a whole is shared by what is left of its parts.
    """
    waived = order.get("waived") or 0
    if not order.get("refunds") and not waived:
        return [0] * len(totals)
    parts = order["seller_orders"]
    own = [refunded(order, part) + (part.get("waived") or 0) for part in parts]
    common = max(0, refunded(order) + waived - sum(own))
    left = [max(0, total - back) for total, back in zip(totals, own, strict=True)]
    shares = allocate(min(common, sum(left)), left)
    return [back + more for back, more in zip(own, shares, strict=True)]


def refunds_of(amount: int, costs: Sequence[Cost]) -> Sequence[int]:
    """What went back of each line and of the delivery, beyond what was cancelled.

    First it is for what was cancelled, then for what came back, then for all the rest.
    """
    found = [0] * len(costs)
    if not amount:
        return found
    amount -= min(amount, sum(cost.cancelled for cost in costs))
    for weights in (
        [cost.gone - cost.cancelled for cost in costs],
        [cost.ordered - cost.gone for cost in costs],
    ):
        shares = allocate(min(amount, sum(weights)), weights)
        found = [back + more for back, more in zip(found, shares, strict=True)]
        amount -= sum(shares)
    return found
