"""What the mutations of shipping methods take."""

import strawberry
from strawberry import UNSET

from mercat_orders.configured.inputs import AreaInput, MoneyInput


@strawberry.input(description="How long it takes, in days.")
class DeliveryDaysInput:
    least: int = strawberry.field(description="The least number of days.")
    most: int = strawberry.field(description="The most.")


@strawberry.input(
    description="What it costs for parcels up to a weight and up to a value, both included."
)
class ShippingBandInput:
    prices: list[MoneyInput] = strawberry.field(
        description="The price, in each currency that it can be paid in."
    )
    up_to_weight: int | None = strawberry.field(
        default=None, description="The most that the parcel weighs, in grams; any where left out."
    )
    up_to_value: list[MoneyInput] | None = strawberry.field(
        default=None,
        description="The most that what is in it costs, by currency; any where left out.",
    )


@strawberry.input(description="A shipping method to be added.")
class ShippingMethodCreateInput:
    name: str = strawberry.field(description="What customers choose.")
    bands: list[ShippingBandInput] = strawberry.field(
        description="What it costs; the first one that holds for a parcel counts, and what none "
        "holds for can't go this way."
    )
    key: str | None = strawberry.field(
        default=UNSET,
        description="What it is known by, as those in engine.toml are; made where left out.",
    )
    area: AreaInput | None = strawberry.field(
        default=UNSET, description="Where it goes; everywhere where left out."
    )
    free_from: list[MoneyInput] | None = strawberry.field(
        default=UNSET, description="From what value on it costs nothing, by currency."
    )
    days: DeliveryDaysInput | None = strawberry.field(
        default=UNSET, description="How long it takes."
    )
    tax_class: str | None = strawberry.field(
        default=UNSET, description="Its class of tax; that of shipping where left out."
    )
    seller: str | None = strawberry.field(
        default=UNSET,
        description="The id or key of the seller whose it is. Where left out it is the viewer's "
        "own, and an admin's is for all who have none of their own.",
    )
    position: int | None = strawberry.field(
        default=UNSET, description="The lowest comes first; the last one where left out."
    )


@strawberry.input(description="A change of a shipping method; what is left out stays as it is.")
class ShippingMethodUpdateInput:
    id: strawberry.ID = strawberry.field(description="Its id.")
    version: int | None = strawberry.field(
        default=None, description="The version that was read; refused where it is not the last."
    )
    name: str | None = strawberry.field(default=UNSET, description="What customers choose.")
    area: AreaInput | None = strawberry.field(default=UNSET, description="Where it goes.")
    bands: list[ShippingBandInput] | None = strawberry.field(
        default=UNSET, description="All of its prices."
    )
    free_from: list[MoneyInput] | None = strawberry.field(
        default=UNSET, description="From what value on it costs nothing; empty for never."
    )
    days: DeliveryDaysInput | None = strawberry.field(
        default=UNSET, description="How long it takes; null for unknown."
    )
    tax_class: str | None = strawberry.field(
        default=UNSET, description="Its class of tax; null for that of shipping."
    )
    position: int | None = strawberry.field(default=UNSET, description="The lowest comes first.")


@strawberry.input(description="A shipping method to be removed.")
class ShippingMethodDeleteInput:
    id: strawberry.ID = strawberry.field(description="Its id.")
    version: int | None = strawberry.field(
        default=None, description="The version that was read; refused where it is not the last."
    )
