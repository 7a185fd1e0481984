"""What is asked of coupons and batches."""

from collections.abc import Sequence
from typing import Any

import strawberry
from bson import ObjectId
from strawberry import UNSET

from mercat.ids import key_of, object_id
from mercat_coupons.coupons.listing import Wanted
from mercat_coupons.coupons.types import BATCH, PROMOTION, USER, CouponStatus
from mercat_orders.configured.inputs import created, updated

_SELLER = "Seller"
_NULLABLE = ("usage_limit", "usage_limit_per_customer", "customer_id")


@strawberry.input(
    description="Which coupons: those that are all that is given, of `promotionId` and `batchId` "
    "one at most."
)
class CouponFilter:
    status: CouponStatus | None = strawberry.field(
        default=None, description="Whether they open their promotions."
    )
    promotion_id: strawberry.ID | None = strawberry.field(
        default=None, description="A promotion that they open."
    )
    batch_id: strawberry.ID | None = strawberry.field(
        default=None, description="The batch that they were made with."
    )
    code: str | None = strawberry.field(
        default=None, description="The whole code, however it is typed."
    )
    seller_id: strawberry.ID | None = strawberry.field(
        default=None, description="The seller whose they are."
    )


@strawberry.input(description="A coupon to be made.")
class CouponCreateInput:
    promotion_ids: list[strawberry.ID] = strawberry.field(
        description="The ids of the promotions that it opens, 1 to 20."
    )
    code: str | None = strawberry.field(
        default=UNSET,
        description="What buyers type: A to Z, 0 to 9, `-`, `_` and `.`, at most 64; one that "
        "nobody guesses where left out.",
    )
    usage_limit: int | None = strawberry.field(
        default=UNSET, description="In how many orders it can be; any number where left out."
    )
    usage_limit_per_customer: int | None = strawberry.field(
        default=UNSET, description="In how many of one customer; any number where left out."
    )
    customer_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="The user whom alone it is for; anybody where left out."
    )
    seller_id: strawberry.ID | None = strawberry.field(
        default=UNSET,
        description="The seller whose it is. Where left out it is the viewer's own, and an admin's "
        "is the shop's.",
    )


@strawberry.input(description="A change of a coupon; what is left out stays as it is.")
class CouponUpdateInput:
    id: strawberry.ID = strawberry.field(description="Its id.")
    version: int | None = strawberry.field(
        default=None, description="The version that was read; refused where it is not the last."
    )
    promotion_ids: list[strawberry.ID] | None = strawberry.field(
        default=UNSET, description="The ids of all promotions that it opens, 1 to 20."
    )
    usage_limit: int | None = strawberry.field(
        default=UNSET, description="In how many orders it can be; null for any number."
    )
    usage_limit_per_customer: int | None = strawberry.field(
        default=UNSET, description="In how many of one customer; null for any number."
    )
    customer_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="The user whom alone it is for; null for anybody."
    )


@strawberry.input(description="A coupon that is to open nothing any more.")
class CouponArchiveInput:
    id: strawberry.ID = strawberry.field(description="Its id.")
    version: int | None = strawberry.field(
        default=None, description="The version that was read; refused where it is not the last."
    )


@strawberry.input(description="Codes to be generated together.")
class CouponCodesGenerateInput:
    promotion_ids: list[strawberry.ID] = strawberry.field(
        description="The ids of the promotions that they open, 1 to 20."
    )
    count: int = strawberry.field(description="How many, 1 to 100,000.")
    prefix: str | None = strawberry.field(
        default=None, description="What all begin with, at most 20 characters; nothing if left out."
    )
    length: int = strawberry.field(
        default=10, description="How many random characters each has, 10 to 30."
    )
    usage_limit: int | None = strawberry.field(
        default=1, description="In how many orders each can be; null for any number."
    )
    usage_limit_per_customer: int | None = strawberry.field(
        default=None, description="In how many of one customer each can be; any number if left out."
    )
    seller_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The seller whose they are. Where left out they are the viewer's own, and an "
        "admin's are the shop's.",
    )
    note: str | None = strawberry.field(
        default=None, description="What they are for, in a line; buyers never see it."
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="The same key makes one batch; the header `Idempotency-Key` says it too.",
    )


def wanted_of(given: CouponFilter | None) -> Wanted:
    """What a filter asks for. Raises InvalidError for an id of something else."""
    if given is None:
        return Wanted()
    return Wanted(
        status=None if given.status is None else given.status.name.lower(),
        promotion=_optional(given.promotion_id, PROMOTION, "promotionId"),
        batch=_optional(given.batch_id, BATCH, "batchId"),
        code=given.code,
        seller=None if given.seller_id is None else key_of(given.seller_id, _SELLER, ("sellerId",)),
    )


def made(given: CouponCreateInput | CouponCodesGenerateInput) -> dict[str, Any]:
    """What is given of something new, by the service's names. Raises InvalidError."""
    return _keyed(created(given))


def changed(given: CouponUpdateInput) -> dict[str, Any]:
    """What is given of a change, by the service's names. Raises InvalidError."""
    return _keyed(updated(given, _NULLABLE))


def _keyed(values: dict[str, Any]) -> dict[str, Any]:
    """The values with keys in the place of global ids."""
    values.pop("idempotency_key", None)
    if "promotion_ids" in values:
        values["promotions"] = _promotions(values.pop("promotion_ids"))
    if "customer_id" in values:
        customer = values.pop("customer_id")
        values["customer"] = customer and key_of(customer, USER, ("customerId",))
    if "seller_id" in values:
        values["seller"] = key_of(values.pop("seller_id"), _SELLER, ("sellerId",))
    return values


def _promotions(ids: Sequence[str]) -> list[ObjectId]:
    return [
        object_id(one, PROMOTION, ("promotionIds", str(index))) for index, one in enumerate(ids)
    ]


def _optional(given: str | None, kind: str, name: str) -> ObjectId | None:
    return None if given is None else object_id(given, kind, (name,))
