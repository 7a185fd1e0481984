from datetime import UTC, datetime
from typing import Any, Literal

from beanie import Document, PydanticObjectId
from bson import ObjectId
from pydantic import BaseModel, Field
from pymongo import IndexModel

OrderState = Literal[
    "PLACING",
    "FAILED",
    "PENDING",
    "CONFIRMED",
    "PARTIALLY_FULFILLED",
    "FULFILLED",
    "DELIVERED",
    "COMPLETED",
    "CANCELLED",
]
WAITING: tuple[OrderState, ...] = ("PLACING", "FAILED")
"""What isn't an order, or not yet: nobody is shown those."""

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""Before any time that is stored: a query for times after that one finds them by their index."""

# Of `$exists` and `$type` the embedded store's planner doesn't know what has them.
_A_KEY = {"$gt": ObjectId("0" * 24)}

FulfilmentState = Literal["PENDING", "SHIPPED", "DELIVERED", "CANCELLED"]
ReturnState = Literal["REQUESTED", "APPROVED", "RECEIVED", "REFUNDED", "REFUSED"]
RefundState = Literal["WANTED", "PENDING", "DONE", "FAILED"]
RefundCause = Literal["CANCELLED", "RETURNED", "GOODWILL", "OVERPAID", "PROVIDER"]


class StoredAdjustment(BaseModel):
    """A mercat_orders.pricing.values.Adjustment, frozen."""

    kind: str
    label: str
    source: str
    amount: int
    line: str | None = None
    seller: str | None = None
    is_included: bool = False
    borne_by: str | None = None


class OrderedLine(BaseModel):
    """A line as it was bought; sums are minor units.

    `cancelled`, `fulfilled`, `delivered` and `returned` count of `quantity`; what is delivered was
    fulfilled, too, and what is returned delivered. A line that was added later `waits` until what
    the order owes is paid; `exchange` is the return that it is sent for.
    """

    id: PydanticObjectId
    seller: str | None
    variant: PydanticObjectId
    product: PydanticObjectId
    sku: str
    name: str
    brand: str | None = None
    groups: list[str] = Field(default_factory=list)
    options: list[dict[str, str]] = Field(default_factory=list)
    note: str = ""
    quantity: int
    unit_price: int
    compare_at: int | None = None
    tax_class: str | None = None
    weight: int | None = None
    subtotal: int
    discount: int
    tax: int
    total: int
    adjustments: list[StoredAdjustment]
    cancelled: int = 0
    fulfilled: int = 0
    delivered: int = 0
    returned: int = 0
    waits: bool = False
    exchange: PydanticObjectId | None = None


class OrderedWay(BaseModel):
    """How one seller's parcel goes, as it was bought."""

    option: str
    name: str
    subtotal: int
    discount: int
    tax: int
    total: int
    adjustments: list[StoredAdjustment]
    days: list[int] | None = None


class Sums(BaseModel):
    subtotal: int
    discounts: int
    shipping: int
    tax: int
    total: int


class FulfilledLine(BaseModel):
    """So many of a line in a parcel."""

    line: PydanticObjectId
    quantity: int


class Fulfilment(BaseModel):
    """A parcel, and where it is."""

    id: PydanticObjectId
    state: FulfilmentState
    lines: list[FulfilledLine]
    carrier: str = ""
    tracking_number: str = ""
    tracking_url: str | None = None
    created_at: datetime
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None


class ReturnedLine(BaseModel):
    """So many of a line that come back: asked for, arrived, and of those put into stock again."""

    line: PydanticObjectId
    quantity: int
    received: int = 0
    restocked: int = 0


class Wish(BaseModel):
    """What a buyer wants instead of what comes back."""

    variant: PydanticObjectId
    quantity: int


class Return(BaseModel):
    """Delivered things that a buyer sends back.

    `value` is what was paid for those that arrived, `refunds` what was made for them. `wishes` are
    what the buyer wants instead; once it is approved they are lines of the order.
    """

    id: PydanticObjectId
    state: ReturnState
    lines: list[ReturnedLine]
    reason: str = ""
    answer: str = ""
    value: int = 0
    refunds: list[PydanticObjectId] = Field(default_factory=list)
    wishes: list[Wish] = Field(default_factory=list)
    created_at: datetime
    updated_at: datetime


class Refund(BaseModel):
    """Money that goes back; its id is the key under which the payment's plugin is asked.

    It is WANTED until that has said something. `payment` is the key of what it is taken from.
    `part` is the key of the seller order that it is for, None for the order as a whole; `shipping`
    says that the part's delivery is in it.
    """

    id: PydanticObjectId
    payment: str
    part: PydanticObjectId | None
    state: RefundState
    cause: RefundCause
    amount: int
    shipping: bool = False
    reason: str = ""
    message: str = ""
    created_at: datetime
    updated_at: datetime


