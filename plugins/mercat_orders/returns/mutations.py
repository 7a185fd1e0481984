"""What can be done with returns."""

# mypy: allow-untyped-decorators

from collections.abc import Sequence
from typing import Annotated

import strawberry

from mercat.graphql.context import Info
from mercat.graphql.extend import Mutation, extend
from mercat.ids import object_id
from mercat.storage import Record
from mercat_orders.carts.lines import NewLine
from mercat_orders.configured.inputs import MoneyInput
from mercat_orders.edits.schema import additions_of
from mercat_orders.orders.changes.acting import Done
from mercat_orders.orders.changes.naming import (
    amount_of,
    reason_of,
    request_of,
    thing_of,
    units_of,
    where_of,
)
from mercat_orders.orders.changes.outcomes import OrderChange, answered
from mercat_orders.orders.changes.standing import Where, find
from mercat_orders.returns import answering, receiving, requesting
from mercat_orders.returns.inputs import (
    OrderReturnRequestInput,
    ReturnApproveInput,
    ReturnReceiveInput,
    ReturnReceiveLineInput,
    ReturnRefundInput,
    ReturnRefuseInput,
    ReturnWishInput,
)
from mercat_orders.returns.receiving import Arrival, Receipt, Repayment
from mercat_orders.returns.types import Return, to_returns


@strawberry.type(description="The outcome of `orderReturnRequest`.")
class OrderReturnRequestPayload(OrderChange):
    returns: list[Return] = strawberry.field(
        default_factory=list, description="The returns, one for each seller of what comes back."
    )


@strawberry.type(description="The outcome of `returnApprove`.")
class ReturnApprovePayload(OrderChange): ...


@strawberry.type(description="The outcome of `returnRefuse`.")
class ReturnRefusePayload(OrderChange): ...


@strawberry.type(description="The outcome of `returnReceive`.")
class ReturnReceivePayload(OrderChange): ...


@strawberry.type(description="The outcome of `returnRefund`.")
class ReturnRefundPayload(OrderChange): ...


@extend(Mutation)
class ReturnMutation:
    @strawberry.field(
        description="Ask to send back what was delivered: by its buyer, or with `orders.manage`."
    )
    @staticmethod
    async def order_return_request(
        info: Info,
        input: Annotated[  # noqa: A002
            OrderReturnRequestInput, strawberry.argument(description="What, and why.")
        ],
    ) -> OrderReturnRequestPayload:
        return await answered(
            info,
            lambda: where_of(input),
            lambda where: requesting.request_return(
                info.context,
                where,
                units_of(input.lines) or (),
                reason_of(input.reason),
                request_of(info, "returnRequest", input),
                [_wish(one, at) for at, one in enumerate(input.exchange)],
            ),
            OrderReturnRequestPayload,
            lambda done: {"returns": _made(done)},
        )

    @strawberry.field(
        description="Let the buyer send it, and put what is sent instead into the order; needs"
        " `orders.manage`, or `orders.sell` for the viewer's own part."
    )
    @staticmethod
    async def return_approve(
        info: Info,
        input: Annotated[ReturnApproveInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> ReturnApprovePayload:
        async def work(where: Where) -> Done:
            record, _ = await find(info.context, where)
            given, currency = input.exchange, record["currency"]
            return await answering.approve(
                info.context,
                where,
                reason_of(input.message, "message"),
                request_of(info, "returnApprove", input),
                None if given is None else additions_of(given, currency, "exchange"),
            )

        return await answered(info, lambda: thing_of(input, "return"), work, ReturnApprovePayload)

    @strawberry.field(
        description="Take nothing back, or pay nothing for what came; needs `orders.manage`, or"
        " `orders.sell` for the viewer's own part."
    )
    @staticmethod
    async def return_refuse(
        info: Info,
        input: Annotated[ReturnRefuseInput, strawberry.argument(description="Which, and why.")],  # noqa: A002
    ) -> ReturnRefusePayload:
        return await answered(
            info,
            lambda: thing_of(input, "return"),
            lambda where: answering.refuse(
                info.context,
                where,
                reason_of(input.reason),
                request_of(info, "returnRefuse", input),
            ),
            ReturnRefusePayload,
        )

    @strawberry.field(
        description="Take what arrived, and pay it back; needs `orders.manage`, or `orders.sell`"
        " for the viewer's own part."
    )
    @staticmethod
    async def return_receive(
        info: Info,
        input: Annotated[ReturnReceiveInput, strawberry.argument(description="What arrived.")],  # noqa: A002
    ) -> ReturnReceivePayload:
        def what() -> Receipt:
            repayment = _repayment(
                info, input.amount, shipping=input.refund_shipping, now=input.refund
            )
            return Receipt(_arrivals(input.lines), input.restock, repayment)

        return await answered(
            info,
            lambda: thing_of(input, "return"),
            lambda where: receiving.receive(
                info.context, where, what(), request_of(info, "returnReceive", input)
            ),
            ReturnReceivePayload,
        )

    @strawberry.field(
        description="Pay for what was received before; needs `orders.manage`, or `orders.sell` for"
        " the viewer's own part."
    )
    @staticmethod
    async def return_refund(
        info: Info,
        input: Annotated[ReturnRefundInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> ReturnRefundPayload:
        return await answered(
            info,
            lambda: thing_of(input, "return"),
            lambda where: receiving.repay(
                info.context,
                where,
                _repayment(info, input.amount, shipping=input.refund_shipping),
                request_of(info, "returnRefund", input),
            ),
            ReturnRefundPayload,
        )


def _wish(given: ReturnWishInput, at: int) -> NewLine:
    place = ("exchange", str(at))
    variant = object_id(given.variant_id, "ProductVariant", (*place, "variantId"))
    return NewLine(variant, given.quantity, field=place)


def _made(done: Done) -> list[Return]:
    parts: Sequence[Record] = done.order["seller_orders"]
    keys = done.made.get("returns", ())
    return [found for part in parts for found in to_returns(done.order, part, keys)]


def _repayment(
    info: Info, given: MoneyInput | None, *, shipping: bool, now: bool = True
) -> Repayment:
    amount, currency = amount_of(info, given)
    return Repayment(now, amount, currency, shipping)


def _arrivals(given: Sequence[ReturnReceiveLineInput] | None) -> Sequence[Arrival] | None:
    if given is None:
        return None
    return [
        Arrival(
            object_id(one.line_id, "OrderLine", ("lines", str(index), "lineId")),
            one.quantity,
            ("lines", str(index)),
            one.restock,
        )
        for index, one in enumerate(given)
    ]
