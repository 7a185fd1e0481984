"""What an order's timeline says of a change of one of its parts, in plain values."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bson import ObjectId

from mercat.ids import encode_id
from mercat.money import format_minor
from mercat.storage import Record, Session
from mercat_orders.orders.changes.changing import Change, Happening


@dataclass(frozen=True, slots=True)
class Units:
    """So many of a line; `field` is where the input says so."""

    line: ObjectId
    quantity: int
    field: tuple[str, ...] = ()


def said(
    kind: str, part: Record | None, reason: str = "", *, is_internal: bool = False, **facts: Any
) -> Change:
    """An entry about a part, or the whole order, that comes with another change's values."""
    happening = Happening(
        kind,
        reason,
        part=part,
        is_internal=is_internal,
        facts={name: value for name, value in facts.items() if value not in (None, "")},
    )
    return Change(happening)


def together(
    told: Sequence[Change],
    values: Mapping[str, Any],
    also: Callable[[Session], Awaitable[None]] | None = None,
) -> Sequence[Change]:
    """Several entries with the values that they are about."""
    first, *others = told
    return [replace(first, values=values, also=also), *others]


def counted(units: Iterable[Units]) -> str:
    """Such as `T3JkZXJMaW5l...=2`, one a line."""
    return " ".join(f"{encode_id('OrderLine', one.line)}={one.quantity}" for one in units)


def money(amount: int, order: Record) -> str:
    """Such as `12.50 EUR`."""
    return f"{format_minor(amount, order['currency'])} {order['currency']}"
