"""Promotions as values. Sums are integers of minor units, by currency."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from fractions import Fraction
from typing import Any, Literal, TypeAlias

Amounts: TypeAlias = Mapping[str, int]
Target: TypeAlias = Literal["lines", "cheapest", "order", "shipping"]

KINDS = ("products", "variants", "categories", "brands", "sellers", "attributes")
"""What a selection names."""

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Selection:
    """Lines that have all that is named: of each kind one of those that are given.

    Keys of products, variants, categories and sellers; the shop's own things have the seller "".
    A category has all that is below it. `attributes` are pairs of a key and a value.
    """

    products: frozenset[str] = _NONE
    variants: frozenset[str] = _NONE
    categories: frozenset[str] = _NONE
    brands: frozenset[str] = _NONE
    sellers: frozenset[str] = _NONE
    attributes: frozenset[tuple[str, str]] = frozenset()
    given: tuple[tuple[str, frozenset[Any]], ...] = field(init=False, repr=False, compare=False)
    """The kinds that are given, by the names of their fields."""

    def __post_init__(self) -> None:
        kinds = ((name, getattr(self, name)) for name in KINDS)
        object.__setattr__(self, "given", tuple(one for one in kinds if one[1]))


@dataclass(frozen=True, slots=True)
class Scope:
    """Lines that are in one of `include`, all where there is none, and in none of `exclude`.

    With `excludes_reduced` without those that cost less than they used to.
    """

    include: tuple[Selection, ...] = ()
    exclude: tuple[Selection, ...] = ()
    excludes_reduced: bool = False

    @property
    def is_everything(self) -> bool:
        return not (self.include or self.exclude or self.excludes_reduced)


@dataclass(frozen=True, slots=True)
class Percentage:
    """A share of what is left of the target: of lines, of `units` cheapest, of all, of delivery."""

    target: Target
    rate: Fraction
    at_most: Amounts | None = None
    units: int = 1


@dataclass(frozen=True, slots=True)
class FixedAmount:
    """A sum off the target; off each unit of lines, and off each of `units` cheapest."""

    target: Target
    amounts: Amounts
    units: int = 1


@dataclass(frozen=True, slots=True)
class Tier:
    """What holds from a subtotal or a quantity on; either `rate` or `amounts`."""

    from_subtotal: Amounts | None = None
    from_quantity: int | None = None
    rate: Fraction | None = None
    amounts: Amounts | None = None


@dataclass(frozen=True, slots=True)
class Tiered:
    """The best of the tiers that are reached, off all lines together."""

    tiers: tuple[Tier, ...]


@dataclass(frozen=True, slots=True)
class BuyGet:
    """For every `buy_quantity` of what `buy` has, `get_quantity` of what `get` has for less.

    The cheapest are reduced; no unit counts twice. `most` is how often in one order.
    """

    buy_quantity: int
    get_quantity: int
    rate: Fraction = Fraction(1)
    buy: Scope | None = None
    get: Scope | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class FixedPrice:
    """Each unit costs that much, or every `quantity` of them together, the dearest first."""

    amounts: Amounts
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class Gift:
    """So many units of these variants cost nothing; the dearest that is in the cart."""

    variants: frozenset[str]
    quantity: int = 1


Benefit: TypeAlias = Percentage | FixedAmount | Tiered | BuyGet | FixedPrice | Gift


@dataclass(frozen=True, slots=True)
class Conditions:
    """When a promotion holds; subtotal and quantity are those of the lines in its scope.

    `starts_at` is the first moment, `ends_at` the first one after it.
    """

    starts_at: datetime | None = None
    ends_at: datetime | None = None
    minimum_subtotal: Amounts | None = None
    minimum_quantity: int | None = None
    first_order: bool = False
    countries: frozenset[str] = _NONE
    currencies: frozenset[str] = _NONE
    customers: frozenset[str] = _NONE
    groups: frozenset[str] = _NONE

    @property
    def is_private(self) -> bool:
        """Whether others than some customers needn't know that it exists."""
        return bool(self.customers or self.groups)


