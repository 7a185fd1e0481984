from datetime import datetime
from typing import Literal

from beanie import Document
from pymongo import IndexModel

from mercat.checkout import PaymentState
from mercat.payments import EventKind

COUNTER = "payments"

OperationKind = Literal["START", "CAPTURE", "VOID", "REFUND"]
OperationState = Literal["BEGUN", "DONE", "PENDING", "DECLINED", "UNKNOWN"]

Left = Literal["VOID", "REFUND"]
"""What is still to be done so that a payment has ended, or holds no more than it needs."""

OPEN: tuple[OperationState, ...] = ("BEGUN", "UNKNOWN")
"""Of an operation of which nobody knows what became of it."""


class PaymentDocument(Document):
    """The payment of one order; its id is the order's key.

    Its first operation stands in it: `start` is that one's state, and `who` asked for it. `state`
    is where the payment stands. `authorized`, `captured` and `refunded` are the fold of its events;
    `refunding` is what refunds that aren't settled will take, and `refundable` what is left then,
    so that a refund compares one stored number; `capturing` and `capturable` are the same of
    captures. It `is_closing` once its last capture was made. `request` is what the provider is
    asked, sealed, until it has answered; `shown` what the buyer or the client gets, sealed.
    `ask_at` is when the provider is asked again; one that `is_asked` knows by itself what was paid.

    An order that ended before anything was begun has an id and `ended_at` alone, so that what comes
    too late begins nothing.
    """

    id: str  # type: ignore[assignment]
    number: int
    provider: str
    method: str
    amount: int
    currency: str
    order_number: str
    on_delivery: bool = False
    is_asked: bool
    captures: bool = True
    who: str
    ref: str | None = None
    start: OperationState = "BEGUN"
    state: PaymentState = "unknown"
    message: str = ""
    request: bytes | None = None
    shown: bytes | None = None
    is_action: bool = False
    expires_at: datetime | None = None
    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    disputed: int = 0
    capturing: int = 0
    capturable: int = 0
    is_closing: bool = False
    refunding: int = 0
    refundable: int = 0
    left: Left | None = None
    ended_at: datetime | None = None
    end_reason: str | None = None
    ask_at: datetime | None = None
    asks: int = 0
    created_at: datetime
    updated_at: datetime
    version: int = 1

    class Settings:
        name = "payments"
        indexes = [
            IndexModel([("number", 1)]),
            IndexModel([("state", 1), ("number", 1)]),
            IndexModel([("order_number", 1), ("number", 1)]),
            IndexModel([("ask_at", 1)]),
            IndexModel([("ref", 1)]),
        ]


class PaymentOperationDocument(Document):
    """Something that a provider is asked after the start; written before, and never deleted.

    Its id is the key that the provider is given. `who` asked for it. After a capture that `is_last`
    nothing more is to be taken.
    """

    id: str  # type: ignore[assignment]
    payment: str
    kind: OperationKind
    amount: int
    currency: str
    is_last: bool = False
    state: OperationState = "BEGUN"
    ref: str | None = None
    reason: str = ""
    message: str = ""
    who: str
    created_at: datetime
    updated_at: datetime

    class Settings:
        name = "payment_operations"
        indexes = [IndexModel([("payment", 1), ("created_at", 1)])]


class PaymentEventDocument(Document):
    """One line of the ledger, never changed; its id is the provider's code and the event's id."""

    id: str  # type: ignore[assignment]
    payment: str
    provider: str
    kind: EventKind
    amount: int
    currency: str
    ref: str
    parent_ref: str | None = None
    at: datetime
    received_at: datetime

    class Settings:
        name = "payment_events"
        indexes = [IndexModel([("payment", 1)])]


class PaymentCustomerDocument(Document):
    """Whom a provider knows a user as; its id is the key that they are enrolled with.

    Written before the provider is asked, with the `ref` that it answers afterwards.
    """

    id: str  # type: ignore[assignment]
    user: str
    provider: str
    ref: str | None = None
    created_at: datetime

    class Settings:
        name = "payment_customers"
        indexes = [IndexModel([("user", 1)])]
