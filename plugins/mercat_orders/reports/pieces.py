"""A stored order in pieces: its lines, and the delivery of each seller's part, with their figures.

Whatever a report is grouped by, it adds up these, so that all groupings come to the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from mercat.money import allocate, share_of
from mercat_orders.orders.quantities import share
from mercat_orders.reports.costs import Cost, line_cost, way_cost
from mercat_orders.reports.figures import Figures
from mercat_orders.reports.refunds import paid_back, refunds_of

Order = Mapping[str, Any]


class Piece(NamedTuple):
    """A line of an order, or with None the delivery of a part.

    `units` are those that are still bought, `is_pending` says that the part isn't confirmed yet.
    """

    seller: str | None
    line: Mapping[str, Any] | None
    figures: Figures
    units: int = 0
    is_pending: bool = False


def pieces_of(order: Order, seller: str | None = None) -> Iterator[Piece]:
    """The pieces of an order, or of one seller's part of it."""
    parts = [(part, *_costs(order, part)) for part in order["seller_orders"]]
    back = paid_back(order, [sum(cost.ordered for cost in costs) for _, _, costs in parts])
    for (part, lines, costs), amount in zip(parts, back, strict=True):
        if seller is None or part["seller"] == seller:
            yield from _pieces(part, lines, costs, amount)


def _costs(order: Order, part: Order) -> tuple[Sequence[Order], Sequence[Cost]]:
    included, seller = order["tax_included"], part["seller"]
    lines = [line for line in order["lines"] if line["seller"] == seller]
    costs = [line_cost(line, tax_included=included) for line in lines]
    way = way_cost(part, is_cancelled=not any(cost.units for cost in costs))
    return lines, costs if way is None else [*costs, way]


def _pieces(
    part: Order, lines: Sequence[Order], costs: Sequence[Cost], amount: int
) -> Iterator[Piece]:
    seller, is_pending = part["seller"], part["state"] == "PENDING"
    refunds = refunds_of(amount, costs)
    commissions = _commissions(part, lines, costs)
    for index, (cost, refund) in enumerate(zip(costs, refunds, strict=True)):
        if is_pending:
            figures = Figures(pending=cost.total - refund, cancelled=cost.cancelled)
        else:
            figures = _figures(cost, refund, commissions[index] if commissions else 0)
        line = lines[index] if index < len(lines) else None
        yield Piece(seller, line, figures, cost.units, is_pending)


def _figures(cost: Cost, refund: int, commission: int) -> Figures:
    total = cost.total
    net_sales = 0
    if cost.units:
        net_sales = total - cost.tax
        if refund:
            net_sales -= refund - share_of(refund, Fraction(cost.tax, total))
    return Figures(
        units=cost.units,
        returned=cost.returned,
        gross=cost.gross,
        discounts=cost.discounts,
        shipping=cost.shipping,
        tax=cost.tax,
        total=total,
        refunded=refund,
        net_sales=net_sales,
        commission=commission,
        cancelled=cost.cancelled,
    )


def _commissions(part: Order, lines: Sequence[Order], costs: Sequence[Cost]) -> Sequence[int]:
    """What the shop keeps of each line: nothing of units that were cancelled or came back."""
    agreed = part.get("commission") or 0
    if not agreed or not lines:
        return []
    shares = allocate(agreed, [line["subtotal"] for line in lines])
    kept = []
    for amount, line, cost in zip(shares, lines, costs, strict=False):
        gone = line["quantity"] - cost.kept
        kept.append(amount - share(amount, line["quantity"], gone) if gone else amount)
    return [*kept, 0]
