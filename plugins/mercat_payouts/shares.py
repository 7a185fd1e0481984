"""What of an order's money is whose: a function of the order as it is, with no memory.

The law: what all parts earn, with what the shop keeps of it, less what the shop gave away, is what
was paid for the order less what went back of it. Sums are integers of minor units.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from mercat.money import allocate, share_of
from mercat_orders.orders import money
from mercat_orders.orders.quantities import share, unsent, worth
from mercat_orders.orders.sums import lines_of
from mercat_orders.reports.costs import Cost, line_cost, way_cost
from mercat_orders.reports.refunds import paid_back

Order = Mapping[str, Any]
Part = Mapping[str, Any]

_DISCOUNTS = ("line_discount", "order_discount", "shipping_discount")


@dataclass(frozen=True, slots=True)
class Share:
    """Of what was paid for a part, `gross`, the shop keeps `commission`.

    `discount` is what the shop gave away of the prices at its own cost, which the seller gets too.
    """

    gross: int = 0
    discount: int = 0
    commission: int = 0

    @property
    def net(self) -> int:
        """What the seller gets."""
        return self.gross + self.discount - self.commission


@dataclass(frozen=True, slots=True)
class PartShares:
    """What a part earns, and how much of that once it is due: without what isn't sent yet."""

    earned: Share
    payable: Share


def shares_of(order: Order, ready: Mapping[Any, datetime]) -> Sequence[PartShares]:
    """The shares of an order's parts, in their order.

    Where less was paid than the parts come to, it is for those first that were ready first; `ready`
    has those, by the keys of the parts.
    """
    parts = order["seller_orders"]
    values = _values(order)
    kept = money.paid(order) - money.refunded(order)
    funds = _funded(max(0, kept), values, _ranked(parts, ready))
    return [
        _shares(order, part, value, fund)
        for part, value, fund in zip(parts, values, funds, strict=True)
    ]


def unshared(order: Order) -> int:
    """What was paid of an order, didn't go back, and is for none of its parts: paid too much."""
    earned = sum(one.earned.gross for one in shares_of(order, {}))
    return money.paid(order) - money.refunded(order) - earned


def _values(order: Order) -> Sequence[int]:
    """What each part comes to now: without what was cancelled, waived or went back."""
    totals = [part["sums"]["total"] for part in order["seller_orders"]]
    back = paid_back(order, totals)
    return [max(0, total - gone) for total, gone in zip(totals, back, strict=True)]


def _ranked(parts: Sequence[Part], ready: Mapping[Any, datetime]) -> Sequence[int]:
    """The places of the parts: those that were ready first, then the others as they are."""
    waiting = [at for at, part in enumerate(parts) if part["id"] not in ready]
    there = [at for at, part in enumerate(parts) if part["id"] in ready]
    return [*sorted(there, key=lambda at: ready[parts[at]["id"]]), *waiting]


def _funded(paid: int, values: Sequence[int], ranked: Iterable[int]) -> Sequence[int]:
    """How much of each value is paid for."""
    found = [0] * len(values)
    for at in ranked:
        found[at] = min(paid, values[at])
        paid -= found[at]
    return found


def _shares(order: Order, part: Part, value: int, fund: int) -> PartShares:
    lines = lines_of(dict(order), dict(part))
    payable = max(0, min(fund, value - sum(map(_unsent_worth, lines))))
    worths = _Worths.of(order, part, lines)
    earned = worths.share(fund)
    return PartShares(earned, earned if payable == fund else worths.share(payable))


def _unsent_worth(line: Order) -> int:
    count = unsent(line)
    return worth(line, count) if count > 0 else 0


@dataclass(frozen=True, slots=True)
class _Worths:
    """What of a part was neither cancelled nor came back: its value, commission and discounts."""

    value: int
    commission: int
    discount: int

    @staticmethod
    def of(order: Order, part: Part, lines: Sequence[Order]) -> "_Worths":
        included = order["tax_included"]
        costs = [line_cost(line, tax_included=included) for line in lines]
        way = way_cost(part, is_cancelled=not any(cost.units for cost in costs))
        commissions = allocate(part.get("commission") or 0, [line["subtotal"] for line in lines])
        discount = sum(
            _kept(_given_away(line), line, cost) for line, cost in zip(lines, costs, strict=True)
        )
        if way is not None:
            discount += _of_way(part, costs)
        return _Worths(
            sum(cost.ordered - cost.gone for cost in (*costs, *([way] if way else ()))),
            sum(
                _kept(amount, line, cost)
                for amount, line, cost in zip(commissions, lines, costs, strict=True)
            ),
            discount,
        )

    def share(self, fund: int) -> Share:
        """The share of who gets so much of what was paid: in proportion where that isn't all."""
        if fund >= self.value:
            return Share(fund, self.discount, self.commission)
        part = Fraction(fund, self.value)
        return Share(fund, share_of(self.discount, part), share_of(self.commission, part))


def _of_way(part: Part, costs: Sequence[Cost]) -> int:
    is_gone = part.get("shipping_back") or not any(cost.units for cost in costs)
    return 0 if is_gone else _given_away(part["way"])


def _kept(amount: int, line: Order, cost: Cost) -> int:
    """What of an amount is that of the units that neither were cancelled nor came back."""
    quantity: int = line["quantity"]
    return amount - share(amount, quantity, quantity - cost.kept)


def _given_away(cost: Order) -> int:
    """The discounts that are no loss of the seller's."""
    amounts: Iterable[int] = (
        one["amount"]
        for one in cost["adjustments"]
        if one["kind"] in _DISCOUNTS and one.get("borne_by") == "shop"
    )
    return -sum(amounts)
