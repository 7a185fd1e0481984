"""What can be wrong with a change of an order, and what the mutations answer."""

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, TypeVar

import strawberry

from mercat.errors import DomainError
from mercat.graphql.context import Info
from mercat.graphql.errors import UserError, input_path
from mercat.storage import Record
from mercat_orders.orders.changes.acting import Done
from mercat_orders.orders.changes.standing import Where
from mercat_orders.orders.sight import Sight, sight_of
from mercat_orders.orders.types.orders import Order, SellerOrder, to_order, to_seller_order

P = TypeVar("P")
D = TypeVar("D", bound=Done)


@strawberry.enum(description="What can be wrong with a change of an order.")
class OrderErrorCode(Enum):
    INVALID = strawberry.enum_value("INVALID", description="A value is not what it must be.")
    NOT_FOUND = strawberry.enum_value(
        "NOT_FOUND", description="There is no such order, parcel or return, or no such line in it."
    )
    CONFLICT = strawberry.enum_value(
        "CONFLICT",
        description="The idempotency key came with another request, or too many are at it at once.",
    )
    STALE = strawberry.enum_value("STALE", description="Somebody else changed it before.")
    STATE = strawberry.enum_value(
        "STATE", description="It can't be done any more with what became of it, or not yet."
    )
    QUANTITY = strawberry.enum_value(
        "QUANTITY", description="The quantity is below one, or more than there is left for that."
    )
    UNAVAILABLE = strawberry.enum_value(
        "UNAVAILABLE",
        description="Something isn't for sale now, not in the currency, or not in this order.",
    )
    OUT_OF_STOCK = strawberry.enum_value(
        "OUT_OF_STOCK", description="There is less of something than wanted."
    )
    TOO_MANY = strawberry.enum_value("TOO_MANY", description="The order would have too many lines.")
    NOT_SERVED = strawberry.enum_value(
        "NOT_SERVED", description="The shop doesn't sell there any more, or not in that currency."
    )
    PAYMENT_METHOD = strawberry.enum_value(
        "PAYMENT_METHOD", description="It can't be paid in that way, or the way isn't chosen."
    )
    DECLINED = strawberry.enum_value("DECLINED", description="The payment was declined.")
    EXPIRED = strawberry.enum_value(
        "EXPIRED", description="The payment took too long; the cart is open again."
    )
    ABANDONED = strawberry.enum_value(
        "ABANDONED", description="The cart was changed, or ordered in another way, meanwhile."
    )
    AMOUNT = strawberry.enum_value(
        "AMOUNT", description="More would go back than there is left of what was paid."
    )


@strawberry.type(description="What is wrong with a change of an order.")
class OrderError(UserError):
    code: OrderErrorCode = strawberry.field(description="What kind of error it is.")


@strawberry.type(description="The outcome of a change of an order.")
class OrderChange:
    """What the payloads of all changes have."""

    order: Order | None = strawberry.field(
        description="The order; null where it failed, and for sellers, who see their part alone."
    )
    seller_order: SellerOrder | None = strawberry.field(
        description="The seller's part of it; null where it failed, or all of it is meant."
    )
    user_errors: list[OrderError] = strawberry.field(description="What the caller can mend.")


async def answered(
    info: Info,
    where: Callable[[], Where],
    work: Callable[[Where], Awaitable[D]],
    payload: Callable[..., P],
    more: Callable[[D], dict[str, Any]] | None = None,
) -> P:
    """What a mutation answers: the order and the part that are meant, or what the caller can mend.

    `more` are further fields of the payload, made from what was done.
    """
    try:
        place = where()
        done = await work(place)
    except DomainError as error:
        return payload(order=None, seller_order=None, user_errors=[to_error(error)])
    sight = await sight_of(info.context, done.order, place.secret) or Sight()
    return payload(
        order=to_order(done.order) if sight.is_whole else None,
        seller_order=_part(done.order, place, sight),
        user_errors=[],
        **(more(done) if more else {}),
    )


def _part(record: Record, where: Where, sight: Sight) -> SellerOrder | None:
    for part in record["seller_orders"]:
        if _is_meant(part, where) or (not sight.is_whole and part["seller"] == sight.seller):
            return to_seller_order(record, part, is_whole=sight.is_whole)
    return None


def _is_meant(part: Record, where: Where) -> bool:
    if where.kind == "order":
        return False
    named = [*part["fulfilments"], *(part.get("returns") or ()), part]
    return any(one["id"] == where.key for one in named)


def to_error(error: DomainError) -> OrderError:
    """An error as a client sees it."""
    return OrderError(
        field=input_path(error.field), message=str(error), code=OrderErrorCode(error.code)
    )
