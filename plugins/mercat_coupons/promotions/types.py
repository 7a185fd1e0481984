"""What promotions look like, for those who may change them."""

# mypy: allow-untyped-decorators

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self

import strawberry
from bson import ObjectId

from mercat.graphql.batching import batched
from mercat.graphql.context import Info
from mercat.graphql.records import reads, stored
from mercat.graphql.scalars import CountryCode, CurrencyCode
from mercat.graphql.schema import Money, Node
from mercat.ids import encode_id
from mercat.storage import Record
from mercat_coupons.promotions import reading
from mercat_coupons.promotions.benefit_types import PromotionBenefit, to_benefit, to_sums
from mercat_coupons.promotions.inputs import DiscountBearer, PromotionStatus
from mercat_coupons.promotions.scope_types import PromotionScope, to_ids

TYPE = "Promotion"


@reads("_id")
async def _uses(found: list["Promotion"], info: Info) -> list[int]:
    return [one.get("uses", 0) for one in await _counters(found, info)]


@reads("_id")
async def _spent(found: list["Promotion"], info: Info) -> list[list[Money]]:
    return [to_sums(one.get("spent", {})) for one in await _counters(found, info)]


@reads("_id", "usage_limit")
async def _remaining(found: list["Promotion"], info: Info) -> list[int | None]:
    limits = [one.record["usage_limit"] for one in found]
    counters = await _counters(found, info)
    return [
        None if limit is None else max(0, limit - counter.get("uses", 0))
        for limit, counter in zip(limits, counters, strict=True)
    ]


async def _counters(found: Sequence["Promotion"], info: Info) -> list[Mapping[str, Any]]:
    keys: list[ObjectId] = [one.record["_id"] for one in found]
    counters = await reading.counters_of(info.context, keys)
    return [counters.get(key, {}) for key in keys]


@strawberry.type(description="A rule that takes something off, for those who may change it.")
class Promotion(Node):
    id: strawberry.ID = stored(
        "_id",
        "Opaque, and unique in the whole shop.",
        convert=lambda key: strawberry.ID(encode_id(TYPE, key)),
    )
    name: str = stored("name", "What buyers read.")
    status: PromotionStatus = stored("status", "Where it stands.", convert=PromotionStatus)
    starts_at: datetime | None = stored("starts_at", "Its first moment; null for no start.")
    ends_at: datetime | None = stored("ends_at", "The first moment after it; null for no end.")
    time_zone: str = stored("time_zone", "The IANA time zone in which people said so.")
    minimum_quantity: int | None = stored(
        "minimum_quantity", "How many units in the scope there have to be."
    )
    first_order: bool = stored("first_order", "Whether it is for a customer's first order only.")
    countries: list[CountryCode] = stored("countries", "Where orders go; anywhere where empty.")
    currencies: list[CurrencyCode] = stored(
        "currencies",
        "In which currencies; in all that each of its sums is given in where empty.",
    )
    customer_ids: list[strawberry.ID] = stored(
        "customers",
        "Ids of the users whom it is for.",
        convert=lambda keys: to_ids("User", keys),
    )
    customer_group_ids: list[strawberry.ID] = stored(
        "groups",
        "Ids of the customer groups that it is for, besides those users; it is for everybody where "
        "both are empty.",
        convert=lambda keys: to_ids("CustomerGroup", keys),
    )
    usage_limit: int | None = stored(
        "usage_limit", "How many orders may have it in all; null for any number."
    )
    usage_limit_per_customer: int | None = stored(
        "usage_limit_per_customer", "How many orders of one customer may; null for any number."
    )
    is_automatic: bool = stored("is_automatic", "Whether it needs no code.")
    is_combinable: bool = stored("is_combinable", "Whether others may hold beside it.")
    priority: int = stored("priority", "The highest comes first.")
    seller_id: strawberry.ID | None = stored(
        "seller",
        "The id of the seller for whose products it is; null for everybody's.",
        convert=lambda key: strawberry.ID(encode_id("Seller", key)),
    )
    borne_by: DiscountBearer = stored("borne_by", "Who pays for it.", convert=DiscountBearer)
    created_at: datetime = stored("created_at", "When it was made.")
    updated_at: datetime = stored("updated_at", "When it was last changed.")
    version: int = stored("version", "Grows with each change.")
    record: strawberry.Private[Record]

    uses: int = batched("How many orders have it now.", _uses)
    spent: list[Money] = batched("What it takes off them, by currency.", _spent)
    remaining_uses: int | None = batched(
        "How many more orders may have it; null for any number.", _remaining
    )

    @strawberry.field(description="What it takes off.")
    @reads("kind", "benefit")
    def benefit(self) -> PromotionBenefit:
        return to_benefit(self.record)

    @strawberry.field(description="Of which lines.")
    @reads("scope")
    def scope(self) -> PromotionScope:
        return PromotionScope(record=self.record["scope"])

    @strawberry.field(
        description="What the lines in the scope have to cost before discounts, by currency; null "
        "for nothing."
    )
    @reads("minimum_subtotal")
    def minimum_subtotal(self) -> list[Money] | None:
        return _sums(self.record["minimum_subtotal"])

    @strawberry.field(description="What it may take off in all, by currency; null for anything.")
    @reads("budget")
    def budget(self) -> list[Money] | None:
        return _sums(self.record["budget"])

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        found = await reading.promotions_by_key(info.context, keys)
        return [cls(record=found[key]) if key in found else None for key in keys]


def _sums(amounts: Mapping[str, int] | None) -> list[Money] | None:
    return None if amounts is None else to_sums(amounts)
