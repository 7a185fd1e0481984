"""What the mutations of tax zones take."""

import strawberry
from strawberry import UNSET

from mercat.graphql.scalars import DecimalString
from mercat_orders.configured.inputs import AreaInput


@strawberry.input(description="The rate of a class of tax.")
class TaxRateInput:
    tax_class: str = strawberry.field(
        description="The class, such as `reduced`. What has none, or one without a rate, is taxed "
        "as `standard`, and shipping as `shipping` where there is such a rate."
    )
    rate: DecimalString = strawberry.field(
        description="Per cent, from 0 to 100, such as `19` or `5.5`."
    )


@strawberry.input(description="A tax zone to be added.")
class TaxZoneCreateInput:
    rates: list[TaxRateInput] = strawberry.field(description="One for each class of tax.")
    key: str | None = strawberry.field(
        default=UNSET,
        description="What it is known by, as those in engine.toml are; made where left out.",
    )
    label: str | None = strawberry.field(
        default=UNSET, description="What receipts call the tax; `VAT` where left out."
    )
    area: AreaInput | None = strawberry.field(
        default=UNSET, description="Where the tax is due; everywhere where left out."
    )
    included: bool | None = strawberry.field(
        default=UNSET, description="Whether prices have the tax in them; yes where left out."
    )


@strawberry.input(description="A change of a tax zone; what is left out stays as it is.")
class TaxZoneUpdateInput:
    id: strawberry.ID = strawberry.field(description="Its id.")
    version: int | None = strawberry.field(
        default=None, description="The version that was read; refused where it is not the last."
    )
    label: str | None = strawberry.field(default=UNSET, description="What receipts call the tax.")
    area: AreaInput | None = strawberry.field(default=UNSET, description="Where the tax is due.")
    included: bool | None = strawberry.field(
        default=UNSET, description="Whether prices have the tax in them."
    )
    rates: list[TaxRateInput] | None = strawberry.field(
        default=UNSET, description="All of its rates."
    )


@strawberry.input(description="A tax zone to be removed.")
class TaxZoneDeleteInput:
    id: strawberry.ID = strawberry.field(description="Its id.")
    version: int | None = strawberry.field(
        default=None, description="The version that was read; refused where it is not the last."
    )
