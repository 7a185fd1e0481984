"""What staff does with payments: by hand, and at their providers."""

# mypy: allow-untyped-decorators

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Annotated

import strawberry

from mercat.errors import DomainError
from mercat.graphql.context import Info, idempotency_key
from mercat.graphql.errors import UserError, input_path
from mercat.graphql.extend import Mutation, extend
from mercat.graphql.scalars import DecimalString
from mercat.ids import key_of
from mercat.storage import Record
from mercat_orders.checkout.outcomes import PAYMENT
from mercat_payments import by_hand, capturing
from mercat_payments.errors import DeclinedError
from mercat_payments.types import Payment, PaymentOperation


@strawberry.input(description="Money that came in by hand, such as by a bank transfer.")
class PaymentMarkPaidInput:
    payment_id: strawberry.ID = strawberry.field(description="The payment's id.")
    amount: DecimalString | None = strawberry.field(
        default=None,
        description="How much, in the payment's currency; all that is open where left out.",
    )
    reference: str = strawberry.field(
        default="", description="What it is found by, such as a line of a bank statement."
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="The same key has its effect once; the header `Idempotency-Key` says it too. "
        "One of them is needed.",
    )


@strawberry.input(description="A refund that was given back by hand.")
class PaymentMarkRefundedInput:
    payment_id: strawberry.ID = strawberry.field(description="The payment's id.")
    refund_key: str = strawberry.field(description="The key of one of its refunds.")


@strawberry.input(description="Money that is to be taken of what was authorized.")
class PaymentCaptureInput:
    payment_id: strawberry.ID = strawberry.field(description="The payment's id.")
    amount: DecimalString | None = strawberry.field(
        default=None,
        description="How much, in the payment's currency; all that can be taken where left out.",
    )
    is_last: bool = strawberry.field(
        default=False,
        description="Whether what it leaves is let go of; always so where the provider captures"
        " once.",
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="The same key has its effect once; the header `Idempotency-Key` says it too. "
        "One of them is needed.",
    )


@strawberry.input(description="A payment that is not to be.")
class PaymentVoidInput:
    payment_id: strawberry.ID = strawberry.field(description="The payment's id.")
    reason: str = strawberry.field(default="", description="Why; it is kept with the payment.")


@strawberry.enum(description="What can be wrong with what is done with a payment.")
class PaymentErrorCode(Enum):
    CONFLICT = strawberry.enum_value(
        "CONFLICT",
        description="The idempotency key came with another amount, or it changed meanwhile.",
    )
    DECLINED = strawberry.enum_value("DECLINED", description="The provider refused it.")
    INVALID = strawberry.enum_value("INVALID", description="It can't be so.")
    NOT_FOUND = strawberry.enum_value("NOT_FOUND", description="There is no such thing.")


@strawberry.type(description="What is wrong with what is done with a payment.")
class PaymentError(UserError):
    code: PaymentErrorCode = strawberry.field(description="What kind of error it is.")


@strawberry.type(description="The outcome of `paymentMarkPaid`.")
class PaymentMarkPaidPayload:
    payment: Payment | None = strawberry.field(description="The payment; null where it failed.")
    user_errors: list[PaymentError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of `paymentMarkRefunded`.")
class PaymentMarkRefundedPayload:
    payment: Payment | None = strawberry.field(description="The payment; null where it failed.")
    user_errors: list[PaymentError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of `paymentCapture`.")
class PaymentCapturePayload:
    payment: Payment | None = strawberry.field(description="The payment; null where it failed.")
    operation: PaymentOperation | None = strawberry.field(
        description="What the provider was asked; it may be settled later."
    )
    user_errors: list[PaymentError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of `paymentVoid`.")
class PaymentVoidPayload:
    payment: Payment | None = strawberry.field(description="The payment; null where it failed.")
    user_errors: list[PaymentError] = strawberry.field(description="What the caller can mend.")


@extend(Mutation)
class PaymentMutation:
    @strawberry.field(
        description="Take money that was authorized, once for each key; needs `payments.manage`."
        " What is sent is taken by itself where `[plugins.payments] capture` says so."
    )
    @staticmethod
    async def payment_capture(
        info: Info,
        input: Annotated[  # noqa: A002
            PaymentCaptureInput, strawberry.argument(description="How much.")
        ],
    ) -> PaymentCapturePayload:
        try:
            found = await capturing.capture_by_hand(
                info.context,
                key_of(input.payment_id, PAYMENT, ("paymentId",)),
                amount=input.amount,
                is_last=input.is_last,
                key=idempotency_key(info, input.idempotency_key),
            )
        except DomainError as error:
            return PaymentCapturePayload(
                payment=None, operation=None, user_errors=[to_error(error)]
            )
        refusal = found.operation["message"] or "the provider refused it"
        is_refused = found.operation["state"] == "DECLINED"
        return PaymentCapturePayload(
            payment=Payment(record=found.payment, is_staff=True),
            operation=PaymentOperation(record=found.operation),
            user_errors=[to_error(DeclinedError(refusal))] if is_refused else [],
        )

    @strawberry.field(
        description="Let go of a payment of which nothing was taken, so that its order can be paid"
        " in another way; needs `payments.manage`. Repeating changes nothing."
    )
    @staticmethod
    async def payment_void(
        info: Info,
        input: Annotated[  # noqa: A002
            PaymentVoidInput, strawberry.argument(description="Which, and why.")
        ],
    ) -> PaymentVoidPayload:
        async def work() -> Record:
            key = key_of(input.payment_id, PAYMENT, ("paymentId",))
            return await capturing.void_by_hand(info.context, key, input.reason)

        payment, errors = await _attempted(work)
        return PaymentVoidPayload(payment=payment, user_errors=errors)

    @strawberry.field(
        description="Say that money came in, for payments whose provider can't be asked; needs "
        "`payments.manage`."
    )
    @staticmethod
    async def payment_mark_paid(
        info: Info,
        input: Annotated[  # noqa: A002
            PaymentMarkPaidInput, strawberry.argument(description="What came in.")
        ],
    ) -> PaymentMarkPaidPayload:
        async def work() -> Record:
            return await by_hand.mark_paid(
                info.context,
                key_of(input.payment_id, PAYMENT, ("paymentId",)),
                amount=input.amount,
                reference=input.reference,
                key=idempotency_key(info, input.idempotency_key),
            )

        payment, errors = await _attempted(work)
        return PaymentMarkPaidPayload(payment=payment, user_errors=errors)

    @strawberry.field(
        description="Say that a refund was given back, for payments whose provider can't be asked; "
        "needs `payments.manage`. Repeating changes nothing."
    )
    @staticmethod
    async def payment_mark_refunded(
        info: Info,
        input: Annotated[  # noqa: A002
            PaymentMarkRefundedInput, strawberry.argument(description="Which refund.")
        ],
    ) -> PaymentMarkRefundedPayload:
        async def work() -> Record:
            payment = key_of(input.payment_id, PAYMENT, ("paymentId",))
            return await by_hand.mark_refunded(info.context, payment, input.refund_key)

        payment, errors = await _attempted(work)
        return PaymentMarkRefundedPayload(payment=payment, user_errors=errors)


async def _attempted(
    work: Callable[[], Awaitable[Record]],
) -> tuple[Payment | None, list[PaymentError]]:
    try:
        return Payment(record=await work(), is_staff=True), []
    except DomainError as error:
        return None, [to_error(error)]


def to_error(error: DomainError) -> PaymentError:
    """An error as a client sees it."""
    code = PaymentErrorCode(error.code)
    return PaymentError(field=input_path(error.field), message=str(error), code=code)
