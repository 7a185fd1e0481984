"""What can be done with orders, their parts and their parcels."""

# mypy: allow-untyped-decorators

from typing import Annotated

import strawberry

from mercat.graphql.context import Info
from mercat.graphql.extend import Mutation, extend
from mercat_orders.orders.changes import cancelling, confirming, fulfilling, noting, refunding
from mercat_orders.orders.changes.cancelling import Cancellation
from mercat_orders.orders.changes.carriers import Tracking
from mercat_orders.orders.changes.inputs import (
    FulfilmentUpdateInput,
    OrderCancelInput,
    OrderCompleteInput,
    OrderConfirmInput,
    OrderFulfilInput,
    OrderNoteAddInput,
    RefundCreateInput,
)
from mercat_orders.orders.changes.naming import (
    amount_of,
    reason_of,
    request_of,
    thing_of,
    units_of,
    where_of,
)
from mercat_orders.orders.changes.outcomes import OrderChange, answered
from mercat_orders.orders.changes.refunding import Payback


@strawberry.type(description="The outcome of `orderConfirm`.")
class OrderConfirmPayload(OrderChange): ...


@strawberry.type(description="The outcome of `orderComplete`.")
class OrderCompletePayload(OrderChange): ...


@strawberry.type(description="The outcome of `orderCancel`.")
class OrderCancelPayload(OrderChange): ...


@strawberry.type(description="The outcome of `orderFulfil`.")
class OrderFulfilPayload(OrderChange): ...


@strawberry.type(description="The outcome of `fulfilmentUpdate`.")
class FulfilmentUpdatePayload(OrderChange): ...


@strawberry.type(description="The outcome of `orderNoteAdd`.")
class OrderNoteAddPayload(OrderChange): ...


@strawberry.type(description="The outcome of `refundCreate`.")
class RefundCreatePayload(OrderChange): ...


@extend(Mutation)
class OrderMutation:
    @strawberry.field(
        description="Have a pending order sent, such as when its money came by bank; needs"
        " `orders.manage`."
    )
    @staticmethod
    async def order_confirm(
        info: Info,
        input: Annotated[OrderConfirmInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> OrderConfirmPayload:
        return await answered(
            info,
            lambda: where_of(input),
            lambda where: confirming.confirm(
                info.context,
                where,
                reason_of(input.reason),
                request_of(info, "confirm", input),
            ),
            OrderConfirmPayload,
        )

    @strawberry.field(
        description="Say that nothing more is to be done for what was delivered; needs"
        " `orders.manage`. After a while it happens by itself."
    )
    @staticmethod
    async def order_complete(
        info: Info,
        input: Annotated[OrderCompleteInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> OrderCompletePayload:
        return await answered(
            info,
            lambda: where_of(input),
            lambda where: confirming.complete(
                info.context,
                where,
                reason_of(input.reason),
                request_of(info, "complete", input),
            ),
            OrderCompletePayload,
        )

    @strawberry.field(
        description="Cancel what isn't in a parcel yet, and give back what was paid for it: the"
        " buyer while nothing was sent, sellers their part, staff any."
    )
    @staticmethod
    async def order_cancel(
        info: Info,
        input: Annotated[OrderCancelInput, strawberry.argument(description="What.")],  # noqa: A002
    ) -> OrderCancelPayload:
        return await answered(
            info,
            lambda: where_of(input),
            lambda where: cancelling.cancel(
                info.context,
                where,
                Cancellation(units_of(input.lines), reason_of(input.reason), input.restock),
                request_of(info, "cancel", input),
            ),
            OrderCancelPayload,
        )

    @strawberry.field(
        description="Put things into a parcel; needs `orders.manage`, or `orders.sell` for the"
        " viewer's own part."
    )
    @staticmethod
    async def order_fulfil(
        info: Info,
        input: Annotated[  # noqa: A002
            OrderFulfilInput, strawberry.argument(description="What is in it, and who has it.")
        ],
    ) -> OrderFulfilPayload:
        return await answered(
            info,
            lambda: where_of(input),
            lambda where: fulfilling.fulfil(
                info.context,
                where,
                units_of(input.lines),
                Tracking(input.carrier, input.tracking_number, input.tracking_url),
                request_of(info, "fulfil", input),
                is_shipped=input.shipped,
            ),
            OrderFulfilPayload,
        )

    @strawberry.field(
        description="Say where a parcel is; needs `orders.manage`, or `orders.sell` for the"
        " viewer's own part."
    )
    @staticmethod
    async def fulfilment_update(
        info: Info,
        input: Annotated[  # noqa: A002
            FulfilmentUpdateInput, strawberry.argument(description="What is new of it.")
        ],
    ) -> FulfilmentUpdatePayload:
        what = fulfilling.Update(
            Tracking(input.carrier, input.tracking_number, input.tracking_url),
            is_shipped=input.shipped,
            is_delivered=input.delivered,
            is_cancelled=input.cancelled,
        )
        return await answered(
            info,
            lambda: thing_of(input, "fulfilment"),
            lambda where: fulfilling.update(
                info.context, where, what, request_of(info, "fulfilmentUpdate", input)
            ),
            FulfilmentUpdatePayload,
        )

    @strawberry.field(
        description="Keep a note with an order: everybody who sees the order does, unless it is"
        " internal."
    )
    @staticmethod
    async def order_note_add(
        info: Info,
        input: Annotated[OrderNoteAddInput, strawberry.argument(description="The note.")],  # noqa: A002
    ) -> OrderNoteAddPayload:
        return await answered(
            info,
            lambda: where_of(input),
            lambda where: noting.add_note(
                info.context,
                where,
                input.text,
                request_of(info, "note", input),
                is_internal=input.internal,
            ),
            OrderNoteAddPayload,
        )

    @strawberry.field(
        description="Pay back some of an order, or have less be due where it isn't paid yet; needs"
        " `orders.manage`."
    )
    @staticmethod
    async def refund_create(
        info: Info,
        input: Annotated[RefundCreateInput, strawberry.argument(description="How much.")],  # noqa: A002
    ) -> RefundCreatePayload:
        def what() -> Payback:
            amount, currency = amount_of(info, input.amount)
            return Payback(amount, currency, units_of(input.lines), reason_of(input.reason))

        return await answered(
            info,
            lambda: where_of(input),
            lambda where: refunding.refund(
                info.context, where, what(), request_of(info, "refund", input)
            ),
            RefundCreatePayload,
        )
