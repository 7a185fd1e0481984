"""What `checkoutComplete` takes."""

import re
from collections.abc import Sequence
from typing import Protocol

import strawberry

from mercat.errors import InvalidError
from mercat.graphql.scalars import CurrencyCode
from mercat.ids import key_of
from mercat_orders.carts.inputs import CartLineInput, CartShippingInput, PostalAddressInput
from mercat_orders.configured.inputs import MoneyInput
from mercat_orders.orders.changes.paying import Means

_ADDRESS = re.compile(r"(?!javascript|data)[a-zA-Z][a-zA-Z0-9+.-]{0,40}://[!-~]{1,1900}\Z")
SAVED = "SavedPaymentMethod"
"""The type of what buyers have kept to pay with, which is the payments' own."""
_MOST_DATA = 20
_LONGEST_DATUM = 5_000


@strawberry.input(description="Something that the payment's provider gave the client.")
class PaymentDatumInput:
    name: str = strawberry.field(description="What it is.")
    value: str = strawberry.field(description="The value.")


@strawberry.input(description="A whole cart, to be ordered with one call.")
class CheckoutCartInput:
    lines: list[CartLineInput] = strawberry.field(description="What is in it.")
    email: str = strawberry.field(description="Where the confirmation is sent to.")
    shipping_address: PostalAddressInput = strawberry.field(description="Where it is delivered to.")
    billing_address: PostalAddressInput | None = strawberry.field(
        default=None, description="Whom the invoice is for; the same where left out."
    )
    phone: str | None = strawberry.field(default=None, description="For questions about it.")
    currency: CurrencyCode | None = strawberry.field(
        default=None, description="What is paid in; the shop's own where left out."
    )
    shipping: list[CartShippingInput] = strawberry.field(
        default_factory=list,
        description="How parcels go; those that are left out go in the cheapest way.",
    )


@strawberry.input(
    description="What completes a checkout. Give `cartId` or `cart`, and `quoteHash` or"
    " `maximumTotal`."
)
class CheckoutCompleteInput:
    cart_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of a cart that lacks nothing."
    )
    cart: CheckoutCartInput | None = strawberry.field(
        default=None, description="All that there is to say, in one call; needs an idempotency key."
    )
    quote_hash: str | None = strawberry.field(
        default=None, description="`Cart.quoteHash` as the buyer saw it, and agrees to."
    )
    maximum_total: MoneyInput | None = strawberry.field(
        default=None, description="What the buyer agrees to pay at most."
    )
    payment_method_id: str | None = strawberry.field(
        default=None,
        description="One of `Cart.paymentMethods`; the cart's choice, or the only one, where left"
        " out.",
    )
    payment_data: list[PaymentDatumInput] = strawberry.field(
        default_factory=list, description="What the payment's provider gave the client."
    )
    saved_payment_method_id: strawberry.ID | None = strawberry.field(
        default=None, description="Something of `savedPaymentMethods` to pay with."
    )
    save_payment_method: bool = strawberry.field(
        default=False,
        description="Whether what is paid with is kept for the next time, where that can be.",
    )
    accepts_terms: bool = strawberry.field(
        default=False, description="Whether the buyer accepts the shop's terms."
    )
    return_url: str | None = strawberry.field(
        default=None, description="Where the payment's provider sends the buyer back to."
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="The same key again gives the same order; the header `Idempotency-Key` does,"
        " too.",
    )


def return_url(given: str | None) -> str | None:
    """Where a buyer comes back to. Raises InvalidError for what is no address of a page or app."""
    if given is not None and not _ADDRESS.match(given):
        raise InvalidError("this is no address to come back to", field=("returnUrl",))
    return given


class Paying(Protocol):
    """What the inputs have that pay something."""

    payment_data: list[PaymentDatumInput]
    saved_payment_method_id: strawberry.ID | None
    save_payment_method: bool


def means_of(given: Paying) -> Means:
    """What somebody pays with. Raises InvalidError."""
    saved = given.saved_payment_method_id
    return Means(
        payment_data(given.payment_data),
        None if saved is None else key_of(saved, SAVED, ("savedPaymentMethodId",)),
        given.save_payment_method,
    )


def payment_data(given: Sequence[PaymentDatumInput]) -> dict[str, str]:
    """What the payment's provider gave the client. Raises InvalidError for too much of it."""
    if len(given) > _MOST_DATA:
        raise InvalidError(f"at most {_MOST_DATA} values", field=("paymentData",))
    found = {one.name: one.value for one in given}
    if any(len(name) + len(value) > _LONGEST_DATUM for name, value in found.items()):
        raise InvalidError("a value is too long", field=("paymentData",))
    return found
