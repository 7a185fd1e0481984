"""What can be wrong with a change of a cart, and what the mutations answer."""

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import TypeVar

import strawberry

from mercat.errors import DomainError
from mercat.graphql.errors import UserError, input_path
from mercat_orders.errors import AddressError

T = TypeVar("T")


@strawberry.enum(description="What can be wrong with a change of a cart.")
class CartErrorCode(Enum):
    INVALID = strawberry.enum_value("INVALID", description="A value is not what it must be.")
    NOT_FOUND = strawberry.enum_value(
        "NOT_FOUND", description="There is no such cart, or no such line in it."
    )
    CONFLICT = strawberry.enum_value(
        "CONFLICT", description="It is an order already, or being changed elsewhere."
    )
    QUANTITY = strawberry.enum_value(
        "QUANTITY", description="The quantity is below one, or more than a line may have."
    )
    UNAVAILABLE = strawberry.enum_value(
        "UNAVAILABLE", description="It isn't for sale, or not in the cart's currency."
    )
    TOO_MANY = strawberry.enum_value("TOO_MANY", description="The cart would have too many lines.")
    NOT_SERVED = strawberry.enum_value(
        "NOT_SERVED", description="The shop doesn't sell there, or not in that currency."
    )
    SHIPPING = strawberry.enum_value("SHIPPING", description="It can't be delivered in that way.")
    PAYMENT_METHOD = strawberry.enum_value(
        "PAYMENT_METHOD", description="It can't be paid in that way."
    )
    ADDRESS = strawberry.enum_value(
        "ADDRESS", description="The country's post would not take the address."
    )


@strawberry.type(description="What is wrong with a change of a cart.")
class CartError(UserError):
    code: CartErrorCode = strawberry.field(description="What kind of error it is.")


async def attempted(work: Callable[[], Awaitable[T]]) -> tuple[T | None, list[CartError]]:
    """What `work` gives, or what the caller can mend."""
    try:
        return await work(), []
    except DomainError as error:
        return None, to_errors(error)


def to_errors(error: DomainError) -> list[CartError]:
    """An error as a client sees it; one of an address is several."""
    code = CartErrorCode(error.code)
    if isinstance(error, AddressError):
        found = [(input_path(at), words) for at, words in error.problems]
        return [CartError(field=at, message=words, code=code) for at, words in found]
    return [CartError(field=input_path(error.field), message=str(error), code=code)]
