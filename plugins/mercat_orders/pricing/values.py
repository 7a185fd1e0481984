"""What a cart costs, and why. Sums are integers of minor units of the cart's currency."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

from mercat.checkout import Cart, CartLine, Parcel, ShippingOption

AdjustmentKind = Literal[
    "price", "line_discount", "order_discount", "shipping", "shipping_discount", "tax"
]


@dataclass(frozen=True, slots=True)
class Adjustment:
    """One reason for what something costs; what is taken off is negative.

    It is about a line, by its id, or about a seller's shipping. `is_included` says that the amount
    is a part of what is paid anyway, as another price and an included tax are.
    """

    kind: AdjustmentKind
    label: str
    source: str
    amount: int
    line: str | None = None
    seller: str | None = None
    is_included: bool = False
    borne_by: Literal["shop", "seller"] | None = None


@dataclass(frozen=True, slots=True)
class LineCost:
    """What a line costs: its price, and what was taken off and put on it."""

    line: CartLine
    adjustments: tuple[Adjustment, ...] = ()

    @property
    def subtotal(self) -> int:
        return self.line.price

    @property
    def discount(self) -> int:
        """What is taken off, as a positive sum."""
        return -_sum(self.adjustments, "line_discount", "order_discount")

    @property
    def left(self) -> int:
        """The price after discounts."""
        return self.subtotal - self.discount

    @property
    def tax(self) -> int:
        return _sum(self.adjustments, "tax")

    @property
    def total(self) -> int:
        return self.left + _on_top(self.adjustments)

    def because(self, why: Iterable[Adjustment]) -> Self:
        """The cost with more reasons."""
        about = (replace(one, line=self.line.id, seller=self.line.seller) for one in why)
        return replace(self, adjustments=(*self.adjustments, *about))


@dataclass(frozen=True, slots=True)
class ShippingCost:
    """What the way of a seller's parcel costs; without an option it isn't chosen yet."""

    parcel: Parcel
    options: tuple[ShippingOption, ...]
    option: ShippingOption | None = None
    adjustments: tuple[Adjustment, ...] = ()

    @property
    def subtotal(self) -> int:
        return self.option.price if self.option else 0

    @property
    def discount(self) -> int:
        """What is taken off, as a positive sum."""
        return -_sum(self.adjustments, "shipping_discount")

    @property
    def left(self) -> int:
        """The price after discounts."""
        return self.subtotal - self.discount

    @property
    def tax(self) -> int:
        return _sum(self.adjustments, "tax")

    @property
    def total(self) -> int:
        return self.left + _on_top(self.adjustments)

    def because(self, why: Iterable[Adjustment]) -> Self:
        """The cost with more reasons."""
        about = (replace(one, seller=self.parcel.seller) for one in why)
        return replace(self, adjustments=(*self.adjustments, *about))


@dataclass(frozen=True, slots=True)
class Totals:
    """`total` is subtotal - discounts + shipping, and tax where it isn't included."""

    subtotal: int
    discounts: int
    shipping: int
    tax: int
    total: int
    adjustments: tuple[Adjustment, ...]


@dataclass(frozen=True, slots=True)
class Quote:
    """What a cart costs, down to its lines."""

    cart: Cart
    lines: tuple[LineCost, ...]
    shipping: tuple[ShippingCost, ...] = ()
    tax_included: bool = False

    @property
    def sellers(self) -> tuple[str | None, ...]:
        """Whose lines there are, in the lines' order."""
        return tuple(dict.fromkeys(cost.line.seller for cost in self.lines))

    @property
    def shipping_by_seller(self) -> dict[str | None, int]:
        """What delivery costs before discounts, where a way is chosen."""
        ways = (cost for cost in self.shipping if cost.option is not None)
        return {cost.parcel.seller: cost.subtotal for cost in ways}

    @property
    def totals(self) -> Totals:
        return totals(self.lines, self.shipping)

    def of_seller(self, seller: str | None) -> Totals:
        """The part of it that is one seller's."""
        return totals(
            [cost for cost in self.lines if cost.line.seller == seller],
            [cost for cost in self.shipping if cost.parcel.seller == seller],
        )


def totals(lines: Sequence[LineCost], shipping: Sequence[ShippingCost] = ()) -> Totals:
    """The sums of some lines and of their shipping."""
    costs: tuple[LineCost | ShippingCost, ...] = (*lines, *shipping)
    return Totals(
        subtotal=sum(cost.subtotal for cost in lines),
        discounts=sum(cost.discount for cost in costs),
        shipping=sum(cost.subtotal for cost in shipping),
        tax=sum(cost.tax for cost in costs),
        total=sum(cost.total for cost in costs),
        adjustments=tuple(one for cost in costs for one in cost.adjustments),
    )


def _sum(adjustments: tuple[Adjustment, ...], *kinds: AdjustmentKind) -> int:
    return sum(one.amount for one in adjustments if one.kind in kinds)


def _on_top(adjustments: tuple[Adjustment, ...]) -> int:
    return sum(one.amount for one in adjustments if one.kind == "tax" and not one.is_included)
