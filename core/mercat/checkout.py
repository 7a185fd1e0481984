"""Hooks of the checkout, with the values that they pass. Sums are integers of minor units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from mercat.context import Context
from mercat.errors import MercatError
from mercat.hooks import hookspec
from mercat.storage import Session


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


@dataclass(frozen=True, slots=True)
class OrderBegun:
    """An order that is to be, as it was agreed to.

    `discounts` is what each source takes off it in all, in minor units. `email_digest` tells
    whether it is the same address, and no more than that.
    """

    id: str
    cart: str
    currency: str
    country: str
    user: str | None
    guest: str | None
    email_digest: str
    discounts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Tender:
    """What a buyer has put with a cart to pay with, such as a gift card: `amount` of it is used.

    `method` is like that of a PaymentWanted, and is offered to nobody. It is paid before the rest
    is, at once or not at all.
    """

    method: str
    amount: int


class GoneError(MercatError):
    """What was agreed to isn't to be had any more, such as the last use of a discount."""


@dataclass(frozen=True, slots=True)
class PaymentMethod:
    """A way to pay; `id` is a provider's name, or that, a colon and which of its ways."""

    id: str
    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class PaymentWanted:
    """What is to be paid for an order: `key` never pays twice.

    It is the order's key; for what was added to the order later, that with a dot and a number.
    `method` is the id of a PaymentMethod. `data` is what the client has from the provider, such as
    a token; nothing in it is believed. The buyer comes back to `return_url`. `user` is who buys,
    None for a guest; `saved_method` names what they pay with of what they have kept, and with
    `saves` what they pay with now is kept.
    """

    key: str
    method: str
    amount: int
    currency: str
    order_number: str
    return_url: str | None = None
    data: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    saved_method: str | None = None
    saves: bool = False


PaymentState = Literal[
    "paid", "authorized", "on_delivery", "awaited", "action", "declined", "unknown", "ended"
]


@dataclass(frozen=True, slots=True)
class PaymentStatus:
    """Where a payment stands.

    `paid` and `authorized` are the provider's word; `on_delivery` is paid when the goods come, and
    `awaited` before they go. With `action` the buyer has to go to `url`, or the client to do
    something with `data`, until `expires_at`. `unknown` is settled later. `ended` will not be paid
    any more, and what was paid goes back. `message` is for the buyer.

    In minor units, `captured` is what was taken so far, `refunded` what of that went back, and
    `disputed` what the buyer's bank took back or is about to; None where the plugin doesn't say, as
    then all is taken that is `paid`. One that `is_by_hand` asks nobody, so that it can be made anew
    with another sum.
    """

    state: PaymentState
    message: str = ""
    url: str | None = None
    data: Mapping[str, str] = field(default_factory=dict)
    expires_at: datetime | None = None
    captured: int | None = None
    refunded: int | None = None
    disputed: int = 0
    is_by_hand: bool = False


@dataclass(frozen=True, slots=True)
class CaptureWanted:
    """What is to be taken of an authorized payment in all by now, in minor units.

    Asking again takes no more. `most` is what is to be taken in the end, as things stand: once so
    much is taken, the rest of the authorization is let go of.
    """

    payment: str
    amount: int
    most: int


@dataclass(frozen=True, slots=True)
class CaptureStatus:
    """Whether it was taken: `pending` is settled later, `failed` says why in `message`."""

    state: Literal["done", "pending", "failed"]
    message: str = ""


@dataclass(frozen=True, slots=True)
class RefundWanted:
    """What is to go back of the payment of an order, once for each `key`."""

    key: str
    payment: str
    amount: int
    currency: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RefundStatus:
    """Whether money went back: `pending` is settled later, `failed` says why in `message`."""

    state: Literal["done", "pending", "failed"]
    message: str = ""


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
async def order_begun(context: Context, session: Session, order: OrderBegun) -> None:
    """Claim what an order has by its discounts, in the transaction that writes the order down.

    Before anything is paid. Raises GoneError where it isn't to be had any more: then nothing is
    written, and the cart is priced anew. Only the database may be asked, with the session.
    """


@hookspec
async def order_undone(context: Context, session: Session, order_id: str) -> None:
    """An order, by its key, isn't to be, or was cancelled as a whole: give back what was claimed.

    In the transaction that says so, once. Only the database may be asked, with the session.
    """


@hookspec
async def cart_abandoned(context: Context, cart_id: str) -> None:
    """A cart with something in it wasn't touched for a while, by its key; told before it expires.

    Told once until somebody changes it, through the outbox, at least once: its buyer may be
    reminded, where it is known who that is.
    """


@hookspec
async def cart_tenders(context: Context, cart: Cart, total: int) -> Sequence[Tender] | None:
    """What the buyer has put with a cart that comes to `total`, to pay with before anything else.

    All of them together come to `total` at most; what they leave is paid by a method. Asked at each
    look at a cart, so that a cart without any must cost nothing.
    """


@hookspec
async def payment_methods(
    context: Context, cart: Cart, total: int
) -> Sequence[PaymentMethod] | None:
    """The ways in which a cart that comes to `total` can be paid; never asked about nothing."""


@hookspec
async def payment_start(context: Context, wanted: PaymentWanted) -> PaymentStatus | None:
    """Have something paid, or go on with it; None where the method isn't the plugin's.

    The same key again is the same payment, whatever happened in between. Stock is reserved by
    then, and no transaction is open. Where it can't be known what happened, the answer is
    `unknown`; nothing is raised.
    """


@hookspec
async def payment_status(context: Context, key: str) -> PaymentStatus | None:
    """Where the payment of an order stands, asking the provider if need be; None without one."""


@hookspec
async def payment_end(context: Context, key: str, reason: str) -> PaymentStatus | None:
    """Take no money any more, and give back what was taken: the order is not to be.

    The answer is `ended`, or what keeps it from ending, such as `unknown`; None without a payment.
    Repeating is harmless.
    """


@hookspec
async def payment_capture(context: Context, wanted: CaptureWanted) -> CaptureStatus | None:
    """Take of an authorized payment what was sent; None where it isn't the plugin's.

    Also where nothing is to be taken by itself. Repeating is harmless.
    """


@hookspec
async def payment_refund(context: Context, wanted: RefundWanted) -> RefundStatus | None:
    """Give some of a payment back; never more than was paid. None where it isn't the plugin's.

    Raises InvalidError for more than there is to give back.
    """


@hookspec
async def payment_changed(context: Context, key: str) -> None:
    """The payment of an order stands elsewhere than before, or more or less was taken.

    Told through the outbox, at least once, and not always in order: ask `payment_status`.
    """


@hookspec
async def order_placed(context: Context, order_id: str) -> None:
    """A checkout became an order, by its key; told through the outbox, at least once."""


@hookspec
async def order_changed(context: Context, order_id: str, kind: str) -> None:
    """Something happened to an order: `kind` is that of the entry in its timeline.

    Told through the outbox, at least once.
    """
