"""What the mutations of promotions take."""

from enum import Enum

import strawberry
from strawberry import UNSET

from mercat.graphql.scalars import CountryCode, CurrencyCode
from mercat_coupons.promotions.benefit_inputs import (
    PromotionBenefitInput,
    PromotionScopeInput,
)
from mercat_orders.configured.inputs import MoneyInput


@strawberry.enum(description="Who earns less by a discount.")
class DiscountBearer(Enum):
    SHOP = strawberry.enum_value("shop", description="The shop: sellers earn what they would.")
    SELLER = strawberry.enum_value("seller", description="The seller of what is reduced.")


@strawberry.enum(description="Where a promotion stands.")
class PromotionStatus(Enum):
    ACTIVE = strawberry.enum_value("active", description="It holds from its start to its end.")
    ARCHIVED = strawberry.enum_value("archived", description="It doesn't hold any more.")


_STARTS = (
    "The first moment: as ISO 8601 writes it with an offset, without one on the clock of "
    "`timeZone`, or a date alone for the beginning of that day."
)
_ENDS = "The first moment after it, written so; a date alone is the last day of it."
_ZONE = "The IANA time zone of times without an offset, such as `Europe/Vienna`."


@strawberry.input(description="A promotion to be made.")
class PromotionCreateInput:
    name: str = strawberry.field(description="What buyers read; up to 200 characters.")
    benefit: PromotionBenefitInput = strawberry.field(description="What it takes off.")
    scope: PromotionScopeInput | None = strawberry.field(
        default=UNSET, description="Of which lines; of all where left out."
    )
    starts_at: str | None = strawberry.field(default=UNSET, description=_STARTS)
    ends_at: str | None = strawberry.field(default=UNSET, description=_ENDS)
    time_zone: str | None = strawberry.field(
        default=UNSET, description=_ZONE + " That of the settings where left out."
    )
    minimum_subtotal: list[MoneyInput] | None = strawberry.field(
        default=UNSET,
        description="What the lines in the scope have to cost, by currency, before discounts.",
    )
    minimum_quantity: int | None = strawberry.field(
        default=UNSET, description="How many units of them there have to be."
    )
    first_order: bool | None = strawberry.field(
        default=UNSET, description="Whether it is for a customer's first order only."
    )
    countries: list[CountryCode] | None = strawberry.field(
        default=UNSET, description="Where orders go; anywhere where left out."
    )
    currencies: list[CurrencyCode] | None = strawberry.field(
        default=UNSET,
        description="In which currencies; in all that each of its sums is given in where left out.",
    )
    customer_ids: list[strawberry.ID] | None = strawberry.field(
        default=UNSET, description="Ids of the users whom it is for; nobody else learns of it."
    )
    customer_group_ids: list[strawberry.ID] | None = strawberry.field(
        default=UNSET,
        description="Ids of the customer groups that it is for, besides those users; needs "
        "`coupons.manage`.",
    )
    usage_limit: int | None = strawberry.field(
        default=UNSET, description="How many orders may have it in all."
    )
    usage_limit_per_customer: int | None = strawberry.field(
        default=UNSET, description="How many orders of one customer may have it."
    )
    budget: list[MoneyInput] | None = strawberry.field(
        default=UNSET, description="What it may take off in all, by currency."
    )
    is_automatic: bool | None = strawberry.field(
        default=UNSET, description="Whether it needs no code; it does where left out."
    )
    is_combinable: bool | None = strawberry.field(
        default=UNSET, description="Whether others may hold beside it; they may where left out."
    )
    priority: int | None = strawberry.field(
        default=UNSET, description="The highest comes first; 0 where left out."
    )
    seller_id: strawberry.ID | None = strawberry.field(
        default=UNSET,
        description="The id of the seller for whose products it is; that of the viewer's own "
        "where left out, and nobody's for who has `coupons.manage`.",
    )
    borne_by: DiscountBearer | None = strawberry.field(
        default=UNSET,
        description="Who pays for it. The shop where left out, but for a seller's staff, whose "
        "promotions the seller pays for.",
    )


@strawberry.input(
    description="A change of a promotion; what is left out stays as it is. Orders that were "
    "placed with it stay as they are."
)
class PromotionUpdateInput:
    id: strawberry.ID = strawberry.field(description="Its id.")
    version: int | None = strawberry.field(
        default=None, description="The version that was read; refused where it is not the last."
    )
    name: str | None = strawberry.field(default=UNSET, description="What buyers read.")
    benefit: PromotionBenefitInput | None = strawberry.field(
        default=UNSET, description="What it takes off, all of it."
    )
    scope: PromotionScopeInput | None = strawberry.field(
        default=UNSET, description="Of which lines, all of it; null for all lines."
    )
    starts_at: str | None = strawberry.field(
        default=UNSET, description=_STARTS + " Null for no start."
    )
    ends_at: str | None = strawberry.field(default=UNSET, description=_ENDS + " Null for no end.")
    time_zone: str | None = strawberry.field(
        default=UNSET, description=_ZONE + " Moments that are left out stay as they are."
    )
    minimum_subtotal: list[MoneyInput] | None = strawberry.field(
        default=UNSET, description="What the lines in the scope have to cost; null for nothing."
    )
    minimum_quantity: int | None = strawberry.field(
        default=UNSET, description="How many units there have to be; null for any."
    )
    first_order: bool | None = strawberry.field(
        default=UNSET, description="Whether it is for a customer's first order only."
    )
    countries: list[CountryCode] | None = strawberry.field(
        default=UNSET, description="Where orders go; anywhere where empty."
    )
    currencies: list[CurrencyCode] | None = strawberry.field(
        default=UNSET,
        description="In which currencies; in all that each of its sums is given in where empty.",
    )
    customer_ids: list[strawberry.ID] | None = strawberry.field(
        default=UNSET, description="Ids of all users whom it is for."
    )
    customer_group_ids: list[strawberry.ID] | None = strawberry.field(
        default=UNSET,
        description="Ids of all customer groups that it is for; needs `coupons.manage`.",
    )
    usage_limit: int | None = strawberry.field(
        default=UNSET, description="How many orders may have it in all; null for any number."
    )
    usage_limit_per_customer: int | None = strawberry.field(
        default=UNSET, description="How many of one customer may; null for any number."
    )
    budget: list[MoneyInput] | None = strawberry.field(
        default=UNSET, description="What it may take off in all; null for anything."
    )
    is_automatic: bool | None = strawberry.field(
        default=UNSET, description="Whether it needs no code."
    )
    is_combinable: bool | None = strawberry.field(
        default=UNSET, description="Whether others may hold beside it."
    )
    priority: int | None = strawberry.field(default=UNSET, description="The highest comes first.")
    borne_by: DiscountBearer | None = strawberry.field(
        default=UNSET, description="Who pays for it; needs `coupons.manage`."
    )


@strawberry.input(description="A promotion that is not to hold any more.")
class PromotionArchiveInput:
    id: strawberry.ID = strawberry.field(description="Its id.")


@strawberry.input(description="Which promotions are looked for; all of it has to hold.")
class PromotionFilter:
    status: PromotionStatus | None = strawberry.field(
        default=None, description="Those that stand so."
    )
    is_automatic: bool | None = strawberry.field(
        default=None, description="Those that need no code, or those that need one."
    )
    seller_id: strawberry.ID | None = strawberry.field(
        default=None, description="Those of the seller with this id."
    )
    text: str | None = strawberry.field(
        default=None, description="Those that have this in their name, in any case."
    )
