"""`orderEdit`."""

# mypy: allow-untyped-decorators

from collections.abc import Sequence
from typing import Annotated

import strawberry

from mercat.graphql.context import Info
from mercat.graphql.extend import Mutation, extend
from mercat.graphql.schema import Money
from mercat.ids import object_id
from mercat_orders.carts.schema import new_lines, price_of
from mercat_orders.edits import editing
from mercat_orders.edits.inputs import (
    OrderAdditionInput,
    OrderEditInput,
    OrderLineEditInput,
)
from mercat_orders.edits.planning import Addition, Edit, LineEdit
from mercat_orders.orders.changes.naming import reason_of, request_of, where_of
from mercat_orders.orders.changes.outcomes import OrderChange, answered
from mercat_orders.orders.changes.standing import Where, find


@strawberry.type(description="The outcome of `orderEdit`.")
class OrderEditPayload(OrderChange):
    difference: Money | None = strawberry.field(
        default=None,
        description="What the order costs more than before, below zero for less; null where it"
        " failed.",
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
