"""What was bought came to, as it is stored."""

from collections.abc import Iterable

from mercat.storage import Record
from mercat_orders.pricing.schema import Totals, to_totals
from mercat_orders.pricing.values import Adjustment
from mercat_orders.pricing.values import Totals as Values


def order_totals(record: Record) -> Totals:
    """The sums of an order."""
    costs = (*record["lines"], *(part["way"] for part in record["seller_orders"]))
    return _shown(record["sums"], costs, record["currency"])


def part_totals(record: Record, part: Record) -> Totals:
    """The sums of one seller's part of an order."""
    return _shown(part["sums"], (*lines_of(record, part), part["way"]), record["currency"])


def line_totals(line: Record, currency: str) -> Totals:
    """The sums of one line, without delivery."""
    sums = {
        "subtotal": line["subtotal"],
        "discounts": line["discount"],
        "shipping": 0,
        "tax": line["tax"],
        "total": line["total"],
    }
    return _shown(sums, (line,), currency)


def lines_of(record: Record, part: Record) -> list[Record]:
    """The lines that are one seller's."""
    return [line for line in record["lines"] if line["seller"] == part["seller"]]


def _shown(sums: Record, costs: Iterable[Record | None], currency: str) -> Totals:
    why = (one for cost in costs if cost is not None for one in cost["adjustments"])
    adjustments = tuple(Adjustment(**one) for one in why)
    return to_totals(Values(**sums, adjustments=adjustments), currency)
