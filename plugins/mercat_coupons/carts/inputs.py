"""What the mutations of codes in carts take."""

import strawberry


@strawberry.input(description="A code to be put into a cart.")
class CartCouponApplyInput:
    cart_id: strawberry.ID = strawberry.field(description="The cart's id.")
    code: str = strawberry.field(
        description="The code, as the buyer typed it: case, white space and dashes don't matter."
    )


@strawberry.input(description="A code to be taken out of a cart.")
class CartCouponRemoveInput:
    cart_id: strawberry.ID = strawberry.field(description="The cart's id.")
    code: str = strawberry.field(description="The code.")
