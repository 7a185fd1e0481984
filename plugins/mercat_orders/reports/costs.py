"""What a line, or the delivery of a part, still comes to: without the units that were cancelled."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from mercat_orders.orders.quantities import share


class Cost(NamedTuple):
    """What is bought; sums are minor units. A delivery has no units.

    `ordered` is the total as it was ordered, `cancelled` what of that was cancelled, and `gone`
    what of it was cancelled or came back. `kept` counts the units that didn't.
    """

    units: int
    returned: int
    gross: int
    discounts: int
    shipping: int
    tax: int
    ordered: int
    cancelled: int
    gone: int
    kept: int

    @property
    def total(self) -> int:
        return self.ordered - self.cancelled


def line_cost(line: Mapping[str, Any], *, tax_included: bool) -> Cost:
    """What is left of a line; of a line's units those that were cancelled went first."""
    quantity, cancelled, returned = line["quantity"], line["cancelled"], line["returned"]
    ordered, gross, tax, lost, gone = line["total"], line["subtotal"], line["tax"], 0, 0
    if cancelled or returned:
        lost = share(ordered, quantity, cancelled)
        gone = share(ordered, quantity, cancelled + returned)
        gross -= share(gross, quantity, cancelled)
        tax -= share(tax, quantity, cancelled)
    on_top = 0 if tax_included else tax
    return Cost(
        units=quantity - cancelled,
        returned=returned,
        gross=gross,
        discounts=gross + on_top - (ordered - lost),
        shipping=0,
        tax=tax,
        ordered=ordered,
        cancelled=lost,
        gone=gone,
        kept=quantity - cancelled - returned,
    )


def way_cost(part: Mapping[str, Any], *, is_cancelled: bool) -> Cost | None:
    """What is left of a part's delivery: nothing where nothing of the part is bought any more."""
    way = part.get("way")
    if way is None:
        return None
    total = way["total"]
    if is_cancelled:
        return Cost(0, 0, 0, 0, 0, 0, total, total, total, 0)
    gone = total if part.get("shipping_back") else 0
    return Cost(0, 0, 0, way["discount"], way["subtotal"], way["tax"], total, 0, gone, 0)
