"""What the inputs of mutations name: orders, parts, units, sums, words."""

from collections.abc import Sequence
from typing import Any, Literal

import strawberry

from mercat.errors import InvalidError
from mercat.graphql.context import Info, idempotency_key
from mercat.ids import object_id
from mercat.money import parse_amount
from mercat_orders.configured.inputs import MoneyInput
from mercat_orders.orders.changes.acting import Request
from mercat_orders.orders.changes.inputs import OrderUnitsInput
from mercat_orders.orders.changes.standing import Where
from mercat_orders.orders.changes.telling import Units
from mercat_products.values import text

_LONGEST_REASON = 1_000
_NOT_ASKED = ("secret", "idempotency_key", "version")


def where_of(given: Any) -> Where:
    """The order or the part that an input is about. Raises InvalidError for both, or neither."""
    order, part = getattr(given, "order_id", None), getattr(given, "seller_order_id", None)
    if (order is None) == (part is None):
        raise InvalidError("give either `orderId` or `sellerOrderId`", field=("orderId",))
    secret = getattr(given, "secret", None)
    if part is not None:
        return Where("part", object_id(part, "SellerOrder", ("sellerOrderId",)), secret)
    return Where("order", object_id(order or "", "Order", ("orderId",)), secret)


def thing_of(given: Any, kind: Literal["fulfilment", "return"]) -> Where:
    """The parcel or the return that an input is about. Raises InvalidError."""
    return Where(kind, object_id(given.id, kind.capitalize(), ("id",)))


def request_of(info: Info, name: str, given: Any) -> Request:
    """What is asked for, with its key and the version that the order must have."""
    asked = {key: it for key, it in strawberry.asdict(given).items() if key not in _NOT_ASKED}
    key = getattr(given, "idempotency_key", None)
    # As text, as it may have characters that JSON hasn't.
    return Request(name, repr(asked), idempotency_key(info, key), getattr(given, "version", None))


def units_of(given: Sequence[OrderUnitsInput] | None) -> Sequence[Units] | None:
    if given is None:
        return None
    return [
        Units(
            object_id(one.line_id, "OrderLine", ("lines", str(index), "lineId")),
            one.quantity,
            ("lines", str(index)),
        )
        for index, one in enumerate(given)
    ]


def reason_of(given: str, name: str = "reason") -> str:
    return text(given, (name,), most=_LONGEST_REASON)


def amount_of(info: Info, given: MoneyInput | None) -> tuple[int | None, str | None]:
    """Minor units, and their currency; the shop's own where none is given. Raises InvalidError."""
    if given is None:
        return None, None
    currency = given.currency or info.context.shop.currency
    return parse_amount(given.amount, currency, ("amount", "amount"))
