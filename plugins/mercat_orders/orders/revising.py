"""An order as it is about to be: what is decided of it, before it is written in one update."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId

from mercat.storage import Record, stored_now
from mercat_orders.orders import quantities
from mercat_orders.orders.documents import RefundCause
from mercat_orders.orders.money import ENDING, is_ended, is_paid, left
from mercat_orders.orders.states import state_of_order

SOON = timedelta(seconds=30)
"""After how long a job asks again for a refund, or a payment's end, that nobody answered."""
LATER = timedelta(minutes=10)
"""After how long it asks where a refund stands that takes its time."""

_FIELDS = ("lines", "seller_orders", "refunds", "waived", "payment")


class Revision:
    """A copy of an order that can be changed; `values` is what is to be written of it then."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.now = stored_now()
        found: Record = deepcopy({name: record.get(name) for name in _FIELDS})
        self.lines: list[Record] = found["lines"]
        self.parts: list[Record] = found["seller_orders"]
        self.refunds: list[Record] = found["refunds"] or []
        self.waived: int = found["waived"] or 0
        self.payment: Record = found["payment"]

    def part(self, key: ObjectId) -> Record:
        return next(part for part in self.parts if part["id"] == key)

    def line(self, key: ObjectId) -> Record:
        return next(line for line in self.lines if line["id"] == key)

    def lines_of(self, part: Record) -> Sequence[Record]:
        return [line for line in self.lines if line["seller"] == part["seller"]]

    def is_cancelled(self, part: Record) -> bool:
        """Whether nothing of a part is bought any more."""
        return not any(map(quantities.wanted, self.lines_of(part)))

    def left(self, part: Record | None) -> int:
        """How much can still go back of a part, or of the order as a whole."""
        return left(self._as_it_is(), part)

    def give_back(
        self, part: Record | None, amount: int, cause: RefundCause, reason: str = ""
    ) -> Record | None:
        """Pay so much back, or have it not paid at all where nothing was paid yet.

        Returns the refund, if it is one; the caller sees to it that so much is left.
        """
        if not amount:
            return None
        if not is_paid(self.record):
            self.waived += amount
            if part is not None:
                part["waived"] = part.get("waived", 0) + amount
            return None
        refund = {
            "id": ObjectId(),
            "part": None if part is None else part["id"],
            "state": "WANTED",
            "cause": cause,
            "amount": amount,
            "shipping": False,
            "reason": reason,
            "message": "",
            "created_at": self.now,
            "updated_at": self.now,
        }
        self.refunds.append(refund)
        return refund

    def values(self) -> dict[str, Any]:
        """The fields that changed, with the states that follow."""
        for part in self.parts:
            self._advance(part)
        self._end_payment()
        found = {
            **self._as_it_is(),
            "state": state_of_order(part["state"] for part in self.parts),
            "delivered_at": min(self._delivered(), default=None),
            "settle_at": self._settle_at(),
        }
        return {name: value for name, value in found.items() if value != self.record.get(name)}

    def _as_it_is(self) -> Record:
        return {
            "sums": self.record["sums"],
            "lines": self.lines,
            "seller_orders": self.parts,
            "refunds": self.refunds,
            "waived": self.waived,
            "payment": self.payment,
        }

    def _advance(self, part: Record) -> None:
        before = part["state"]
        part["state"] = quantities.state_of(before, self.lines_of(part))
        if part["state"] == "DELIVERED" and before != "DELIVERED":
            part["delivered_at"] = self.now

    def _delivered(self) -> Iterator[datetime]:
        for part in self.parts:
            if part["state"] == "DELIVERED" and part.get("delivered_at") is not None:
                yield part["delivered_at"]

    def _end_payment(self) -> None:
        """Have no payment taken any more of which nothing was taken and nothing is wanted."""
        if self.payment["method"] is None or is_paid(self.record) or is_ended(self.record):
            return
        if all(map(self.is_cancelled, self.parts)):
            self.payment |= {"state": ENDING, "is_ending": True}

    def _settle_at(self) -> datetime | None:
        states = {refund["state"] for refund in self.refunds}
        if "WANTED" in states or self.payment.get("is_ending"):
            return self.now + SOON
        return self.now + LATER if "PENDING" in states else None
