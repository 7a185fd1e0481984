"""What the mutations of carts take."""

import strawberry
from strawberry import UNSET

from mercat.graphql.scalars import CountryCode, CurrencyCode

_CART = "The id of the cart."


@strawberry.input(description="Something that the buyer wants of a line, such as an engraving.")
class CartLineOptionInput:
    name: str = strawberry.field(description="What it is about.")
    value: str = strawberry.field(description="What is wanted.")


@strawberry.input(description="So many of a variant.")
class CartLineInput:
    variant_id: strawberry.ID = strawberry.field(description="The id of the variant.")
    quantity: int = strawberry.field(default=1, description="How many; 1 where left out.")
    options: list[CartLineOptionInput] = strawberry.field(
        default_factory=list, description="What is wanted of it, such as an engraving."
    )
    note: str = strawberry.field(default="", description="A word to the seller.")


@strawberry.input(description="A cart to begin with.")
class CartCreateInput:
    currency: CurrencyCode | None = strawberry.field(
        default=None, description="What is paid in; the shop's own where left out."
    )
    country: CountryCode | None = strawberry.field(
        default=None, description="Where it goes; the shop's first country where left out."
    )
    lines: list[CartLineInput] = strawberry.field(
        default_factory=list, description="What is in it."
    )


@strawberry.input(description="What is put into a cart, all of it or nothing.")
class CartLinesAddInput:
    cart_id: strawberry.ID = strawberry.field(description=_CART)
    lines: list[CartLineInput] = strawberry.field(
        description="What to add; what is there already becomes more."
    )


@strawberry.input(description="What is to change of a line; what is left out stays.")
class CartLineUpdateInput:
    id: strawberry.ID = strawberry.field(description="The id of the line.")
    quantity: int | None = strawberry.field(
        default=None, description="How many; 0 takes the line out."
    )
    note: str | None = strawberry.field(default=None, description="A word to the seller.")


@strawberry.input(description="Lines that change, all of them or none.")
class CartLinesUpdateInput:
    cart_id: strawberry.ID = strawberry.field(description=_CART)
    lines: list[CartLineUpdateInput] = strawberry.field(
        description="What to change. The present price of these lines counts as seen."
    )


@strawberry.input(description="Lines that go, all of them or none.")
class CartLinesRemoveInput:
    cart_id: strawberry.ID = strawberry.field(description=_CART)
    line_ids: list[strawberry.ID] = strawberry.field(description="The ids of the lines.")


@strawberry.input(description="A cart that is to be empty.")
class CartClearInput:
    cart_id: strawberry.ID = strawberry.field(description=_CART)


@strawberry.input(description="Where a cart goes and what is paid in; what is left out stays.")
class CartMarketSetInput:
    cart_id: strawberry.ID = strawberry.field(description=_CART)
    currency: CurrencyCode | None = strawberry.field(default=None, description="What is paid in.")
    country: CountryCode | None = strawberry.field(
        default=None, description="Where it goes, until there is an address."
    )


@strawberry.input(description="Who buys; what is left out stays, null takes it away.")
class CartBuyerSetInput:
    cart_id: strawberry.ID = strawberry.field(description=_CART)
    email: str | None = strawberry.field(
        default=UNSET, description="Where the confirmation is sent to."
    )
    phone: str | None = strawberry.field(default=UNSET, description="For questions about it.")


@strawberry.input(description="A postal address.")
class PostalAddressInput:
    name: str = strawberry.field(description="Whom it goes to.")
    lines: list[str] = strawberry.field(description="Street, house, floor: one to four lines.")
    country: CountryCode = strawberry.field(description="The country, by ISO 3166-1.")
    city: str = strawberry.field(default="", description="The town, where the country has it.")
    company: str = strawberry.field(default="", description="The company.")
    region: str = strawberry.field(
        default="", description="State, province or the like, by its name or code."
    )
    postal_code: str = strawberry.field(default="", description="The postal code.")
    phone: str = strawberry.field(default="", description="For the carrier.")


@strawberry.input(description="Where it goes; what is left out stays, null takes it away.")
class CartAddressSetInput:
    cart_id: strawberry.ID = strawberry.field(description=_CART)
    shipping_address: PostalAddressInput | None = strawberry.field(
        default=UNSET, description="Where it is delivered to."
    )
    billing_address: PostalAddressInput | None = strawberry.field(
        default=UNSET, description="Whom the invoice is for; the same where there is none."
    )


@strawberry.input(description="How the parcel of one seller goes.")
class CartShippingInput:
    seller_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the seller; null for the shop itself."
    )
    option_id: str = strawberry.field(description="The id of one of its options.")


@strawberry.input(description="How parcels go; those of other sellers stay.")
class CartShippingSelectInput:
    cart_id: strawberry.ID = strawberry.field(description=_CART)
    selections: list[CartShippingInput] = strawberry.field(description="One a seller.")