@dataclass(frozen=True, slots=True)
class Limits:
    """How often it can be used in all and by one customer, and what it may cost."""

    uses: int | None = None
    uses_per_customer: int | None = None
    budget: Amounts | None = None


@dataclass(frozen=True, slots=True)
class Promotion:
    """A rule; `is_automatic` needs no code, `seller` has made it for what is that seller's.

    An exclusive one, which isn't `is_combinable`, is alone in an order. Of two the one with the
    higher `priority` comes first, then the older one.
    """

    id: str
    name: str
    benefit: Benefit
    scope: Scope = field(default_factory=Scope)
    conditions: Conditions = field(default_factory=Conditions)
    limits: Limits = field(default_factory=Limits)
    is_automatic: bool = True
    is_active: bool = True
    is_combinable: bool = True
    priority: int = 0
    seller: str | None = None
    borne_by: Literal["shop", "seller"] = "shop"
    currencies: frozenset[str] | None = field(init=False, repr=False, compare=False)
    """Those in which it has every sum that it needs; None for all, as it needs none."""

    def __post_init__(self) -> None:
        sums = [set(one) for one in _sums(self) if one is not None]
        found = frozenset(set.intersection(*sums)) if sums else None
        object.__setattr__(self, "currencies", found)


def _sums(promotion: Promotion) -> Iterator[Amounts | None]:
    """Every sum that a rule needs, by currency."""
    yield promotion.conditions.minimum_subtotal
    yield promotion.limits.budget
    match promotion.benefit:
        case Percentage(at_most=at_most):
            yield at_most
        case FixedAmount(amounts=amounts) | FixedPrice(amounts=amounts):
            yield amounts
        case Tiered(tiers=tiers):
            for tier in tiers:
                yield tier.from_subtotal
                yield tier.amounts


class Refusal(Enum):
    """Why a promotion doesn't hold; of several reasons a buyer is told the last one here."""

    NOT_FOR_YOU = "NOT_FOR_YOU"
    INACTIVE = "INACTIVE"
    NOT_STARTED = "NOT_STARTED"
    ENDED = "ENDED"
    CURRENCY = "CURRENCY"
    COUNTRY = "COUNTRY"
    FIRST_ORDER = "FIRST_ORDER"
    USED_UP = "USED_UP"
    USED_BY_YOU = "USED_BY_YOU"
    BUDGET = "BUDGET"
    NOTHING = "NOTHING"
    SUBTOTAL = "SUBTOTAL"
    QUANTITY = "QUANTITY"
    GIFT = "GIFT"
    WORTHLESS = "WORTHLESS"
    BEATEN = "BEATEN"


@dataclass(frozen=True, slots=True)
class Why:
    """Why a promotion doesn't hold; `missing` says how much of what is needed isn't there."""

    refusal: Refusal
    missing: int | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A promotion that may hold for a cart, and the coupon that opened it, if it needed one.

    `barred` says why the coupon opens nothing.
    """

    promotion: Promotion
    coupon: str | None = None
    barred: Why | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What of the world outside a cart promotions depend on.

    `uses` and `spent` are by counter, those of `spent` in the cart's currency; `groups` are the
    customer's.
    """

    now: datetime
    uses: Mapping[str, int] = field(default_factory=dict)
    spent: Mapping[str, int] = field(default_factory=dict)
    customer: frozenset[str] = _NONE
    user: str | None = None
    groups: frozenset[str] = _NONE
    has_ordered: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """What a promotion takes off: `lines` are sums by line, `shipping` by seller.

    `sellers` are those whose delivery it is off, whether that is known to cost something or not.
    """

    candidate: Candidate
    lines: Mapping[str, int] = field(default_factory=dict)
    shipping: Mapping[str | None, int] = field(default_factory=dict)
    sellers: tuple[str | None, ...] = ()

    @property
    def amount(self) -> int:
        return sum(self.lines.values()) + sum(self.shipping.values())


@dataclass(frozen=True, slots=True)
class Outcome:
    """Which promotions hold for a cart, in their order, and by id why others don't."""

    taken: tuple[Taken, ...]
    refused: Mapping[str, Why]

    @property
    def amount(self) -> int:
        return sum(one.amount for one in self.taken)
