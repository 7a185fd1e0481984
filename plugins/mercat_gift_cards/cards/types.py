"""How gift cards look to who looks after them."""

# mypy: allow-untyped-decorators

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Annotated, Self

import strawberry

from mercat.errors import InvalidError
from mercat.graphql.context import Info
from mercat.graphql.records import stored
from mercat.graphql.schema import Money, Node
from mercat.ids import encode_id
from mercat.storage import Record
from mercat_gift_cards.cards import service
from mercat_gift_cards.cards.ledger import entries_of

TYPE = "GiftCard"
_MOST_ENTRIES = 100


@strawberry.enum(description="Whether a gift card can be paid with.")
class GiftCardState(Enum):
    ACTIVE = strawberry.enum_value("ACTIVE", description="It can.")
    DISABLED = strawberry.enum_value("DISABLED", description="It was switched off.")


@strawberry.enum(description="What happened to what is on a gift card.")
class GiftCardEntryKind(Enum):
    ISSUED = strawberry.enum_value("ISSUED", description="It was issued with that on it.")
    SPENT = strawberry.enum_value("SPENT", description="An order was paid with it.")
    RETURNED = strawberry.enum_value("RETURNED", description="Some of what was paid came back.")
    ADJUSTED = strawberry.enum_value("ADJUSTED", description="Staff changed it.")


@strawberry.type(description="Something that was put on a gift card, or taken off it.")
class GiftCardEntry:
    kind: GiftCardEntryKind = strawberry.field(description="What happened.")
    amount: Money = strawberry.field(description="How much; below zero where it was taken off.")
    balance: Money = strawberry.field(description="What there was on the card then.")
    order_number: str | None = strawberry.field(description="The order that it was for, if any.")
    reason: str | None = strawberry.field(description="Why staff changed it.")
    at: datetime = strawberry.field(description="When.")


@strawberry.type(description="A balance that is paid with by a code, for who looks after them.")
class GiftCard(Node):
    id: strawberry.ID = stored(
        "_id",
        "Opaque, and unique in the whole shop.",
        convert=lambda key: strawberry.ID(encode_id(TYPE, key)),
    )
    last_characters: str = stored("last", "The last four characters of its code.")
    state: GiftCardState = stored("state", "Whether it can be used.", convert=GiftCardState)
    expires_at: datetime | None = stored("expires_at", "When it can't be used any more, if ever.")
    note: str = stored("note", "A word for staff.")
    issued_at: datetime = stored("created_at", "When it was issued.")
    version: int = stored("version", "Grows with each change.")
    record: strawberry.Private[Record]

    @strawberry.field(description="What was on it when it was issued.")
    def initial_balance(self) -> Money:
        return Money.of(self.record["initial"], self.record["currency"])

    @strawberry.field(description="What is on it now.")
    def balance(self) -> Money:
        return Money.of(self.record["balance"], self.record["currency"])

    @strawberry.field(description="What happened to what is on it, the newest first.")
    async def entries(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="How many: 1 to 100.")] = 20,
    ) -> list[GiftCardEntry]:
        if not 1 <= first <= _MOST_ENTRIES:
            raise InvalidError(f"`first` must be from 1 to {_MOST_ENTRIES}")
        found = await entries_of(info.context, self.record["_id"], first)
        return [_to_entry(one, self.record["currency"]) for one in found]

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        found = await service.cards_by_key(info.context, keys)
        return [cls(record=found[key]) if key in found else None for key in keys]


def _to_entry(entry: Record, currency: str) -> GiftCardEntry:
    return GiftCardEntry(
        kind=GiftCardEntryKind(entry["kind"]),
        amount=Money.of(entry["amount"], currency),
        balance=Money.of(entry["balance"], currency),
        order_number=entry.get("order_number"),
        reason=entry.get("reason"),
        at=entry["at"],
    )
