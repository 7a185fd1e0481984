"""How many of a line are where, and what they cost. All of it is computed, nothing is stored."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from mercat_orders.orders.states import State

Line = Mapping[str, Any]
Part = Mapping[str, Any]

_OPEN_RETURNS = ("REQUESTED", "APPROVED")


def wanted(line: Line) -> int:
    """How many are still bought."""
    found: int = line["quantity"] - line["cancelled"]
    return found


def unsent(line: Line) -> int:
    """How many are still bought and in no parcel yet."""
    return wanted(line) - int(line["fulfilled"])


def sendable(line: Line) -> int:
    """How many can go into a parcel now: none of a line that waits for its payment."""
    return 0 if line.get("waits") else unsent(line)


def share(total: int, count: int, first: int) -> int:
    """What the first ones of `count` equal units cost that come to `total`, in minor units.

    By the largest remainder, as mercat.money.allocate shares by equal weights, but at once.
    """
    each, more = divmod(total, count)
    return each * first + min(more, first)


def worth(line: Line, count: int) -> int:
    """What the next units of a line cost that go, with their share of discounts and taxes.

    Those that were cancelled or came back went before, so that all of them cost what the line does.
    """
    gone = line["cancelled"] + line["returned"]
    total, quantity = line["total"], line["quantity"]
    return share(total, quantity, gone + count) - share(total, quantity, gone)


def returnable(line: Line, part: Part, since: datetime) -> int:
    """How many can be sent back: delivered since then, and not back or on their way already."""
    fresh = sum(
        _count(fulfilment["lines"], line)
        for fulfilment in part["fulfilments"]
        if fulfilment["state"] == "DELIVERED" and fulfilment["delivered_at"] >= since
    )
    asked = sum(
        _count(found["lines"], line)
        for found in part.get("returns", ())
        if found["state"] in _OPEN_RETURNS
    )
    there: int = line["delivered"] - line["returned"] - asked
    return min(there, fresh)


def _count(lines: Iterable[Mapping[str, Any]], line: Line) -> int:
    return sum(one["quantity"] for one in lines if one["line"] == line["id"])


def state_of(before: State, lines: Iterable[Line]) -> State:
    """What a seller order with these lines is, that was in that state before."""
    counted = list(lines)
    bought = sum(map(wanted, counted))
    if not bought:
        return "CANCELLED"
    if sum(line["delivered"] for line in counted) == bought:
        return "COMPLETED" if before == "COMPLETED" else "DELIVERED"
    fulfilled = sum(line["fulfilled"] for line in counted)
    if fulfilled:
        return "FULFILLED" if fulfilled == bought else "PARTIALLY_FULFILLED"
    return "PENDING" if before == "PENDING" else "CONFIRMED"
