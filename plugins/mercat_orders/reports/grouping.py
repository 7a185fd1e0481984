"""In which rows of a report a piece of an order counts."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

from mercat_orders.reports.periods import Calendar, Period, Unit
from mercat_orders.reports.pieces import Piece

GroupBy = Literal["DAY", "WEEK", "MONTH", "PRODUCT", "VARIANT", "SELLER", "CATEGORY", "COUNTRY"]
GROUPS: Sequence[GroupBy] = get_args(GroupBy)
UNITS: Mapping[GroupBy, Unit] = {"DAY": "DAY", "WEEK": "WEEK", "MONTH": "MONTH"}
"""Those that cut the period; they have rows without sales, too."""

NONE = ""
"""The key of what has none: the shop's own part, or a product in no category."""

Order = Mapping[str, Any]
Keys = Callable[[Order, Piece], Sequence[str]]

_FIELDS: Mapping[GroupBy, Sequence[str]] = {
    "PRODUCT": ("lines.product", "lines.name"),
    "VARIANT": ("lines.variant", "lines.name", "lines.sku"),
    "CATEGORY": ("lines.groups",),
    "COUNTRY": ("country",),
}


def fields_for(by: GroupBy) -> Sequence[str]:
    """What has to be read of orders beside their sums."""
    return _FIELDS.get(by, ())


def keys_for(by: GroupBy, calendar: Calendar | None) -> Keys:
    """The keys of the rows in which a piece counts: none for the delivery of products."""
    if calendar is not None:
        return lambda order, _piece: (calendar.key_at(order["placed_at"]),)
    if by == "SELLER":
        return lambda _order, piece: (piece.seller or NONE,)
    if by == "COUNTRY":
        return lambda order, _piece: (order["country"],)
    return _keys_of_lines(by)


def calendar_for(by: GroupBy, period: Period) -> Calendar | None:
    """The calendar of what cuts the period."""
    unit = UNITS.get(by)
    return None if unit is None else Calendar(period, unit)


def _keys_of_lines(by: GroupBy) -> Keys:
    name = by.lower()

    def of_line(_order: Order, piece: Piece) -> Sequence[str]:
        return () if piece.line is None else (str(piece.line[name]),)

    def groups(_order: Order, piece: Piece) -> Sequence[str]:
        return () if piece.line is None else piece.line.get("groups") or (NONE,)

    return groups if by == "CATEGORY" else of_line
