"""An order as it is about to be: what is decided of it, before it is written in one update."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId

from mercat.storage import Record, stored_now
from mercat_orders.orders import captures, money, quantities
from mercat_orders.orders.documents import RefundCause
from mercat_orders.orders.states import state_of_order

SOON = timedelta(seconds=30)
"""After how long a job asks again for a payment, a refund or an end that nobody answered."""
LATER = timedelta(minutes=10)
"""After how long it asks where a refund stands that takes its time."""

_EMPTY: Record = {"refunds": [], "waived": 0, "further_payments": []}
_FIELDS = ("lines", "seller_orders", "sums", "payment", *_EMPTY)
_SUMS = {"subtotal": "subtotal", "discounts": "discount", "tax": "tax", "total": "total"}


class Revision:
    """A copy of an order that can be changed; `values` is what is to be written of it then."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.now = stored_now()
        self.order: Record = {**_EMPTY, **record}
        self.order |= deepcopy({name: self.order[name] for name in _FIELDS})
        self.lines: list[Record] = self.order["lines"]
        self.parts: list[Record] = self.order["seller_orders"]
        self.refunds: list[Record] = self.order["refunds"]

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
        return money.left(self.order, part)

    def confirm(self) -> None:
        """Have everything sent that only waited for being paid."""
        for part in self.parts:
            if part["state"] == "PENDING":
                part["state"] = "CONFIRMED"

    def add(self, part: Record, line: Record, commission: int) -> None:
        """Put a line into a part; what it costs is due from then on."""
        self.lines.append(line)
        part["commission"] = part.get("commission", 0) + commission
        for sums in (part["sums"], self.order["sums"]):
            for name, of_line in _SUMS.items():
                sums[name] += line[of_line]

    def want(self, method: str, amount: int) -> None:
        """Have the shop begin a further payment on its own."""
        key = money.next_key(self.order)
        payment = money.new_payment(key, method, amount, state=money.WANTED)
        self.order["further_payments"].append(payment)

    def give_back(
        self, part: Record | None, amount: int, cause: RefundCause, reason: str = ""
    ) -> Sequence[Record]:
        """Have so much less paid as far as that is still to be paid, and pay back the rest.

        Returns the refunds, one for each payment that they are taken from; the caller sees to it
        that so much is left.
        """
        spared = min(amount, max(0, money.owed(self.order) - money.paid(self.order)))
        self.order["waived"] += spared
        if part is not None:
            part["waived"] = part.get("waived", 0) + spared
        refunds = [
            self._refund(part, key, taken, cause, reason)
            for key, taken in money.sources(self.order, amount - spared)
        ]
        self.refunds.extend(refunds)
        return refunds

    def note_refund(self, payment: str, amount: int) -> None:
        """Write down what went back already, and nobody of the shop asked for."""
        refund = self._refund(None, payment, amount, "PROVIDER", "")
        self.refunds.append({**refund, "state": "DONE"})

    def pay_back(self, amount: int) -> None:
        """Give back what wasn't to be paid any more, and was paid all the same."""
        self.order["waived"] -= amount
        for part in self.parts:
            taken = min(amount, part.get("waived", 0))
            part["waived"] = part.get("waived", 0) - taken
            amount -= taken
            self.give_back(part, taken, "OVERPAID")
        self.give_back(None, amount, "OVERPAID")

    def values(self) -> dict[str, Any]:
        """The fields that changed, with the states that follow."""
        for part in self.parts:
            self._advance(part)
        self._end_payments()
        if money.is_secure(self.order):
            self.confirm()
            for line in self.lines:
                line["waits"] = False
        found = {
            **{name: self.order[name] for name in _FIELDS},
            "state": state_of_order(part["state"] for part in self.parts),
            "delivered_at": min(self._delivered(), default=None),
            "settle_at": self._settle_at(),
        }
        return {name: value for name, value in found.items() if value != self.record.get(name)}

    def _refund(
        self, part: Record | None, payment: str, amount: int, cause: RefundCause, reason: str
    ) -> Record:
        return {
            "id": ObjectId(),
            "payment": payment,
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

    def _advance(self, part: Record) -> None:
        before = part["state"]
        part["state"] = quantities.state_of(before, self.lines_of(part))
        if part["state"] == "DELIVERED" and before != "DELIVERED":
            part["delivered_at"] = self.now

    def _delivered(self) -> Iterator[datetime]:
        for part in self.parts:
            if part["state"] == "DELIVERED" and part.get("delivered_at") is not None:
                yield part["delivered_at"]

    def _end_payments(self) -> None:
        """Have no payment taken any more of which nothing was taken and nothing is wanted.

        One that is made by hand, and of which less is wanted, is made anew.
        """
        first = self.order["payment"]
        if all(map(self.is_cancelled, self.parts)) and first["method"] is not None:
            self._end(first)
        for payment in reversed(self.order["further_payments"]):
            if money.worth(payment) <= -money.uncovered(self.order):
                self._end(payment)
        for payment in money.payments(self.order):
            less = -money.uncovered(self.order)
            if money.is_open_by_hand(payment) and less > 0:
                self._end(payment)
                if less < payment["amount"]:
                    self.want(payment["method"], payment["amount"] - less)

    def _end(self, payment: Record) -> None:
        if not money.taken(payment) and not money.is_over(payment):
            payment |= {"state": money.ENDING, "is_ending": True}

    def _settle_at(self) -> datetime | None:
        states = {refund["state"] for refund in self.refunds}
        payments = money.payments(self.order)
        is_soon = any(one.get("is_ending") or one["state"] == money.WANTED for one in payments)
        is_soon |= any(one["state"] == money.BEGUN for one in self.order["further_payments"])
        is_soon |= any(captures.due(self.order))
        if "WANTED" in states or is_soon:
            return self.now + SOON
        return self.now + LATER if "PENDING" in states else None