class SellerOrder(BaseModel):
    """The part of an order that is one seller's; `seller` is None for the shop itself.

    `commission` is what the shop keeps of it, in minor units, at a rate in basis points. `waived`
    is the part's share of the order's, and `shipping_back` says that its delivery was paid back.
    """

    id: PydanticObjectId
    seller: str | None
    state: OrderState
    way: OrderedWay | None
    sums: Sums
    commission_rate: int = 0
    commission: int = 0
    fulfilments: list[Fulfilment] = Field(default_factory=list)
    returns: list[Return] = Field(default_factory=list)
    waived: int = 0
    shipping_back: bool = False
    delivered_at: datetime | None = None


class OrderPayment(BaseModel):
    """A sum that is paid: by which method, and where the payment stood when it was last asked.

    `key` is what the payment's plugin knows it by: the order's, with a dot and a number for what
    was added later. `is_ending` says that it is to be ended, as nothing is to be paid any more.
    `captured` is what was taken so far; None where the plugin doesn't say. `disputed` is what the
    buyer's bank has taken of that, or may. `asked` is how much of it was
    to be taken by then, and in the end, when that was last asked for.
    """

    key: str
    method: str | None
    amount: int
    state: str
    is_ending: bool = False
    is_by_hand: bool = False
    captured: int | None = None
    disputed: int = 0
    asked: list[int] | None = None
    return_url: str | None = None


class Entry(BaseModel):
    """What happened to an order, when, and by whom: the key of a user, or None, and a role.

    `number` counts from 1 within the order. `part` is the key of the part that it is about, None
    where it is about all of them, and `seller` whose part that is; where `is_internal` the buyer
    isn't shown it. `facts` are plain values that the kind has, such as quantities.
    """

    number: int
    kind: str
    at: datetime
    user: str | None = None
    role: str
    part: PydanticObjectId | None = None
    seller: str | None = None
    reason: str = ""
    is_internal: bool = False
    facts: dict[str, Any] = Field(default_factory=dict)


class OrderDocument(Document):
    """An order, and the checkout that becomes one: what was bought never changes afterwards.

    Units are cancelled, and lines are added; `sums` are of all lines that there ever were.

    A checkout is PLACING from the moment that its quote is frozen until it is an order, or FAILED.
    `request` is the digest of the idempotency key that it came with, `asked` that of the request.
    `number` is its place in lists, `code` what people call it; one of a guest has no `user`.
    `email`, `phone` and the addresses are encrypted; `email_digest` is a keyed hash of the first.
    Each change is on condition of `version`.

    `waived` is what isn't to be paid any more of what wasn't paid yet: once it is paid all the
    same, that much goes back. `settle_at` is when a job looks after its refunds and its payment's
    end, `delivered_at` when the first of its parts was delivered that isn't completed yet.
    """

    number: int
    code: str
    cart: str
    user: str | None = None
    guest: str | None = None
    state: OrderState
    currency: str
    country: str
    locale: str
    tax_included: bool
    lines: list[OrderedLine]
    seller_orders: list[SellerOrder]
    sums: Sums
    quote: str
    email: Any
    phone: Any = None
    shipping_address: Any
    billing_address: Any = None
    email_digest: str
    payment: OrderPayment
    further_payments: list[OrderPayment] = Field(default_factory=list)
    request: str | None = None
    asked: str | None = None
    failure: dict[str, str] | None = None
    timeline: list[Entry] = Field(default_factory=list)
    refunds: list[Refund] = Field(default_factory=list)
    waived: int = 0
    settle_at: datetime | None = None
    delivered_at: datetime | None = None
    terms_accepted_at: datetime | None = None
    begun_at: datetime
    placed_at: datetime | None = None
    updated_at: datetime
    version: int = 1

    class Settings:
        name = "orders"
        # Each costs SecantusDB 0.2 ms or more of every write.
        indexes = [
            IndexModel([("number", 1)], unique=True),
            IndexModel([("code", 1)], unique=True),
            IndexModel(
                [("request", 1)],
                unique=True,
                partialFilterExpression={"request": {"$gt": ""}},
            ),
            IndexModel([("state", 1), ("updated_at", 1)]),
            IndexModel([("settle_at", 1), ("delivered_at", 1)]),
            IndexModel([("seller_orders.id", 1)]),
            IndexModel(
                [("seller_orders.fulfilments.id", 1)],
                partialFilterExpression={"seller_orders.fulfilments.id": _A_KEY},
            ),
            IndexModel(
                [("seller_orders.returns.id", 1)],
                partialFilterExpression={"seller_orders.returns.id": _A_KEY},
            ),
            IndexModel([("placed_at", 1)]),
            IndexModel([("user", 1), ("guest", 1), ("number", -1)]),
            IndexModel([("seller_orders.seller", 1), ("number", -1)]),
            IndexModel([("email_digest", 1), ("number", -1)]),
        ]
