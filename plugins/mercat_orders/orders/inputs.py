"""Which orders are looked for."""

from datetime import datetime

import strawberry

from mercat_orders.orders.types.states import OrderState


@strawberry.input(description="Which orders are looked for; all of it has to hold.")
class OrderFilter:
    states: list[OrderState] | None = strawberry.field(
        default=None, description="Those in one of these states; in any where it is empty."
    )
    placed_from: datetime | None = strawberry.field(
        default=None, description="Those placed from this moment on."
    )
    placed_to: datetime | None = strawberry.field(
        default=None, description="Those placed before this moment."
    )
    number: str | None = strawberry.field(default=None, description="The one with this number.")
    email: str | None = strawberry.field(
        default=None, description="Those of exactly this e-mail address; for staff."
    )
    customer_id: strawberry.ID | None = strawberry.field(
        default=None, description="Those of the user with this id; for staff."
    )
    seller_id: strawberry.ID | None = strawberry.field(
        default=None, description="Those with something of the seller with this id."
    )


@strawberry.input(description="Which parts of orders are looked for; all of it has to hold.")
class SellerOrderFilter:
    states: list[OrderState] | None = strawberry.field(
        default=None, description="Those in one of these states; in any where it is empty."
    )
    seller_id: strawberry.ID | None = strawberry.field(
        default=None, description="Those of the seller with this id; another one's for staff."
    )
