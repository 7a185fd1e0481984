from datetime import datetime
from typing import Any, Literal

from beanie import Document
from pymongo import IndexModel

State = Literal[
    "OPEN", "CODE", "SETTLING", "APPROVED", "DECLINED", "CANCELLED", "EXPIRED", "VOIDED"
]

Telling = Literal["at_once", "late", "twice", "out_of_order", "none"]
"""How the company sends its messages about a payment."""


class SandboxPaymentDocument(Document):
    """What the company knows of one payment; its id is the key that it was begun with.

    `door` is the digest of the token of its page; the token itself and where the buyer comes back
    to are sealed in `kept`. `events` are what `fetch` tells, `operations` the answers by their
    keys, `messages` those that wait to be sent; `wrong` are codes that were. `due_at` is when
    something happens by itself next.
    """

    id: str  # type: ignore[assignment]
    ref: str
    door: str
    kept: bytes
    method: str
    amount: int
    currency: str
    order_number: str
    captures: bool = True
    outcome: str | None = None
    telling: Telling = "at_once"
    state: State = "OPEN"
    reason: str | None = None
    wrong: list[str] = []
    authorized: int = 0
    voided: int = 0
    captured: int = 0
    refunded: int = 0
    events: list[dict[str, Any]] = []
    operations: list[dict[str, Any]] = []
    messages: list[dict[str, Any]] = []
    created_at: datetime
    expires_at: datetime
    settles_at: datetime | None = None
    due_at: datetime | None = None
    version: int = 1

    class Settings:
        name = "sandbox_payments"
        indexes = [
            IndexModel([("ref", 1)], unique=True),
            IndexModel([("door", 1)], unique=True),
            IndexModel([("due_at", 1)]),
        ]
