"""The figures of a report. Sums are minor units of one currency."""

from dataclasses import dataclass
from fractions import Fraction

from mercat.money import share_of


@dataclass(slots=True)
class Figures:
    """What was sold; docs/reports.md says what each of them is.

    They are sums over lines and deliveries, but for `orders` and `pending_orders`: those count.
    """

    orders: int = 0
    units: int = 0
    returned: int = 0
    gross: int = 0
    discounts: int = 0
    shipping: int = 0
    tax: int = 0
    total: int = 0
    refunded: int = 0
    net_sales: int = 0
    commission: int = 0
    cancelled: int = 0
    pending_orders: int = 0
    pending: int = 0

    @property
    def net(self) -> int:
        """What stays of the total."""
        return self.total - self.refunded

    @property
    def average(self) -> int | None:
        """What an order comes to, rounded half up; None where there is none."""
        return share_of(self.total, Fraction(1, self.orders)) if self.orders else None

    def add(self, other: "Figures") -> None:
        self.orders += other.orders
        self.units += other.units
        self.returned += other.returned
        self.gross += other.gross
        self.discounts += other.discounts
        self.shipping += other.shipping
        self.tax += other.tax
        self.total += other.total
        self.refunded += other.refunded
        self.net_sales += other.net_sales
        self.commission += other.commission
        self.cancelled += other.cancelled
        self.pending_orders += other.pending_orders
        self.pending += other.pending
