"""`orderEdit` and `paymentStart`, and what an order says of paying what it still costs."""

# mypy: allow-untyped-decorators

from collections.abc import Sequence
from typing import Annotated

import strawberry

from mercat.errors import DomainError
from mercat.graphql.batching import batched
from mercat.graphql.context import Info
from mercat.graphql.extend import Mutation, extend
from mercat.graphql.once import once
from mercat.graphql.schema import Money
from mercat.ids import object_id
from mercat_orders.carts.schema import new_lines, price_of
from mercat_orders.checkout.inputs import payment_data, return_url
from mercat_orders.checkout.outcomes import PaymentAction, PaymentMethod, to_action, to_method
from mercat_orders.checkout.paying import methods
from mercat_orders.edits import editing, paying
from mercat_orders.edits.inputs import (
    OrderAdditionInput,
    OrderEditInput,
    OrderLineEditInput,
    PaymentStartInput,
)
from mercat_orders.edits.paying import Way
from mercat_orders.edits.planning import Addition, Edit, LineEdit
from mercat_orders.orders.changes.naming import reason_of, request_of, where_of
from mercat_orders.orders.changes.outcomes import OrderChange, OrderError, answered, to_error
from mercat_orders.orders.changes.standing import Where, find
from mercat_orders.orders.types.orders import Order, to_order


@strawberry.type(description="The outcome of `orderEdit`.")
class OrderEditPayload(OrderChange):
    difference: Money | None = strawberry.field(
        default=None,
        description="What the order costs more than before, below zero for less; null where it"
        " failed.",
    )


@strawberry.type(description="The outcome of `paymentStart`.")
class PaymentStartPayload:
    order: Order | None = strawberry.field(description="The order; null where it failed.")
    action: PaymentAction | None = strawberry.field(
        description="What has to happen before it is paid; then call `paymentStart` again."
    )
    user_errors: list[OrderError] = strawberry.field(description="What the caller can mend.")


async def _methods(orders: Sequence[Order], info: Info) -> list[list[PaymentMethod]]:
    return [await _methods_of(info, order) for order in orders]


async def _methods_of(info: Info, order: Order) -> list[PaymentMethod]:
    amount = paying.open_sum(order.record)
    if not amount:
        return []
    cart = await paying.as_cart(info.context, order.record)
    return [to_method(found) for found in await methods(info.context, cart, amount)]


@extend(Order)
class OrderPaying:
    payment_methods = batched(
        "The ways in which `paymentStart` pays what no payment covers; none where nothing is open.",
        _methods,
    )


@extend(Mutation)
class OrderEditMutation:
    @strawberry.field(
        description="Change what is in an order as long as it isn't sent: put in more, take out"
        " some, at other prices. Only the difference is paid or paid back; what came in waits for"
        " that. Needs `orders.manage`."
    )
    @staticmethod
    async def order_edit(
        info: Info,
        input: Annotated[OrderEditInput, strawberry.argument(description="What changes.")],  # noqa: A002
    ) -> OrderEditPayload:
        async def work(where: Where) -> editing.Edited:
            record, _ = await find(info.context, where)
            return await editing.edit(
                info.context,
                where,
                _edit(input, record["currency"]),
                request_of(info, "edit", input),
                is_preview=input.preview,
            )

        return await answered(
            info,
            lambda: where_of(input),
            work,
            OrderEditPayload,
            lambda done: {"difference": Money.of(done.difference, done.order["currency"])},
        )

    @strawberry.field(
        description="Pay what an order still costs and no payment covers, such as after an edit: by"
        " its buyer, or with `orders.manage`. Where the payment needs the buyer, `action` says what"
        " for, and the same call goes on afterwards."
    )
    @staticmethod
    @once
    async def payment_start(
        info: Info,
        input: Annotated[PaymentStartInput, strawberry.argument(description="Which, and how.")],  # noqa: A002
    ) -> PaymentStartPayload:
        try:
            way = Way(
                input.payment_method_id,
                return_url(input.return_url),
                payment_data(input.payment_data),
            )
            done = await paying.pay(info.context, where_of(input), way)
        except DomainError as error:
            return PaymentStartPayload(order=None, action=None, user_errors=[to_error(error)])
        action = None if done.action is None else to_action(done.action)
        return PaymentStartPayload(order=to_order(done.order), action=action, user_errors=[])


def additions_of(
    given: Sequence[OrderAdditionInput], currency: str, name: str
) -> Sequence[Addition]:
    """What an input named so puts in. Raises InvalidError."""
    return [
        Addition(line, _price(one.unit_price, currency, name, str(at), "unitPrice"))
        for at, (line, one) in enumerate(zip(new_lines(given, name), given, strict=True))
    ]


def _edit(given: OrderEditInput, currency: str) -> Edit:
    return Edit(
        additions_of(given.add, currency, "add"),
        [_line_edit(one, currency, at) for at, one in enumerate(given.lines)],
        reason_of(given.reason),
        given.restock,
    )


def _line_edit(one: OrderLineEditInput, currency: str, at: int) -> LineEdit:
    place = ("lines", str(at))
    return LineEdit(
        object_id(one.line_id, "OrderLine", (*place, "lineId")),
        one.quantity,
        _price(one.unit_price, currency, *place, "unitPrice"),
        place,
    )


def _price(text: str | None, currency: str, *field: str) -> int | None:
    return None if text is None else price_of(text, currency, *field)
