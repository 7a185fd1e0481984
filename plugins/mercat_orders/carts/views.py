"""A stored cart with what can be said of it now."""

from dataclasses import dataclass

from mercat.checkout import Tender
from mercat.storage import Record
from mercat_orders.carts.personal import Personal
from mercat_orders.pricing.values import LineCost, Quote
from mercat_products.offers import Offer


@dataclass(frozen=True, slots=True)
class LineView:
    """A line as it is now.

    Without an `offer` the variant isn't for sale, without a `cost` not in the cart's currency.
    `changed_from` is the price that the buyer saw, in minor units, where it is another one;
    `only` how many there are, where they are fewer than wanted.
    """

    record: Record
    offer: Offer | None
    cost: LineCost | None
    changed_from: int | None = None
    only: int | None = None

    @property
    def id(self) -> str:
        return str(self.record["id"])


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason; `line` is the one that it is about, `seller` whose parcel, if any."""

    code: str
    message: str
    line: str | None = None
    seller: str | None = None


@dataclass(frozen=True, slots=True)
class CartView:
    """A stored cart with all that can be said of it now."""

    record: Record
    personal: Personal
    lines: tuple[LineView, ...]
    quote: Quote
    problems: tuple[Problem, ...]
    tenders: tuple[Tender, ...] = ()

    @property
    def due(self) -> int:
        """What is left for a payment method to pay, in minor units."""
        return self.quote.totals.total - sum(one.amount for one in self.tenders)
