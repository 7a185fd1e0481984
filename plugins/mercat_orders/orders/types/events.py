"""What the history of an order looks like."""

# mypy: allow-untyped-decorators

from datetime import datetime

import strawberry

from mercat.graphql.connections import decode_cursor, encode_cursor
from mercat.graphql.records import stored
from mercat.ids import encode_id
from mercat.storage import Record
from mercat_orders.orders.sight import Sight, sees_facts
from mercat_orders.pricing.schema import seller_id

_KIND = "orderEvents"


@strawberry.type(description="One more thing that is known of something that happened.")
class OrderFact:
    name: str = strawberry.field(description="What it is.")
    value: str = strawberry.field(description="Its value.")


@strawberry.type(description="Something that happened to an order.")
class OrderEvent:
    kind: str = stored("kind", "What happened, such as `PLACED` or `PAYMENT_CHANGED`.")
    at: datetime = stored("at", "When it happened.")
    role: str = stored("role", "The role of who did it; `SYSTEM` for the shop itself.")
    seller_id: strawberry.ID | None = stored(
        "seller", "The id of the seller whose part it is about, if it is one's.", convert=seller_id
    )
    reason: str = stored("reason", "Why, as far as somebody said.", default="")
    is_internal: bool = stored("is_internal", "Whether the buyer isn't shown it.", default=False)
    record: strawberry.Private[Record]
    whole: strawberry.Private[Record]
    sight: strawberry.Private[Sight]

    @strawberry.field(description="Its place in the order's history; goes into `since`.")
    def cursor(self) -> str:
        return encode_cursor(_kind(self.whole["_id"]), self.record["number"])

    @strawberry.field(description="The id of the user who did it; null except for staff.")
    def user_id(self) -> strawberry.ID | None:
        user = self.record["user"]
        if user is None or not self.sight.is_staff:
            return None
        return strawberry.ID(encode_id("User", user))

    @strawberry.field(description="What else is known, such as quantities.")
    def facts(self) -> list[OrderFact]:
        if not sees_facts(self.sight, self.record):
            return []
        return [OrderFact(name=name, value=str(it)) for name, it in self.record["facts"].items()]


def to_event(record: Record, sight: Sight, entry: Record) -> OrderEvent:
    """An entry of a stored order's timeline, to somebody who may see it."""
    return OrderEvent(record=entry, whole=record, sight=sight)


def entry_number(key: object, cursor: str | None) -> int | None:
    """The number of the entry with a cursor. Raises InvalidError for another order's cursor."""
    return decode_cursor(_kind(key), cursor)


def _kind(key: object) -> str:
    return f"{_KIND}:{key}"
