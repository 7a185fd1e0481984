from datetime import datetime
from typing import Literal

from beanie import Document, PydanticObjectId
from pydantic import BaseModel, Field
from pymongo import IndexModel

COUNTER = "payouts"

EntryKind = Literal[
    "EARNED",
    "REFUNDED",
    "DISCOUNT",
    "COMMISSION",
    "COMMISSION_BACK",
    "DUE",
    "TRANSFERRED",
    "PAID",
    "FAILED",
    "REVERSED",
    "ADJUSTED",
]
CallState = Literal["WANTED", "UNKNOWN", "PENDING", "DONE", "FAILED"]
OPEN: tuple[CallState, ...] = ("WANTED", "UNKNOWN", "PENDING")
"""Of a payout, or a reversal, of which it isn't known yet what becomes of it."""
AccountState = Literal["READY", "INFORMATION_NEEDED", "REFUSED"]


class StoredShare(BaseModel):
    """A mercat_payouts.shares.Share, as it was written into the ledger."""

    gross: int = 0
    discount: int = 0
    commission: int = 0


class SplitPart(BaseModel):
    """What was written down of one part; `seller` is None for the shop itself, which earns nothing.

    `provider` pays for it. It is ready since `ready_at`, and once it `is_due` it stays so. `sent`
    is what was transferred of `due`, or set off; `failures` counts transfers that were declined,
    and at `retry_at` it is tried again. `number` is that of its last entry that made something due.
    """

    id: PydanticObjectId
    seller: str | None
    provider: str
    ready_at: datetime | None = None
    is_due: bool = False
    earned: StoredShare = StoredShare()
    due: StoredShare = StoredShare()
    sent: int = 0
    failures: int = 0
    retry_at: datetime | None = None
    number: int = 0


class SplitDocument(Document):
    """How the money of one order is split; its id is the order's key.

    `version` is the order's that it was reckoned from last, `revision` grows with each write, and
    each write is on condition of it. The job looks at it at `look_at`.
    """

    code: str
    currency: str
    version: int
    revision: int
    parts: list[SplitPart]
    look_at: datetime | None = None

    class Settings:
        name = "payout_splits"
        indexes = [IndexModel([("look_at", 1)]), IndexModel([("parts.id", 1)])]


class PayoutBalanceDocument(Document):
    """The fold of one seller's entries; its id is the provider, the seller and the currency.

    `debt` is what is kept of the next transfers, such as of what a provider wouldn't reverse; below
    zero it is paid with them. `entries` counts the entries, of which those up to `paid_number` are
    in payouts, made until `paid_at`.
    """

    id: str  # type: ignore[assignment]
    provider: str
    seller: str
    currency: str
    pending: int = 0
    available: int = 0
    in_transit: int = 0
    paid: int = 0
    debt: int = 0
    entries: int = 0
    paid_number: int = 0
    paid_at: datetime | None = None

    class Settings:
        name = "payout_balances"
        indexes = [
            IndexModel([("seller", 1), ("currency", 1)]),
            IndexModel([("provider", 1), ("available", 1)]),
        ]


class PayoutEntryDocument(Document):
    """One line of the ledger, never changed; its id says what it is about, so that it is once.

    `number` counts from 1 within the `balance`. `amount` is what the seller has more, or for moves
    between sums of the balance what moves. `share` is what a DUE entry is made of.
    """

    id: str  # type: ignore[assignment]
    balance: str
    number: int
    kind: EntryKind
    amount: int
    order: PydanticObjectId | None = None
    order_number: str = ""
    order_version: int | None = None
    part: PydanticObjectId | None = None
    payout: str | None = None
    share: StoredShare | None = None
    note: str = ""
    at: datetime

    class Settings:
        name = "payout_entries"
        indexes = [IndexModel([("balance", 1), ("number", 1)], unique=True)]


class PayoutRunDocument(Document):
    """A run that pays everybody who has something available; its id is that of its key."""

    id: str  # type: ignore[assignment]
    who: str
    created_at: datetime

    class Settings:
        name = "payout_runs"


class PayoutDocument(Document):
    """Money for a seller, written down before anybody is asked, and never deleted.

    Its id is the key that a provider is given. One of a `run` has the entries of its balance after
    `since_number` up to `until_number`; a transfer has those of its `part`. `details` are the
    seller's bank details at that time, sealed. `reversing` is what of it is taken back, or is to
    be. `share` is what it is made of, with `adjusted` beside that.
    """

    id: str  # type: ignore[assignment]
    number: int
    provider: str
    seller: str
    currency: str
    amount: int
    state: CallState = "WANTED"
    balance: str
    run: str | None = None
    part: PydanticObjectId | None = None
    order: PydanticObjectId | None = None
    order_number: str = ""
    since_number: int = 0
    until_number: int = 0
    since: datetime | None = None
    share: StoredShare = StoredShare()
    adjusted: int = 0
    details: bytes | None = None
    account: str | None = None
    ref: str | None = None
    reference: str = ""
    message: str = ""
    reversing: int = 0
    ask_at: datetime | None = None
    asks: int = 0
    created_at: datetime
    settled_at: datetime | None = None

    class Settings:
        name = "payouts"
        indexes = [
            IndexModel([("number", 1)], unique=True),
            IndexModel([("seller", 1), ("number", 1)]),
            IndexModel([("state", 1), ("number", 1)]),
            IndexModel([("balance", 1), ("until_number", 1)]),
            IndexModel([("run", 1)]),
            IndexModel([("part", 1)]),
            IndexModel([("ask_at", 1)]),
        ]


class PayoutReversalDocument(Document):
    """Money that is taken back of a transfer; written before the call, and never deleted."""

    id: str  # type: ignore[assignment]
    payout: str
    order: PydanticObjectId
    part: PydanticObjectId
    provider: str
    currency: str
    amount: int
    state: CallState = "WANTED"
    ref: str | None = None
    message: str = ""
    ask_at: datetime | None = None
    asks: int = 0
    created_at: datetime
    settled_at: datetime | None = None

    class Settings:
        name = "payout_reversals"
        indexes = [IndexModel([("ask_at", 1)])]


class PayoutSweepDocument(Document):
    """Until when every change of an order was looked at."""

    id: str  # type: ignore[assignment]
    until: datetime

    class Settings:
        name = "payout_sweeps"


class PayoutAccountDocument(Document):
    """Where a seller's money goes; its id is the seller's key.

    `details` are the bank details, for a provider by hand, and `url` is where the seller has to go;
    both are sealed. `ref` is the account at the provider.
    """

    id: str  # type: ignore[assignment]
    provider: str
    state: AccountState
    details: bytes | None = None
    ref: str | None = None
    url: bytes | None = None
    expires_at: datetime | None = None
    missing: list[str] = Field(default_factory=list)
    message: str = ""
    updated_at: datetime
    version: int = 1

    class Settings:
        name = "payout_accounts"
