"""What the mutations that edit orders take."""

import strawberry

from mercat.graphql.scalars import DecimalString
from mercat_orders.carts.inputs import CartLineInput

_PRICE = "What one costs, in the order's currency"


@strawberry.input(description="Something that is put into an order.")
class OrderAdditionInput(CartLineInput):
    unit_price: DecimalString | None = strawberry.field(
        default=None, description=f"{_PRICE}; the catalogue's price where left out."
    )


@strawberry.input(description="What is to change of a line of an order; what is left out stays.")
class OrderLineEditInput:
    line_id: strawberry.ID = strawberry.field(description="The id of the line.")
    quantity: int | None = strawberry.field(
        default=None,
        description="How many are wanted from now on, with those in parcels; 0 takes it out.",
    )
    unit_price: DecimalString | None = strawberry.field(
        default=None, description=f"{_PRICE} from now on, of those that aren't in parcels."
    )


@strawberry.input(description="What is to change of an order as long as it isn't sent.")
class OrderEditInput:
    order_id: strawberry.ID = strawberry.field(description="The id of the order.")
    add: list[OrderAdditionInput] = strawberry.field(
        default_factory=list, description="What is put in, of sellers that the order has already."
    )
    lines: list[OrderLineEditInput] = strawberry.field(
        default_factory=list, description="What changes of its lines."
    )
    reason: str = strawberry.field(default="", description="Why; it is kept with the order.")
    restock: bool = strawberry.field(
        default=True, description="Whether what is taken out can be sold again."
    )
    preview: bool = strawberry.field(
        default=False, description="Whether nothing is changed: the answer says what would be."
    )
    version: int | None = strawberry.field(
        default=None, description="`Order.version` as it was read; else it is `STALE`."
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="The same key has its effect once; the header `Idempotency-Key` says it too.",
    )
