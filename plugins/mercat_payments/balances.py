"""What the events of a payment come to, in whatever order they came. Nothing here asks anybody."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from mercat.payments import EventKind


class Entry(NamedTuple):
    """As much of an event as counts."""

    kind: EventKind
    ref: str
    amount: int


@dataclass(frozen=True, slots=True)
class Balances:
    """Minor units: `authorized` and not captured yet, `captured`, and of that `refunded`.

    `released` was authorized, and is not any more. `disputed` is what the buyer's bank took back,
    or may.
    """

    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    released: int = 0
    disputed: int = 0
    is_failed: bool = False


def fold(entries: Iterable[Entry]) -> Balances:
    """The balances after these events.

    What is told twice about one thing counts once; what failed in the end never counted, whichever
    was heard of first.
    """
    found: defaultdict[EventKind, dict[str, int]] = defaultdict(dict)
    for kind, ref, amount in entries:
        found[kind][ref] = max(amount, found[kind].get(ref, 0))
    captured = _sum(found["captured"], found["capture_failed"])
    refunded = _sum(found["refunded"], found["refund_failed"], found["refund_reversed"])
    released = _sum(found["voided"]) + _sum(found["authorization_expired"])
    held = max(0, _sum(found["authorized"]) - released - captured)
    disputes = _united(found["dispute_opened"], found["dispute_lost"])
    disputed = _sum(disputes, found["dispute_won"])
    return Balances(held, captured, refunded, released, disputed, bool(found["failed"]))


def _united(one: Mapping[str, int], other: Mapping[str, int]) -> Mapping[str, int]:
    return {ref: max(one.get(ref, 0), other.get(ref, 0)) for ref in {*one, *other}}


def _sum(amounts: Mapping[str, int], *failed: Mapping[str, int]) -> int:
    gone = {ref for each in failed for ref in each}
    return sum(amount for ref, amount in amounts.items() if ref not in gone)
