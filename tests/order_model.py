"""A plain model of one order: quantities, money and stock, without a database."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Line:
    """What became of the units of a line; `prices` are of those that aren't gone."""

    quantity: int
    prices: list[int]
    cancelled: int = 0
    fulfilled: int = 0
    delivered: int = 0
    returned: int = 0
    restocked: int = 0

    @property
    def wanted(self) -> int:
        return self.quantity - self.cancelled

    @property
    def unsent(self) -> int:
        return self.wanted - self.fulfilled

    def take(self, count: int) -> int:
        """What the next units cost that go."""
        gone, self.prices = self.prices[:count], self.prices[count:]
        return sum(gone)


@dataclass
class Bundle:
    """A parcel or a return: so many of each line of a part, and where they are."""

    state: str
    counts: Sequence[int]


@dataclass
class Part:
    lines: list[Line]
    shipping: int
    total: int
    parcels: list[Bundle] = field(default_factory=list)
    returns: list[Bundle] = field(default_factory=list)
    back: int = 0
    is_completed: bool = False

    @property
    def state(self) -> str:
        wanted = sum(line.wanted for line in self.lines)
        fulfilled = sum(line.fulfilled for line in self.lines)
        if not wanted:
            return "CANCELLED"
        if self.is_completed:
            return "COMPLETED"
        if wanted == sum(line.delivered for line in self.lines):
            return "DELIVERED"
        if wanted == fulfilled:
            return "FULFILLED"
        return "PARTIALLY_FULFILLED" if fulfilled else "CONFIRMED"

    def returnable(self, index: int) -> int:
        line = self.lines[index]
        asked = sum(
            one.counts[index] for one in self.returns if one.state in ("REQUESTED", "APPROVED")
        )
        return line.delivered - line.returned - asked


class Model:
    """What must hold of one order. Each step says which error it expects, None for none."""

    def __init__(self, parts: list[Part], total: int) -> None:
        self.parts, self.total, self.back = parts, total, 0

    @property
    def lines(self) -> Sequence[Line]:
        return [line for part in self.parts for line in part.lines]

    @property
    def state(self) -> str:
        states = {part.state for part in self.parts} - {"CANCELLED"}
        if not states:
            return "CANCELLED"
        if "PARTIALLY_FULFILLED" in states or ("CONFIRMED" in states and len(states) > 1):
            return "PARTIALLY_FULFILLED"
        ranked = ("CONFIRMED", "FULFILLED", "DELIVERED", "COMPLETED")
        return next(state for state in ranked if state in states)

    def give_back(self, part: Part | None, amount: int) -> None:
        self.back += amount
        if part is not None:
            part.back += amount

    def left(self, part: Part | None) -> int:
        left = self.total - self.back
        return left if part is None else min(left, part.total - part.back)

    def fulfil(self, part: Part, counts: Sequence[int], *, shipped: bool) -> str | None:
        if part.state not in ("CONFIRMED", "PARTIALLY_FULFILLED"):
            return "STATE"
        if any(n > line.unsent for n, line in zip(counts, part.lines, strict=True)):
            return "QUANTITY"
        for n, line in zip(counts, part.lines, strict=True):
            line.fulfilled += n
        part.parcels.append(Bundle("SHIPPED" if shipped else "PENDING", counts))
        return None

    def move(self, part: Part, parcel: Bundle, what: str) -> str | None:
        before = ("PENDING", "SHIPPED") if what == "delivered" else ("PENDING",)
        underway = part.state in ("PARTIALLY_FULFILLED", "FULFILLED")
        if parcel.state not in before or not underway:
            return "STATE"
        parcel.state = what.upper()
        for n, line in zip(parcel.counts, part.lines, strict=True):
            line.delivered += n if what == "delivered" else 0
            line.fulfilled -= n if what == "cancelled" else 0
        return None

    def cancel_all(self, parts: Sequence[Part], *, restock: bool) -> str | None:
        alive = [part for part in parts if part.state != "CANCELLED"]
        if not alive or any(part.state != "CONFIRMED" for part in alive):
            return "STATE"
        for part in alive:
            self._cancel(part, [line.wanted for line in part.lines], restock=restock)
        return None

    def cancel(self, part: Part, counts: Sequence[int], *, restock: bool) -> str | None:
        if part.state not in ("CONFIRMED", "PARTIALLY_FULFILLED"):
            return "STATE"
        if any(n > line.unsent for n, line in zip(counts, part.lines, strict=True)):
            return "QUANTITY"
        self._cancel(part, counts, restock=restock)
        return None

    def _cancel(self, part: Part, counts: Sequence[int], *, restock: bool) -> None:
        amount = 0
        for n, line in zip(counts, part.lines, strict=True):
            line.cancelled += n
            line.restocked += n if restock else 0
            amount += line.take(n)
        if part.state == "CANCELLED":
            amount += part.shipping
        self.give_back(part, min(amount, self.left(part)))

    def complete(self) -> str | None:
        moving = [one for one in self.parts if one.state not in ("COMPLETED", "CANCELLED")]
        if not moving or any(part.state != "DELIVERED" for part in moving):
            return "STATE"
        for part in moving:
            part.is_completed = True
        return None

    def ask_back(self, part: Part, counts: Sequence[int]) -> str | None:
        if part.state in ("CONFIRMED", "CANCELLED"):
            return "STATE"
        if any(n > part.returnable(index) for index, n in enumerate(counts)):
            return "QUANTITY"
        part.returns.append(Bundle("REQUESTED", counts))
        return None

    def answer(self, back: Bundle, what: str) -> str | None:
        before = {"Approve": ("REQUESTED",), "Refuse": ("REQUESTED", "APPROVED", "RECEIVED")}
        if back.state not in before[what]:
            return "STATE"
        back.state = "APPROVED" if what == "Approve" else "REFUSED"
        return None

    def receive(self, part: Part, back: Bundle, *, restock: bool) -> str | None:
        if back.state != "APPROVED":
            return "STATE"
        amount = 0
        for n, line in zip(back.counts, part.lines, strict=True):
            line.returned += n
            line.restocked += n if restock else 0
            amount += line.take(n)
        amount = min(amount, self.left(part))
        self.give_back(part, amount)
        back.state = "REFUNDED"
        return None

    def refund(self, part: Part | None, amount: int) -> str | None:
        if amount > self.left(part):
            return "AMOUNT"
        self.give_back(part, amount)
        return None
