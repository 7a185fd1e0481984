"""What the mutations of draft orders take."""

import strawberry

from mercat.graphql.scalars import CountryCode, CurrencyCode, DecimalString
from mercat_orders.carts.inputs import CartLineInput, CartShippingInput, PostalAddressInput


@strawberry.input(description="A line of a draft order.")
class DraftOrderLineInput(CartLineInput):
    unit_price: DecimalString | None = strawberry.field(
        default=None,
        description="What one costs the buyer, in the draft's currency; the catalogue's price where"
        " left out.",
    )


@strawberry.input(description="What staff take off a draft order: an amount or a percentage.")
class DraftOrderDiscountInput:
    label: str = strawberry.field(description="What the buyer reads.")
    amount: DecimalString | None = strawberry.field(
        default=None, description="How much, in the draft's currency."
    )
    percent: DecimalString | None = strawberry.field(
        default=None, description="Or how much of a hundred."
    )


@strawberry.input(description="An order that staff prepare for a buyer.")
class DraftOrderCreateInput:
    lines: list[DraftOrderLineInput] = strawberry.field(description="What is in it.")
    currency: CurrencyCode | None = strawberry.field(
        default=None, description="What is paid in; the shop's own where left out."
    )
    country: CountryCode | None = strawberry.field(
        default=None, description="Where it goes, until there is an address."
    )
    email: str | None = strawberry.field(default=None, description="The buyer's address.")
    phone: str | None = strawberry.field(default=None, description="For questions about it.")
    shipping_address: PostalAddressInput | None = strawberry.field(
        default=None, description="Where it is delivered to, if that is known."
    )
    billing_address: PostalAddressInput | None = strawberry.field(
        default=None, description="Whom the invoice is for; the same where left out."
    )
    shipping: list[CartShippingInput] = strawberry.field(
        default_factory=list, description="How parcels go; the buyer can choose otherwise."
    )
    discounts: list[DraftOrderDiscountInput] = strawberry.field(
        default_factory=list, description="What is taken off."
    )
    note: str = strawberry.field(default="", description="A word for staff.")
    days: int = strawberry.field(default=30, description="How long the link holds, in days.")


@strawberry.input(description="A draft that becomes an order now, without its buyer.")
class DraftOrderCompleteInput:
    cart_id: strawberry.ID = strawberry.field(description="The id of the draft's cart.")
    payment_method_id: str | None = strawberry.field(
        default=None, description="One of the cart's `paymentMethods`; the only one where left out."
    )
    quote_hash: str | None = strawberry.field(
        default=None, description="`Cart.quoteHash` as it was agreed on; as it is now if left out."
    )
    idempotency_key: str | None = strawberry.field(
        default=None, description="The same key again gives the same order."
    )


@strawberry.input(description="A draft that is taken back.")
class DraftOrderDeleteInput:
    cart_id: strawberry.ID = strawberry.field(description="The id of the draft's cart.")
