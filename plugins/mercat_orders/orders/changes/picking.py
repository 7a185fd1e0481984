"""Which units of an order's lines somebody means."""

from collections.abc import Callable, Sequence

from mercat.errors import InvalidError, NotFoundError
from mercat.storage import Record
from mercat_orders.errors import QuantityError
from mercat_orders.orders.changes.telling import Units

MOST_LINES = 500


def picked(
    lines: Sequence[Record], wanted: Sequence[Units], most: Callable[[Record], int]
) -> Sequence[Units]:
    """The units that are meant, each line once; of each there are at most as `most` says.

    Raises InvalidError for none, NotFoundError for a line that isn't one of these, QuantityError.
    """
    if not 0 < len(wanted) <= MOST_LINES:
        raise InvalidError(f"give 1 to {MOST_LINES} lines", field=("lines",))
    by_key = {line["id"]: line for line in lines}
    counts: dict[object, Units] = {}
    for one in wanted:
        line = by_key.get(one.line)
        if line is None:
            raise NotFoundError("there is no such line in it", field=(*one.field, "lineId"))
        before = counts[one.line].quantity if one.line in counts else 0
        found = Units(one.line, before + one.quantity, one.field)
        _check(line, one.quantity, found.quantity, most(line), one.field)
        counts[one.line] = found
    return list(counts.values())


def _check(line: Record, given: int, quantity: int, most: int, field: tuple[str, ...]) -> None:
    if given < 1:
        raise QuantityError("a quantity is 1 or more", field=(*field, "quantity"))
    if quantity > most:
        words = (
            f"there are {most} left of '{line['name']}' for that"
            if most
            else (f"there is nothing left of '{line['name']}' for that")
        )
        raise QuantityError(words, field=(*field, "quantity"))
