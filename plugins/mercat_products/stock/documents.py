from datetime import datetime
from typing import Literal

from beanie import Document, PydanticObjectId
from pydantic import BaseModel, Field
from pymongo import IndexModel

COUNTER = "stock"
MOST = 1_000_000_000
"""How many units there may be; sums of two fit into GraphQL's Int."""

Backorders = Literal["DENY", "ALLOW"]
Kind = Literal["ADJUSTED", "SOLD", "RESTOCKED", "FILLED", "POLICY"]
State = Literal["HELD", "COMMITTED", "RELEASED"]


class Hold(BaseModel):
    """Units that wait for one checkout; `attempt` says which of its reservations took them."""

    key: str
    quantity: int
    attempt: int
    expires_at: datetime


class StockDocument(Document):
    """The stock of one variant; its id is the variant's.

    `reserved` are the units held, and `owed`: sold on backorder and not there yet. `sellable` is
    on hand - reserved + what may be sold beyond it, `above_low` on hand - reserved - `low_at`; so
    each condition of a change compares one stored number. `shown` and `low` are what was last told
    to others. `number` is its place in lists.
    """

    id: PydanticObjectId
    product: PydanticObjectId
    seller: str | None = None
    sku: str
    number: int
    on_hand: int = 0
    reserved: int = 0
    owed: int = 0
    sellable: int = 0
    above_low: int = 0
    low_at: int
    backorders: Backorders = "DENY"
    backorder_limit: int | None = None
    held: list[Hold] = Field(default_factory=list)
    shown: bool = True
    low: bool = False
    version: int = 0
    created_at: datetime
    updated_at: datetime

    class Settings:
        name = "stock"
        indexes = [
            IndexModel([("product", 1)]),
            IndexModel([("number", 1)], unique=True),
            IndexModel([("low", 1), ("number", 1)]),
            IndexModel([("seller", 1), ("number", 1)]),
            IndexModel([("seller", 1), ("low", 1), ("number", 1)]),
            IndexModel([("held.key", 1)]),
            IndexModel([("held.expires_at", 1)]),
            IndexModel([("shown", 1), ("sellable", 1)]),
            IndexModel([("low", 1), ("above_low", 1)]),
        ]


class StockChangeDocument(Document):
    """One line of a stock's history, never changed; `number` is the stock's version after it."""

    stock: PydanticObjectId
    number: int
    kind: Kind
    delta: int
    backordered: int = 0
    reason: str | None = None
    note: str = ""
    reference: str | None = None
    who: str
    at: datetime
    on_hand: int
    reserved: int

    class Settings:
        name = "stock_changes"
        indexes = [
            IndexModel([("stock", 1), ("number", 1)], unique=True),
            IndexModel([("reference", 1)]),
        ]


class ReservedLine(BaseModel):
    variant: PydanticObjectId
    quantity: int


class ReservationDocument(Document):
    """What one cart or checkout asked for; `attempt` grows with whatever is done to it."""

    id: str  # type: ignore[assignment]
    state: State
    attempt: int
    lines: list[ReservedLine]
    expires_at: datetime
    forget_at: datetime

    class Settings:
        name = "stock_reservations"
        indexes = [IndexModel([("forget_at", 1)])]
