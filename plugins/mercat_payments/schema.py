"""What payments look like."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Annotated, Self

import strawberry

from mercat.graphql.batching import batched
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
from mercat.graphql.extend import Query, extend
from mercat.graphql.records import reads, stored
from mercat.graphql.schema import Money, Node
from mercat.ids import encode_id
from mercat.storage import Record
from mercat_payments import service

TYPE = "Payment"
CURSOR = "payments"


@strawberry.enum(description="Where a payment stands.")
class PaymentState(Enum):
    PAID = strawberry.enum_value("paid", description="All of it was taken.")
    AUTHORIZED = strawberry.enum_value(
        "authorized", description="All of it is reserved, and can be taken."
    )
    ON_DELIVERY = strawberry.enum_value(
        "on_delivery", description="It is paid when the goods come."
    )
    AWAITED = strawberry.enum_value("awaited", description="It is paid before the goods go.")
    ACTION = strawberry.enum_value("action", description="Its buyer has something to do first.")
    DECLINED = strawberry.enum_value("declined", description="It was refused.")
    UNKNOWN = strawberry.enum_value(
        "unknown", description="Nobody knows yet; the provider is asked again."
    )
    ENDED = strawberry.enum_value(
        "ended", description="It will not be paid, and what was paid goes back."
    )


@strawberry.enum(description="What became of a refund.")
class PaymentRefundState(Enum):
    DONE = strawberry.enum_value("done", description="The money went back.")
    PENDING = strawberry.enum_value("pending", description="It will be settled later.")
    FAILED = strawberry.enum_value("failed", description="It was refused.")


_REFUND_STATES = {"DONE": PaymentRefundState.DONE, "DECLINED": PaymentRefundState.FAILED}


def _refund_state(state: str) -> PaymentRefundState:
    return _REFUND_STATES.get(state, PaymentRefundState.PENDING)


@strawberry.type(description="Money that goes back to a buyer.")
class PaymentRefund:
    key: str = stored("_id", "What it is known by.")
    state: PaymentRefundState = stored("state", "What became of it.", convert=_refund_state)
    reason: str = stored("reason", "Why.", default="")
    message: str = stored("message", "What the provider said of it.", default="")
    created_at: datetime = stored("created_at", "When it was asked for.")
    record: strawberry.Private[Record]

    @strawberry.field(description="How much goes back.")
    @reads("amount", "currency")
    def amount(self) -> Money:
        return Money.of(self.record["amount"], self.record["currency"])


async def _refunds(payments: "list[Payment]", info: Info) -> list[list[PaymentRefund]]:
    keys = [payment.record["_id"] for payment in payments]
    found = await service.refunds_of(info.context, keys)
    return [[PaymentRefund(record=record) for record in found[key]] for key in keys]


@strawberry.type(description="What is paid for an order, and how; for the shop's staff.")
class Payment(Node):
    id: strawberry.ID = stored(
        "_id",
        "Opaque, and unique in the whole shop.",
        convert=lambda key: strawberry.ID(encode_id(TYPE, key)),
    )
    provider: str = stored("provider", "Who takes it, such as `manual`.")
    method: str = stored("method", "In which way, such as `manual:bank_transfer`.")
    state: PaymentState = stored("state", "Where it stands.", convert=PaymentState)
    order_number: str = stored(
        "order_number", "The order's number, which a bank transfer has as its reference."
    )
    message: str = stored("message", "What its buyer was told.", default="")
    reference: str | None = stored("ref", "What the provider knows it by.")
    refunds = batched("What was to go back, the oldest first.", _refunds)
    created_at: datetime = stored("created_at", "When it began.")
    updated_at: datetime = stored("updated_at", "When it last changed.")
    ended_at: datetime | None = stored(
        "ended_at", "When it was decided that it won't be paid; null where it may be."
    )
    version: int = stored("version", "Grows with each change.")
    record: strawberry.Private[Record]

    @strawberry.field(description="What is to be paid.")
    @reads("amount", "currency")
    def amount(self) -> Money:
        return Money.of(self.record["amount"], self.record["currency"])

    @strawberry.field(description="How much is reserved and not taken.")
    @reads("authorized", "currency")
    def authorized(self) -> Money:
        return Money.of(self.record["authorized"], self.record["currency"])

    @strawberry.field(description="How much was taken.")
    @reads("captured", "currency")
    def captured(self) -> Money:
        return Money.of(self.record["captured"], self.record["currency"])

    @strawberry.field(description="How much of that went back.")
    @reads("refunded", "currency")
    def refunded(self) -> Money:
        return Money.of(self.record["refunded"], self.record["currency"])

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        found = await service.payments_by_key(info.context, keys)
        return [cls(record=found[key]) if key in found else None for key in keys]


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

        return connection(CURSOR, page, [Payment(record=each) for each in page.records], count)
