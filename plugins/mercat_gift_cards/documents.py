"""What is stored. Sums are minor units of the card's currency."""

from datetime import datetime
from typing import Any, Literal

from beanie import Document, PydanticObjectId
from pymongo import IndexModel

State = Literal["ACTIVE", "DISABLED"]
Kind = Literal["ISSUED", "SPENT", "RETURNED", "ADJUSTED"]


class GiftCardDocument(Document):
    """A gift card. Its code is sealed; by `digest` it is found, and `last` is what people see.

    `balance` is the sum of its entries, and grows a `version` with each.
    """

    number: int
    digest: str
    code: Any
    last: str
    currency: str
    initial: int
    balance: int
    state: State = "ACTIVE"
    expires_at: datetime | None = None
    note: str = ""
    issued_by: str
    created_at: datetime
    updated_at: datetime
    version: int = 1

    class Settings:
        name = "gift_cards"
        indexes = [
            IndexModel([("digest", 1)], unique=True),
            IndexModel([("number", 1)], unique=True),
            IndexModel([("last", 1), ("number", 1)]),
        ]


class GiftCardEntryDocument(Document):
    """What was put on a card, or taken off it, once for each key.

    `balance` is what there was on it then. Of what was `SPENT`, `left` can still be returned; what
    is `RETURNED` names it by `spent`.
    """

    id: str  # type: ignore[assignment]
    card: PydanticObjectId
    number: int
    kind: Kind
    amount: int
    balance: int
    left: int | None = None
    spent: str | None = None
    order_number: str | None = None
    reason: str = ""
    who: str | None = None
    at: datetime

    class Settings:
        name = "gift_card_entries"
        indexes = [IndexModel([("card", 1), ("number", 1)])]
