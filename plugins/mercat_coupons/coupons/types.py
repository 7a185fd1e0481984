"""What coupons and batches look like."""

# mypy: allow-untyped-decorators

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Any, Self

import strawberry
from bson import ObjectId

from mercat.graphql.batching import batched
from mercat.graphql.context import Info
from mercat.graphql.records import reads, stored
from mercat.graphql.scalars import URL
from mercat.graphql.schema import Node
from mercat.ids import encode_id
from mercat.storage import Record
from mercat_coupons.coupons import batches, listing
from mercat_coupons.promotions.reading import promotions_by_key
from mercat_coupons.promotions.types import Promotion
from mercat_products.sellers import seller_id

COUPON = "Coupon"
BATCH = "CouponBatch"
PROMOTION = "Promotion"
USER = "User"


def path_of(file: str) -> str:
    """Where the codes of a batch are, on this server."""
    return f"/coupons/batches/{file}"


@strawberry.enum(description="Whether a coupon opens its promotions.")
class CouponStatus(Enum):
    ACTIVE = strawberry.enum_value("active", description="It does.")
    ARCHIVED = strawberry.enum_value("archived", description="It doesn't, for good.")


@strawberry.enum(description="Where the codes of a batch stand.")
class CouponBatchState(Enum):
    RUNNING = strawberry.enum_value("running", description="They are being made.")
    DONE = strawberry.enum_value("done", description="All of them are there.")


def _id_of(kind: str, key: Any) -> strawberry.ID | None:
    return None if key is None else strawberry.ID(encode_id(kind, key))


def _promotion_ids(keys: Sequence[ObjectId]) -> list[strawberry.ID]:
    return [strawberry.ID(encode_id(PROMOTION, key)) for key in keys]


def _seller_id(key: str | None) -> strawberry.ID | None:
    return None if key is None else strawberry.ID(seller_id(key))


@reads("promotions")
async def _promotions(found: list["Coupon"], info: Info) -> list[list[Promotion]]:
    """Those of them that the viewer sees."""
    keys = {key for one in found for key in one.record["promotions"]}
    records = await promotions_by_key(info.context, [str(key) for key in keys])
    return [
        [
            Promotion(record=records[str(key)])
            for key in one.record["promotions"]
            if str(key) in records
        ]
        for one in found
    ]


@strawberry.type(description="A code that opens promotions.")
class Coupon(Node):
    id: strawberry.ID = stored(
        "_id",
        "Opaque, and unique in the whole shop.",
        convert=lambda key: strawberry.ID(encode_id(COUPON, key)),
    )
    code: str = stored("code", "What buyers type, however they write it: see `coupon`.", default="")
    status: CouponStatus = stored("status", "Whether it opens them.", convert=CouponStatus)
    promotion_ids: list[strawberry.ID] = stored(
        "promotions", "The ids of the promotions that it opens.", convert=_promotion_ids
    )
    usage_limit: int | None = stored(
        "usage_limit", "In how many orders it can be; null for any number."
    )
    usage_limit_per_customer: int | None = stored(
        "usage_limit_per_customer", "In how many of one customer; null for any number."
    )
    customer_id: strawberry.ID | None = stored(
        "customer",
        "The id of the user whom alone it is for; null for anybody.",
        convert=lambda key: _id_of(USER, key),
    )
    seller_id: strawberry.ID | None = stored(
        "seller", "The id of the seller whose it is; null for the shop's own.", convert=_seller_id
    )
    batch_id: strawberry.ID | None = stored(
        "batch",
        "The id of the batch that it was made with; null for one that was made alone.",
        convert=lambda key: _id_of(BATCH, key),
    )
    promotions: list[Promotion] = batched("The promotions that it opens.", _promotions)
    uses: int = stored("uses", "How many orders have it.")
    created_at: datetime = stored("created_at", "When it was made.")
    updated_at: datetime = stored("updated_at", "When it was last changed.")
    version: int = stored("version", "Grows with each change.")
    record: strawberry.Private[Record]

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        found = await listing.coupons_by_key(info.context, _object_ids(keys))
        records = {str(key): record for key, record in found.items()}
        return [cls(record=records[key]) if key in records else None for key in keys]


@strawberry.type(description="Codes that are generated together.")
class CouponBatch(Node):
    id: strawberry.ID = stored(
        "_id",
        "Opaque, and unique in the whole shop.",
        convert=lambda key: strawberry.ID(encode_id(BATCH, key)),
    )
    state: CouponBatchState = stored("state", "Where it stands.", convert=CouponBatchState)
    promotion_ids: list[strawberry.ID] = stored(
        "promotions", "The ids of the promotions that they open.", convert=_promotion_ids
    )
    total: int = stored("total", "How many are wanted.")
    generated: int = stored("generated", "How many there are at least.")
    prefix: str = stored("prefix", "What all begin with.", default="")
    usage_limit: int | None = stored(
        "usage_limit", "In how many orders each can be; null for any number."
    )
    usage_limit_per_customer: int | None = stored(
        "usage_limit_per_customer",
        "In how many of one customer each can be; null for any number.",
    )
    seller_id: strawberry.ID | None = stored(
        "seller",
        "The id of the seller whose they are; null for the shop's own.",
        convert=_seller_id,
    )
    note: str = stored("note", "What somebody said of it.", default="")
    created_at: datetime = stored("created_at", "When it was asked for.")
    updated_at: datetime = stored("updated_at", "When some of it was made last.")
    record: strawberry.Private[Record]

    @strawberry.field(
        description="Where its codes are, as CSV, on this server; asked with the same credentials. "
        "Null while some aren't there yet."
    )
    @reads("_id", "state")
    def download_url(self) -> URL | None:
        if self.record["state"] != "done":
            return None
        return URL(path_of(f"{encode_id(BATCH, self.record['_id'])}.csv"))

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        found = await batches.batches_by_key(info.context, _object_ids(keys))
        records = {str(key): record for key, record in found.items()}
        return [cls(record=records[key]) if key in records else None for key in keys]


def _object_ids(keys: Sequence[str]) -> list[ObjectId]:
    return [ObjectId(key) for key in keys if ObjectId.is_valid(key)]
