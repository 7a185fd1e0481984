"""What payments look like."""

# mypy: allow-untyped-decorators

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Self

import strawberry

from mercat.graphql.batching import batched
from mercat.graphql.connections import After, Connection, First, ListWindow
from mercat.graphql.context import Info
from mercat.graphql.extend import extend
from mercat.graphql.records import reads, stored
from mercat.graphql.schema import Money, Node
from mercat.ids import encode_id
from mercat.storage import Record
from mercat_orders.checkout.outcomes import PAYMENT, PaymentAction, status_action
from mercat_orders.orders.money import payments
from mercat_orders.orders.types.orders import Order
from mercat_payments import service
from mercat_payments.telling import status_of

_LEDGER = "paymentEvents"


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


@strawberry.enum(description="What a provider can be asked after a payment began.")
class PaymentOperationKind(Enum):
    CAPTURE = strawberry.enum_value("CAPTURE", description="To take what was authorized.")
    VOID = strawberry.enum_value("VOID", description="To let go of what isn't taken.")
    REFUND = strawberry.enum_value("REFUND", description="To give money back.")


@strawberry.enum(description="What became of what a provider was asked.")
class PaymentOperationState(Enum):
    DONE = strawberry.enum_value("DONE", description="It was done.")
    PENDING = strawberry.enum_value("PENDING", description="The provider settles it later.")
    DECLINED = strawberry.enum_value("DECLINED", description="It was refused; see `message`.")
    UNKNOWN = strawberry.enum_value(
        "UNKNOWN", description="Nobody knows yet; the same is asked again."
    )


def _operation_state(state: str) -> PaymentOperationState:
    known = state in PaymentOperationState.__members__
    return PaymentOperationState[state] if known else PaymentOperationState.UNKNOWN


@strawberry.type(description="Something that a provider was asked after a payment began.")
class PaymentOperation:
    key: str = stored("_id", "The idempotency key that the provider is given.")
    kind: PaymentOperationKind = stored("kind", "What for.", convert=PaymentOperationKind)
    state: PaymentOperationState = stored("state", "What became of it.", convert=_operation_state)
    reason: str = stored("reason", "Why.", default="")
    message: str = stored("message", "What the provider said of it.", default="")
    reference: str | None = stored("ref", "What the provider knows it by.")
    created_at: datetime = stored("created_at", "When it was asked for.")
    updated_at: datetime = stored("updated_at", "When it last changed.")
    record: strawberry.Private[Record]

    @strawberry.field(description="Of how much.")
    @reads("amount", "currency")
    def amount(self) -> Money:
        return Money.of(self.record["amount"], self.record["currency"])


@strawberry.enum(description="What happened to money.")
class PaymentEventKind(Enum):
    AUTHORIZED = strawberry.enum_value("authorized", description="Money was reserved.")
    AUTHORIZATION_EXPIRED = strawberry.enum_value(
        "authorization_expired", description="It is not reserved any more, as it took too long."
    )
    VOIDED = strawberry.enum_value("voided", description="What was reserved was let go of.")
    CAPTURED = strawberry.enum_value("captured", description="Money was taken.")
    CAPTURE_FAILED = strawberry.enum_value(
        "capture_failed", description="It was not taken in the end."
    )
    REFUND_PENDING = strawberry.enum_value(
        "refund_pending", description="Money is about to go back."
    )
    REFUNDED = strawberry.enum_value("refunded", description="Money went back.")
    REFUND_FAILED = strawberry.enum_value(
        "refund_failed", description="It did not go back in the end."
    )
    REFUND_REVERSED = strawberry.enum_value(
        "refund_reversed", description="What went back came again."
    )
    DISPUTE_OPENED = strawberry.enum_value(
        "dispute_opened", description="The buyer's bank disputes it."
    )
    DISPUTE_WON = strawberry.enum_value(
        "dispute_won", description="The dispute ended for the shop."
    )
    DISPUTE_LOST = strawberry.enum_value(
        "dispute_lost", description="The dispute ended for the buyer."
    )
    FAILED = strawberry.enum_value("failed", description="The payment failed.")


