"""What returns look like."""

# mypy: allow-untyped-decorators

from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import Any

import strawberry

from mercat.graphql.batching import batched
from mercat.graphql.extend import extend
from mercat.graphql.records import stored
from mercat.graphql.schema import Money
from mercat.ids import id_encoder
from mercat.storage import Record
from mercat_orders.orders.types.lines import OrderLine, to_lines, variants_of
from mercat_orders.orders.types.orders import SellerOrder
from mercat_orders.orders.types.refunds import Refund, to_refunds


@strawberry.enum(description="How far a return is.")
class ReturnState(Enum):
    REQUESTED = strawberry.enum_value("REQUESTED", description="The buyer asks for it.")
    APPROVED = strawberry.enum_value("APPROVED", description="The buyer may send it.")
    RECEIVED = strawberry.enum_value(
        "RECEIVED", description="It has arrived, and nothing is paid for it yet."
    )
    REFUNDED = strawberry.enum_value(
        "REFUNDED",
        description="Money goes back for it, as far as there is some left, or it needn't be paid.",
    )
    REFUSED = strawberry.enum_value("REFUSED", description="It isn't taken, or not paid for.")


@strawberry.type(description="So many of a line that come back.")
class ReturnLine:
    line: OrderLine = strawberry.field(description="The line.")
    quantity: int = strawberry.field(description="How many are to come.")
    received_quantity: int = strawberry.field(description="How many arrived.")
    restocked_quantity: int = strawberry.field(description="How many of those are sold again.")


@strawberry.type(description="So many of a variant that are wanted instead of what comes back.")
class ReturnWish:
    variant = batched("The variant; null where it is not shown any more.", variants_of)
    quantity: int = stored("quantity", "How many.")
    record: strawberry.Private[Record]


@strawberry.type(description="Delivered things of one seller that come back.")
class Return:
    id: strawberry.ID = stored("id", "Opaque; unique in the shop.", convert=id_encoder("Return"))
    state: ReturnState = stored("state", "How far it is.", convert=ReturnState)
    reason: str = stored("reason", "What the buyer says.", default="")
    message: str = stored("answer", "What the seller or the shop says.", default="")
    created_at: datetime = stored("created_at", "When it was asked for.")
    updated_at: datetime = stored("updated_at", "When it last changed.")
    record: strawberry.Private[Record]
    whole: strawberry.Private[Record]
    part: strawberry.Private[Record]

    @strawberry.field(description="What comes back.")
    def lines(self) -> list[ReturnLine]:
        known: dict[Any, OrderLine] = {
            line.record["id"]: line for line in to_lines(self.whole, self.part)
        }
        return [
            ReturnLine(
                line=known[one["line"]],
                quantity=one["quantity"],
                received_quantity=one["received"],
                restocked_quantity=one["restocked"],
            )
            for one in self.record["lines"]
        ]

    @strawberry.field(description="What the buyer wants instead.")
    def exchange(self) -> list[ReturnWish]:
        return [ReturnWish(record=wish) for wish in self.record["wishes"]]

    @strawberry.field(description="What is sent instead: lines of the order.")
    def exchange_lines(self) -> list[OrderLine]:
        lines = to_lines(self.whole, self.part)
        return [line for line in lines if line.record.get("exchange") == self.record["id"]]

    @strawberry.field(description="What was paid for what arrived of it.")
    def value(self) -> Money:
        return Money.of(self.record["value"], self.whole["currency"])

    @strawberry.field(description="What goes back for it; one refund for each payment it is from.")
    def refunds(self) -> list[Refund]:
        wanted = self.record["refunds"]
        found = to_refunds(self.whole, self.part)
        return [one for one in found if one.record["id"] in wanted]


def to_returns(whole: Record, part: Record, keys: Iterable[str] | None = None) -> list[Return]:
    """The returns of a part of a stored order, or those with these keys."""
    wanted = None if keys is None else set(keys)
    return [
        Return(record=one, whole=whole, part=part)
        for one in part.get("returns") or ()
        if wanted is None or str(one["id"]) in wanted
    ]


@extend(SellerOrder)
class SellerOrderReturns:
    @strawberry.field(description="What comes back of it.")
    @staticmethod
    def returns(part: strawberry.Parent[SellerOrder]) -> list[Return]:
        return to_returns(part.whole, part.record)
