"""`paymentStart`, `paymentResume`, and what an order says of paying what it still costs."""

# mypy: allow-untyped-decorators

from collections.abc import Awaitable, Sequence
from typing import Annotated

import strawberry

from mercat.errors import DomainError
from mercat.graphql.batching import batched
from mercat.graphql.context import Info
from mercat.graphql.extend import Mutation, extend
from mercat.graphql.once import once
from mercat.ids import key_of
from mercat_orders.checkout.completing import Progress
from mercat_orders.checkout.inputs import means_of, payment_data, return_url
from mercat_orders.checkout.outcomes import (
    PAYMENT,
    PaymentAction,
    PaymentMethod,
    to_action,
    to_method,
)
from mercat_orders.checkout.paying import methods
from mercat_orders.orders.access import secret_of
from mercat_orders.orders.changes.naming import where_of
from mercat_orders.orders.changes.outcomes import OrderError, to_error
from mercat_orders.orders.changes.paying import Means
from mercat_orders.orders.types.orders import Order, to_order
from mercat_orders.payments import resuming, starting
from mercat_orders.payments.inputs import PaymentResumeInput, PaymentStartInput
from mercat_orders.payments.starting import Way


@strawberry.type(description="The outcome of `paymentStart`.")
class PaymentStartPayload:
    order: Order | None = strawberry.field(description="The order; null where it failed.")
    action: PaymentAction | None = strawberry.field(
        description="What has to happen before it is paid; then call `paymentResume`."
    )
    user_errors: list[OrderError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of `paymentResume`.")
class PaymentResumePayload:
    order: Order | None = strawberry.field(
        description="The order, once there is one; null where it failed."
    )
    secret: str | None = strawberry.field(
        description="With it a guest reads the order, by `order(number:, secret:)`."
    )
    action: PaymentAction | None = strawberry.field(
        description="What still has to happen before it is paid."
    )
    user_errors: list[OrderError] = strawberry.field(description="What the caller can mend.")


async def _methods(orders: Sequence[Order], info: Info) -> list[list[PaymentMethod]]:
    return [await _methods_of(info, order) for order in orders]


async def _methods_of(info: Info, order: Order) -> list[PaymentMethod]:
    amount = starting.open_sum(order.record)
    if not amount:
        return []
    cart = await starting.as_cart(info.context, order.record)
    return [to_method(found) for found in await methods(info.context, cart, amount)]


@extend(Order)
class OrderPaying:
    payment_methods = batched(
        "The ways in which `paymentStart` pays what no payment covers; none where nothing is open.",
        _methods,
    )


@extend(Mutation)
class PaymentMutation:
    @strawberry.field(
        description="Pay what an order still costs and no payment covers, such as after an edit: by"
        " its buyer, or with `orders.manage`. Where the payment needs the buyer, `action` says what"
        " for, and `paymentResume`, or the same call, goes on afterwards."
    )
    @staticmethod
    @once
    async def payment_start(
        info: Info,
        input: Annotated[PaymentStartInput, strawberry.argument(description="Which, and how.")],  # noqa: A002
    ) -> PaymentStartPayload:
        async def work() -> Progress:
            way = Way(input.payment_method_id, return_url(input.return_url), means_of(input))
            return await starting.pay(info.context, where_of(input), way)

        done, errors = await _attempted(work())
        return PaymentStartPayload(
            order=None if done is None else to_order(done.order),
            action=None if done is None else to_action(done),
            user_errors=errors,
        )

    @strawberry.field(
        description="Go on with a payment once its buyer is back from its provider, or the client"
        " has done what `action` asked for: of a checkout, which becomes an order, or of an order."
        " Twice is as once. By the buyer, or with `orders.manage`."
    )
    @staticmethod
    @once
    async def payment_resume(
        info: Info,
        input: Annotated[PaymentResumeInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> PaymentResumePayload:
        async def work() -> Progress:
            key = key_of(input.payment_id, PAYMENT, ("paymentId",))
            means = Means(payment_data(input.payment_data))
            return await resuming.resume(info.context, key, input.secret, means)

        done, errors = await _attempted(work())
        is_order = done is not None and done.order["placed_at"] is not None
        return PaymentResumePayload(
            order=to_order(done.order) if done and is_order else None,
            secret=secret_of(info.context, done.order) if done and is_order else None,
            action=None if done is None else to_action(done),
            user_errors=errors,
        )


async def _attempted(work: Awaitable[Progress]) -> tuple[Progress | None, list[OrderError]]:
    try:
        return await work, []
    except DomainError as error:
        return None, [to_error(error)]