@strawberry.type(description="One line of the ledger of a payment; it never changes.")
class PaymentEvent:
    key: str = stored("_id", "The provider's code, and its id of what happened.")
    kind: PaymentEventKind = stored("kind", "What happened.", convert=PaymentEventKind)
    reference: str = stored("ref", "What it happened to, as the provider knows it.")
    at: datetime = stored("at", "When it happened, as the provider says.")
    received_at: datetime = stored("received_at", "When the shop heard of it first.")
    record: strawberry.Private[Record]

    @strawberry.field(description="Of how much.")
    @reads("amount", "currency")
    def amount(self) -> Money:
        return Money.of(self.record["amount"], self.record["currency"])


async def _refunds(payments: "list[Payment]", info: Info) -> list[list[PaymentRefund]]:
    found = await service.operations_of(info.context, _keys(payments))
    return [
        [PaymentRefund(record=record) for record in found[key] if record["kind"] == "REFUND"]
        for key in _keys(payments)
    ]


async def _operations(payments: "list[Payment]", info: Info) -> list[list[PaymentOperation] | None]:
    found = await service.operations_of(info.context, _keys(payments))
    return [
        [PaymentOperation(record=record) for record in found[payment.record["_id"]]]
        if payment.is_staff
        else None
        for payment in payments
    ]


async def _events(
    payments: "list[Payment]", info: Info, first: First = None, after: After = None
) -> list[Connection[PaymentEvent] | None]:
    window = ListWindow.of(_LEDGER, first, after)
    found = await service.events_of(info.context, _keys(payments))
    return [
        window.connection(found[payment.record["_id"]], lambda line: PaymentEvent(record=line))
        if payment.is_staff
        else None
        for payment in payments
    ]


def _keys(payments: "list[Payment]") -> list[str]:
    return [payment.record["_id"] for payment in payments]


async def _actions(payments: "list[Payment]", info: Info) -> list[PaymentAction | None]:
    return [await _action(info, payment) for payment in payments]


async def _action(info: Info, payment: "Payment") -> PaymentAction | None:
    if payment.is_staff or payment.record["state"] not in {"action", "unknown"}:
        return None
    return status_action(payment.record["_id"], await status_of(info.context, payment.record))


@strawberry.type(
    description="What is paid for an order, and how; for its buyer, and for the shop's staff."
)
class Payment(Node):
    id: strawberry.ID = stored(
        "_id",
        "Opaque, and unique in the whole shop.",
        convert=lambda key: strawberry.ID(encode_id(PAYMENT, key)),
    )
    provider: str = stored("provider", "Who takes it, such as `manual`.")
    method: str = stored("method", "In which way, such as `manual:bank_transfer`.")
    state: PaymentState = stored("state", "Where it stands.", convert=PaymentState)
    order_number: str = stored(
        "order_number", "The order's number, which a bank transfer has as its reference."
    )
    message: str = stored("message", "What its buyer was told.", default="")
    action = batched("What its buyer has to do; null for others, or for nothing.", _actions)
    refunds = batched("What was to go back, the oldest first.", _refunds)
    operations = batched(
        "What the provider was asked since it began, the oldest first; for staff.", _operations
    )
    events = batched("Its ledger: what happened, as it was heard of; for staff.", _events)
    created_at: datetime = stored("created_at", "When it began.")
    updated_at: datetime = stored("updated_at", "When it last changed.")
    ended_at: datetime | None = stored(
        "ended_at", "When it was decided that it won't be paid; null where it may be."
    )
    version: int = stored("version", "Grows with each change.")
    record: strawberry.Private[Record]
    is_staff: strawberry.Private[bool] = False

    @strawberry.field(description="What the provider knows it by; for staff.")
    def reference(self) -> str | None:
        return self.record["ref"] if self.is_staff else None

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

    @strawberry.field(description="How much of it the buyer's bank took back, or may.")
    @reads("disputed", "currency")
    def disputed(self) -> Money:
        return Money.of(self.record["disputed"], self.record["currency"])

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        found = await service.payments_by_key(info.context, keys)
        is_staff = await service.is_staff(info.context)
        return [cls(record=found[key], is_staff=is_staff) if key in found else None for key in keys]


async def _of_orders(orders: list[Order], info: Info) -> list[list[Payment]]:
    keys = [[one["key"] for one in payments(order.record)] for order in orders]
    found = await service.payments_of_orders(info.context, [key for each in keys for key in each])
    is_staff = await service.is_staff(info.context)
    return [
        [Payment(record=found[key], is_staff=is_staff) for key in each if key in found]
        for each in keys
    ]


@extend(Order)
class OrderPayments:
    payments = batched("How it is paid: what was begun of it, the first thing first.", _of_orders)
