"""What is stored. Sums are minor units by currency, rates are decimals as text, such as `0.1`."""

from datetime import datetime
from typing import Any, Literal

from beanie import Document, PydanticObjectId
from bson import ObjectId
from pydantic import BaseModel, Field
from pymongo import IndexModel

Status = Literal["active", "archived"]
Kind = Literal[
    "percentage", "fixed_amount", "free_shipping", "buy_get", "tiered", "fixed_price", "gift"
]
Amounts = dict[str, int]

COUPONS = "coupons"
BATCHES = "coupon_batches"

_A_KEY = {"$gt": ObjectId("0" * 24)}


class StoredSelection(BaseModel):
    """Lines that have one of each kind that is given: see `promotions.values.Selection`.

    Products, variants and categories by their hexadecimal keys, sellers by theirs, the shop itself
    as "", and attributes as pairs of a key and a value.
    """

    products: list[str] = Field(default_factory=list)
    variants: list[str] = Field(default_factory=list)
    categories: list[str] = Field(default_factory=list)
    brands: list[str] = Field(default_factory=list)
    sellers: list[str] = Field(default_factory=list)
    attributes: list[tuple[str, str]] = Field(default_factory=list)


class StoredScope(BaseModel):
    """Which lines: see `promotions.values.Scope`."""

    include: list[StoredSelection] = Field(default_factory=list)
    exclude: list[StoredSelection] = Field(default_factory=list)
    excludes_reduced: bool = False


class PromotionDocument(Document):
    """A rule: see `promotions.values.Promotion`.

    `benefit` has what its `kind` needs: `target`, `rate`, `at_most`, `amounts`, `units`, `tiers`,
    `buy_quantity`, `get_quantity`, `buy`, `get`, `most`, `quantity`, `variants`. `starts_at` and
    `ends_at` are moments; `time_zone` is the one in which people said them. `external_id` is what
    an imported one is called elsewhere.
    """

    number: int
    name: str
    status: Status = "active"
    kind: Kind
    benefit: dict[str, Any]
    scope: StoredScope
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    time_zone: str
    minimum_subtotal: Amounts | None = None
    minimum_quantity: int | None = None
    first_order: bool = False
    countries: list[str] = Field(default_factory=list)
    currencies: list[str] = Field(default_factory=list)
    customers: list[str] = Field(default_factory=list)
    groups: list[str] = Field(default_factory=list)
    usage_limit: int | None = None
    usage_limit_per_customer: int | None = None
    budget: Amounts | None = None
    is_automatic: bool = False
    is_combinable: bool = True
    priority: int = 0
    seller: str | None = None
    borne_by: Literal["shop", "seller"] = "shop"
    external_id: str | None = None
    created_at: datetime
    updated_at: datetime
    version: int = 1

    class Settings:
        name = "promotions"
        indexes = [
            IndexModel([("number", 1)], unique=True),
            IndexModel([("seller", 1), ("status", 1), ("number", 1)]),
            IndexModel(
                [("external_id", 1)],
                unique=True,
                partialFilterExpression={"external_id": {"$gt": ""}},
            ),
        ]


class CouponDocument(Document):
    """A code that opens promotions; `key` is the code as `mercat.codes.key_of` writes it.

    `customer` is the key of the user whom alone it is for. `uses` counts the orders that have it.
    `batch` is the one that it was generated with.
    """

    number: int
    key: str
    code: str
    promotions: list[PydanticObjectId]
    status: Status = "active"
    usage_limit: int | None = None
    usage_limit_per_customer: int | None = None
    customer: str | None = None
    seller: str | None = None
    batch: PydanticObjectId | None = None
    uses: int = 0
    created_at: datetime
    updated_at: datetime
    version: int = 1

    class Settings:
        name = COUPONS
        # Each is written for every code, so there is none but: that of codes, which finds them and
        # decides who has one, and those of lists, which must begin with exactly what is asked for.
        indexes = [
            IndexModel([("key", 1)], unique=True),
            IndexModel([("status", 1), ("number", 1)]),
            IndexModel([("promotions", 1), ("seller", 1), ("status", 1), ("number", 1)]),
            IndexModel(
                [("seller", 1), ("status", 1), ("number", 1)],
                partialFilterExpression={"seller": {"$gt": ""}},
            ),
            IndexModel(
                [("batch", 1), ("status", 1), ("number", 1)],
                partialFilterExpression={"batch": _A_KEY},
            ),
        ]


class CouponBatchDocument(Document):
    """Codes that are generated together: `generated` of `total` at least are there.

    `prefix` and `length`, the count of random characters, are those of `mercat.codes.random_code`.
    Its coupons have the keys that follow its own, and the numbers from `first_number` on; the rest
    of it is theirs.
    """

    number: int
    first_number: int
    promotions: list[PydanticObjectId]
    state: Literal["running", "done"] = "running"
    total: int
    generated: int = 0
    prefix: str = ""
    length: int
    usage_limit: int | None = None
    usage_limit_per_customer: int | None = None
    seller: str | None = None
    note: str = ""
    created_at: datetime
    updated_at: datetime

    class Settings:
        name = BATCHES
        indexes = [
            IndexModel([("number", 1)], unique=True),
            IndexModel([("seller", 1), ("number", 1)]),
            IndexModel([("state", 1), ("number", 1)]),
        ]


class CounterDocument(Document):
    """How often something was used, and what it took off: `id` is one of `promotions.counters`."""

    id: str  # type: ignore[assignment]
    uses: int = 0
    spent: Amounts = Field(default_factory=dict)

    class Settings:
        name = "coupon_counters"


class UseDocument(Document):
    """What an order has of a promotion; `is_held` until the order isn't to be.

    `counters` are those that it counts in, the coupon's own among them once an order.
    """

    order: str
    cart: str
    promotion: PydanticObjectId
    coupon: PydanticObjectId | None = None
    counters: list[str]
    currency: str
    amount: int
    is_held: bool = True
    at: datetime

    class Settings:
        name = "coupon_uses"
        indexes = [
            IndexModel([("order", 1), ("promotion", 1)], unique=True),
            IndexModel([("cart", 1), ("is_held", 1)]),
        ]


class CustomerGroupDocument(Document):
    """Customers who have something in common; `key` is what imports and settings call it."""

    number: int
    key: str
    name: str
    created_at: datetime
    updated_at: datetime
    version: int = 1

    class Settings:
        name = "customer_groups"
        indexes = [
            IndexModel([("key", 1)], unique=True),
            IndexModel([("number", 1)], unique=True),
        ]


class GroupMemberDocument(Document):
    """A user, by key, in a group; `id` is the group's key, a colon, and the user's."""

    id: str  # type: ignore[assignment]
    group: PydanticObjectId
    user: str
    at: datetime

    class Settings:
        name = "customer_group_members"
        indexes = [
            IndexModel([("user", 1), ("group", 1)]),
            IndexModel([("group", 1), ("_id", 1)]),
        ]
