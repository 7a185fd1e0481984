"""What `checkoutComplete` takes."""

import strawberry

from mercat.graphql.scalars import CurrencyCode
from mercat_orders.carts.inputs import CartLineInput, CartShippingInput, PostalAddressInput
from mercat_orders.configured.inputs import MoneyInput


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
