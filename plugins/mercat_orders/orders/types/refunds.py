"""What refunds look like, and what orders say of money."""

# mypy: allow-untyped-decorators

from collections.abc import Sequence
from datetime import datetime
from enum import Enum

import strawberry

from mercat.graphql.batching import batched
from mercat.graphql.context import Info
from mercat.graphql.extend import extend
from mercat.graphql.records import reads, stored
from mercat.graphql.schema import Money
from mercat.ids import id_encoder
from mercat.storage import Record
from mercat_orders.orders import money
from mercat_orders.orders.types.orders import Order, SellerOrder


@strawberry.enum(description="Where a refund stands.")
class RefundState(Enum):
    WANTED = strawberry.enum_value("WANTED", description="It is asked for.")
    PENDING = strawberry.enum_value("PENDING", description="The provider takes its time.")
    DONE = strawberry.enum_value("DONE", description="The money went back.")
    FAILED = strawberry.enum_value("FAILED", description="It could not be made; see `message`.")


@strawberry.enum(description="Why money goes back.")
class RefundCause(Enum):
    CANCELLED = strawberry.enum_value("CANCELLED", description="What was paid was cancelled.")
    RETURNED = strawberry.enum_value("RETURNED", description="What was paid came back.")
    GOODWILL = strawberry.enum_value("GOODWILL", description="Somebody of the shop decided it.")
    OVERPAID = strawberry.enum_value("OVERPAID", description="More was paid than was due.")
    PROVIDER = strawberry.enum_value(
        "PROVIDER", description="It was given back at the payment's provider, not by the shop."
    )


@strawberry.type(description="Money that goes back.")
class Refund:
    id: strawberry.ID = stored("id", "Opaque; unique in the shop.", convert=id_encoder("Refund"))
    state: RefundState = stored("state", "Where it stands.", convert=RefundState)
    cause: RefundCause = stored("cause", "Why it goes back.", convert=RefundCause)
    reason: str = stored("reason", "What was said about it.", default="")
    message: str = stored("message", "What the payment's provider says.", default="")
    created_at: datetime = stored("created_at", "When it was decided.")
    updated_at: datetime = stored("updated_at", "When it last changed.")
    record: strawberry.Private[Record]
    currency: strawberry.Private[str]

    @strawberry.field(description="How much.")
    def amount(self) -> Money:
        return Money.of(self.record["amount"], self.currency)


def to_refunds(whole: Record, part: Record | None = None) -> list[Refund]:
    """The refunds of a stored order, or of one part of it."""
    return [
        Refund(record=one, currency=whole["currency"])
        for one in whole.get("refunds") or ()
        if part is None or one["part"] == part["id"]
    ]


_MONEY = ("sums", "payment", "further_payments", "refunds", "waived", "currency")


@reads(*_MONEY)
def _paid(orders: Sequence[Order], _info: Info) -> list[Money]:
    return [Money.of(money.paid(one.record), one.record["currency"]) for one in orders]


@reads(*_MONEY)
def _due(orders: Sequence[Order], _info: Info) -> list[Money]:
    return [Money.of(money.due(one.record), one.record["currency"]) for one in orders]


@reads(*_MONEY)
def _current(orders: Sequence[Order], _info: Info) -> list[Money]:
    return [Money.of(money.left(one.record), one.record["currency"]) for one in orders]


@reads(*_MONEY)
def _refunded(orders: Sequence[Order], _info: Info) -> list[Money]:
    return [Money.of(money.refunded(one.record), one.record["currency"]) for one in orders]


@reads("refunds", "currency")
def _refunds(orders: Sequence[Order], _info: Info) -> list[list[Refund]]:
    return [to_refunds(one.record) for one in orders]


@extend(Order)
class OrderMoney:
    current_total = batched(
        "What it comes to now: `totals` without what was cancelled, waived, or went back.", _current
    )
    paid = batched("What was taken for it: nothing as long as it is only promised.", _paid)
    due = batched(
        "What is still to be paid, without what was cancelled or waived; nothing once it is paid.",
        _due,
    )
    refunded = batched(
        "What goes back of what was paid: what is asked for, pending or done.", _refunded
    )
    refunds = batched("What goes back, one by one, and what could not.", _refunds)


@extend(SellerOrder)
class SellerOrderMoney:
    @strawberry.field(description="What goes back of what was paid for it, one by one.")
    @staticmethod
    def refunds(part: strawberry.Parent[SellerOrder]) -> list[Refund]:
        return to_refunds(part.whole, part.record)

    @strawberry.field(description="What goes back of it: what is asked for, pending or done.")
    @staticmethod
    def refunded(part: strawberry.Parent[SellerOrder]) -> Money:
        return Money.of(money.refunded(part.whole, part.record), part.whole["currency"])

    @strawberry.field(description="The order's version: it grows with each change.")
    @staticmethod
    def version(part: strawberry.Parent[SellerOrder]) -> int:
        return int(part.whole["version"])
