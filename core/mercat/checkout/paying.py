"""How it is paid, and what becomes of payments. Sums are integers of minor units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from mercat.checkout.carts import Cart
from mercat.context import Context
from mercat.hooks import hookspec


@dataclass(frozen=True, slots=True)
class Tender:
    """What a buyer has put with a cart to pay with, such as a gift card: `amount` of it is used.

    `method` is like that of a PaymentWanted, and is offered to nobody. It is paid before the rest
    is, at once or not at all.
    """

    method: str
    amount: int


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
