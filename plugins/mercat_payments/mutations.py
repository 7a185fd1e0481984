"""What people say of payments by hand."""

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
from mercat_payments import by_hand
from mercat_payments.schema import TYPE, Payment


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


@strawberry.enum(description="What can be wrong with what is said of a payment.")
class PaymentErrorCode(Enum):
    CONFLICT = strawberry.enum_value(
        "CONFLICT", description="The idempotency key came with another amount."
    )
    INVALID = strawberry.enum_value("INVALID", description="It can't be so.")
    NOT_FOUND = strawberry.enum_value("NOT_FOUND", description="There is no such thing.")


@strawberry.type(description="What is wrong with what is said of a payment.")
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


@extend(Mutation)
class PaymentMutation:
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
                key_of(input.payment_id, TYPE, ("paymentId",)),
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
            payment = key_of(input.payment_id, TYPE, ("paymentId",))
            return await by_hand.mark_refunded(info.context, payment, input.refund_key)

        payment, errors = await _attempted(work)
        return PaymentMarkRefundedPayload(payment=payment, user_errors=errors)


async def _attempted(
    work: Callable[[], Awaitable[Record]],
) -> tuple[Payment | None, list[PaymentError]]:
    try:
        return Payment(record=await work()), []
    except DomainError as error:
        code = PaymentErrorCode(error.code)
        field = input_path(error.field)
        return None, [PaymentError(field=field, message=str(error), code=code)]
