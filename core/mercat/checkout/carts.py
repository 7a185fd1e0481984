"""What is bought, what it costs, and what plugins say to that. Sums are integers of minor units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from mercat.context import Context
from mercat.hooks import hookspec


@dataclass(frozen=True, slots=True)
class Destination:
    """Where things go: an ISO 3166-1 country, and what is known below it."""

    country: str
    region: str = ""
    postal_code: str = ""


@dataclass(frozen=True, slots=True)
class CartLine:
    """So many of a variant, as it is offered now.

    `unit_price` is what one costs in this quantity, `compare_at` what it used to cost, in the
    cart's currency; `weight` is that of one, in grams. `seller` is None for the shop itself.
    `groups` are those, such as categories, that list the product, by their hexadecimal keys, and
    `product_type` is its type's. `attributes` are pairs of an attribute's key and a value of it.
    """

    id: str
    variant_id: str
    product_id: str
    sku: str
    name: str
    seller: str | None
    quantity: int
    unit_price: int
    compare_at: int | None = None
    tax_class: str | None = None
    weight: int | None = None
    brand: str | None = None
    groups: tuple[str, ...] = ()
    product_type: str | None = None
    attributes: tuple[tuple[str, str], ...] = ()

    @property
    def price(self) -> int:
        """What all of them cost."""
        return self.unit_price * self.quantity


@dataclass(frozen=True, slots=True)
class Cart:
    """What somebody wants to buy: `user` and `guest` say who, where it is known.

    `email_digest` tells whether it is the same address. `plugin_data` is what plugins keep with the
    cart, by their names. `shipping` is what the way of each seller's parcel costs before discounts,
    where that is known.
    """

    id: str
    currency: str
    lines: tuple[CartLine, ...]
    destination: Destination | None = None
    user: str | None = None
    guest: str | None = None
    email_digest: str | None = None
    plugin_data: Mapping[str, Any] = field(default_factory=dict)
    shipping: Mapping[str | None, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PriceAdjustment:
    """Another price for one of a line, such as a customer group's; the last plugin's holds.

    `source` names who says so, as `plugin:what`, and `label` is for people.
    """

    line: str
    unit_price: int
    label: str
    source: str


@dataclass(frozen=True, slots=True)
class Discount:
    """What is taken off lines, off the order, or off shipping.

    Either `amount`, in minor units, or `rate` of what is left there, at most 1; never more than is
    left, and with `at_most` no more than that. `lines` are those that it is shared over, in
    proportion to what they cost; for shipping `sellers` are those whose it is. Empty is all.
    With `amounts` instead, that much is taken off each of `lines`. `borne_by` says who earns less.
    """

    target: Literal["lines", "order", "shipping"]
    label: str
    source: str
    amount: int | None = None
    rate: Decimal | None = None
    at_most: int | None = None
    lines: tuple[str, ...] = ()
    sellers: tuple[str | None, ...] = ()
    amounts: tuple[int, ...] = ()
    borne_by: Literal["shop", "seller"] = "shop"


@dataclass(frozen=True, slots=True)
class Parcel:
    """What one seller sends: `value` is what it costs after discounts, `weight` is in grams."""

    seller: str | None
    lines: tuple[CartLine, ...]
    currency: str
    value: int
    weight: int
    destination: Destination


@dataclass(frozen=True, slots=True)
class ShippingOption:
    """A way in which a parcel can go; `id` names it among the seller's, however often it is asked.

    `days` are the least and the most that it takes.
    """

    id: str
    name: str
    price: int
    source: str
    tax_class: str | None = None
    days: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Taxable:
    """Something that is taxed: a line, by its id, or the shipping of a seller's parcel.

    `amount` is what is paid for it after discounts, with the tax in it where it is included.
    """

    id: str
    kind: Literal["line", "shipping"]
    amount: int
    tax_class: str | None
    seller: str | None


@dataclass(frozen=True, slots=True)
class TaxQuestion:
    """What is to be taxed; `user` may be exempt."""

    currency: str
    destination: Destination
    items: tuple[Taxable, ...]
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Tax:
    """A tax on some items at one rate: `rate` is 0.19 for 19 %.

    `amounts` are what a service of its own reckons for each item; without them the sum is rounded
    once and shared over the items.
    """

    label: str
    rate: Decimal
    items: tuple[str, ...]
    source: str
    amounts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TaxAnswer:
    """The taxes there are; `included` says that what is paid has them in it already."""

    taxes: tuple[Tax, ...]
    included: bool


@dataclass(frozen=True, slots=True)
class CartProblem:
    """Why a cart can't be bought as it is; `line` is the one that it is about, if any."""

    code: str
    message: str
    line: str | None = None


@hookspec
async def price_adjustments(context: Context, cart: Cart) -> Sequence[PriceAdjustment] | None:
    """Other prices for lines of a cart than the catalogue's."""


@hookspec
async def cart_discounts(context: Context, cart: Cart) -> Sequence[Discount] | None:
    """What is taken off; those of lines come first, then those of the order, then of shipping.

    The lines have their adjusted prices, and nothing is taken off yet.
    """


@hookspec
async def shipping_options(
    context: Context, parcels: Sequence[Parcel]
) -> Sequence[Sequence[ShippingOption]] | None:
    """The ways in which each parcel can go, such as a carrier's; one entry a parcel, in order."""


@hookspec
async def taxes(context: Context, question: TaxQuestion) -> TaxAnswer | None:
    """What is taxed how, from a service of the plugin's own; the first answer counts.

    Where nobody answers, the shop's tax zones do.
    """


@hookspec
async def cart_problems(context: Context, cart: Cart) -> Sequence[CartProblem] | None:
    """Why this cart can't be bought now, beyond what its lines and addresses say."""


@hookspec
async def cart_abandoned(context: Context, cart_id: str) -> None:
    """A cart with something in it wasn't touched for a while, by its key; told before it expires.

    Told once until somebody changes it, through the outbox, at least once: its buyer may be
    reminded, where it is known who that is.
    """
