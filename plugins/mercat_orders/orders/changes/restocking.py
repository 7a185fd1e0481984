"""Units of orders that go back into stock, in the transaction that says so."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from bson import ObjectId

from mercat.context import Context
from mercat.storage import Record, Session
from mercat_orders.orders.changes.telling import Units
from mercat_products.stock.reservations import Line, restock


def restocking(
    context: Context, key: str, order: Record, units: Sequence[Units]
) -> Callable[[Session], Awaitable[None]] | None:
    """What puts these units back, once for each key; None where there are none."""
    counts = _by_variant(order, units)
    if not counts:
        return None
    lines = [Line(variant, count) for variant, count in counts.items()]

    async def work(session: Session) -> None:
        await restock(context, key, lines, session)

    return work


def _by_variant(order: Record, units: Sequence[Units]) -> Mapping[ObjectId, int]:
    variants = {line["id"]: line["variant"] for line in order["lines"]}
    counts: dict[ObjectId, int] = {}
    for one in units:
        if one.quantity:
            variant = variants[one.line]
            counts[variant] = counts.get(variant, 0) + one.quantity
    return counts


def variants_of(order: Record) -> frozenset[ObjectId]:
    return frozenset(line["variant"] for line in order["lines"])
