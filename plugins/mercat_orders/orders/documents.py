from datetime import datetime
from typing import Any, Literal

from beanie import Document, PydanticObjectId
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

FulfilmentState = Literal["PENDING", "SHIPPED", "DELIVERED", "CANCELLED"]


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
    fulfilled, too, and what is returned delivered.
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


class SellerOrder(BaseModel):
    """The part of an order that is one seller's; `seller` is None for the shop itself.

    `commission` is what the shop keeps of it, in minor units, at a rate in basis points.
    """

    id: PydanticObjectId
    seller: str | None
    state: OrderState
    way: OrderedWay | None
    sums: Sums
    commission_rate: int = 0
    commission: int = 0
    fulfilments: list[Fulfilment] = Field(default_factory=list)


class PaymentChoice(BaseModel):
    """How it is paid: the id of the method, and where the payment stood when it was last asked."""

    method: str | None
    state: str
    return_url: str | None = None


class Entry(BaseModel):
    """What happened to an order, when, and by whom: the key of a user, or None, and a role.

    `number` counts from 1 within the order. `seller` is whose part it is about; where `is_internal`
    the buyer isn't shown it. `facts` are plain values that the kind has, such as quantities.
    """

    number: int
    kind: str
    at: datetime
    user: str | None = None
    role: str
    seller: str | None = None
    reason: str = ""
    is_internal: bool = False
    facts: dict[str, Any] = Field(default_factory=dict)


class OrderDocument(Document):
    """An order, and the checkout that becomes one: what was bought never changes afterwards.

    A checkout is PLACING from the moment that its quote is frozen until it is an order, or FAILED.
    `request` is the digest of the idempotency key that it came with and `asked` that of the request.
    `number` is its place in lists, `code` what people call it. `email`, `phone` and the addresses
    are encrypted; `email_digest` is a keyed hash of the first. Each change is on condition of
    `version`.
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
    payment: PaymentChoice
    request: str | None = None
    asked: str | None = None
    failure: dict[str, str] | None = None
    timeline: list[Entry] = Field(default_factory=list)
    terms_accepted_at: datetime | None = None
    begun_at: datetime
    placed_at: datetime | None = None
    updated_at: datetime
    version: int = 1

    class Settings:
        name = "orders"
        indexes = [
            IndexModel([("number", 1)], unique=True),
            IndexModel([("code", 1)], unique=True),
            IndexModel(
                [("request", 1)],
                unique=True,
                partialFilterExpression={"request": {"$type": "string"}},
            ),
            IndexModel([("state", 1), ("updated_at", 1)]),
            IndexModel([("user", 1), ("number", -1)]),
            IndexModel([("seller_orders.seller", 1), ("number", -1)]),
            IndexModel([("email_digest", 1), ("number", -1)]),
        ]
