"""What was taken off a cart or an order, by rule: of the reasons for its sums."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mercat.context import Context
from mercat.storage import Record
from mercat_coupons.carts.opened import stored_coupons
from mercat_coupons.uses.sources import Source, source_of
from mercat_orders.pricing.values import Adjustment, Quote

_KINDS = frozenset({"line_discount", "order_discount", "shipping_discount"})


@dataclass(slots=True)
class Applied:
    """What one source took off: of lines, by their keys, and of delivery."""

    label: str
    source: str
    borne_by: str
    lines: dict[str, int] = field(default_factory=dict)
    shipping: int = 0

    @property
    def amount(self) -> int:
        return sum(self.lines.values()) + self.shipping

    @property
    def known(self) -> Source | None:
        """Which promotion and which coupon it is by; None for another plugin's."""
        return source_of(self.source)


def of_quote(quote: Quote) -> list[Applied]:
    """What is taken off a cart."""
    return _applied(quote.totals.adjustments)


def of_order(record: Record) -> list[Applied]:
    """What was taken off an order when it was placed."""
    ways = [part["way"] for part in record["seller_orders"] if part["way"] is not None]
    costs: Sequence[Any] = [*record["lines"], *ways]
    return _applied(Adjustment(**one) for cost in costs for one in cost["adjustments"])


async def codes_of(context: Context, found: Iterable[Applied]) -> dict[str, str]:
    """The codes that opened them, by the keys of their coupons."""
    keys = [one.known.coupon for one in found if one.known is not None and one.known.coupon]
    coupons = await stored_coupons(context, list(dict.fromkeys(keys)))
    return {str(one["_id"]): one["code"] for one in coupons}


def _applied(reasons: Iterable[Adjustment]) -> list[Applied]:
    found: dict[str, Applied] = {}
    for one in reasons:
        if one.kind not in _KINDS:
            continue
        borne_by = one.borne_by or "shop"
        mine = found.setdefault(one.source, Applied(one.label, one.source, borne_by))
        if one.line is None:
            mine.shipping -= one.amount
        else:
            mine.lines[one.line] = mine.lines.get(one.line, 0) - one.amount
    return list(found.values())
