"""`payments` and `paymentUpdated`."""

import contextlib
from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry

from mercat.graphql.connections import (
    After,
    Before,
    Connection,
    First,
    Last,
    connection,
    page_request,
)
from mercat.graphql.context import Info
from mercat.graphql.extend import Query, Subscription, extend
from mercat.ids import key_of
from mercat_orders.checkout.outcomes import PAYMENT
from mercat_payments import service, watching
from mercat_payments.types import Payment, PaymentState

CURSOR = "payments"


@extend(Query)
class PaymentQuery:
    @strawberry.field(description="All payments, the newest first; needs `payments.manage`.")
    @staticmethod
    async def payments(
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        state: Annotated[
            PaymentState | None, strawberry.argument(description="Only those that stand so.")
        ] = None,
        order_number: Annotated[
            str | None, strawberry.argument(description="Only those of the order of that number.")
        ] = None,
    ) -> Connection[Payment]:
        context, wanted = info.context, state.name.lower() if state else None
        request = page_request(CURSOR, first, after, last, before)
        page = await service.page(context, request, state=wanted, order_number=order_number)

        async def count() -> int:
            return await service.count(context, state=wanted, order_number=order_number)

        nodes = [Payment(record=each, is_staff=True) for each in page.records]
        return connection(CURSOR, page, nodes, count)


@extend(Subscription)
class PaymentSubscription:
    @strawberry.subscription(
        description="A payment as it stands, at once and after each change: for its buyer, also"
        " while there is no order yet, and for staff."
    )
    @staticmethod
    async def payment_updated(
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The id of the payment.")],  # noqa: A002
        secret: Annotated[
            str | None,
            strawberry.argument(description="What a guest reads the order with."),
        ] = None,
    ) -> AsyncGenerator[Payment, None]:
        key = key_of(id, PAYMENT, ("id",))
        async with contextlib.aclosing(watching.updates(info.context, key, secret)) as news:
            async for record in news:
                yield Payment(record=record, is_staff=await service.is_staff(info.context))
