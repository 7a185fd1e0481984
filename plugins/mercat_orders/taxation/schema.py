"""What tax zones look like."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self

import strawberry

from mercat.graphql.context import Info
from mercat.graphql.extend import Mutation, Query, extend
from mercat.graphql.scalars import DecimalString
from mercat.graphql.schema import Node
from mercat.ids import encode_id, key_of
from mercat_orders.configured.inputs import created, updated
from mercat_orders.configured.outcomes import ConfigurationError, attempted
from mercat_orders.configured.schema import Area, to_area
from mercat_orders.taxation import service
from mercat_orders.taxation.inputs import (
    TaxZoneCreateInput,
    TaxZoneDeleteInput,
    TaxZoneUpdateInput,
)
from mercat_orders.taxation.zones import percent

_TYPE = "TaxZone"


@strawberry.type(description="The rate of a class of tax.")
class TaxRate:
    tax_class: str = strawberry.field(
        description="The class. What has none, or one without a rate, is taxed as `standard`, and "
        "shipping as `shipping` where there is such a rate."
    )
    rate: DecimalString = strawberry.field(description="Per cent, such as `19`.")


@strawberry.type(description="Where a tax is due, and at which rates.")
class TaxZone(Node):
    id: strawberry.ID = strawberry.field(description="Opaque, and unique in the whole shop.")
    key: str = strawberry.field(description="What it is known by, in engine.toml and in sums.")
    label: str = strawberry.field(description="What receipts call the tax.")
    area: Area = strawberry.field(description="Where the tax is due.")
    included: bool = strawberry.field(
        description="Whether prices have the tax in them. Where several zones hold, the first one "
        "says it for all."
    )
    rates: list[TaxRate] = strawberry.field(description="One for each class of tax.")
    is_from_settings: bool = strawberry.field(
        description="Whether it stands in engine.toml, and is changed there."
    )
    created_at: datetime | None = strawberry.field(
        description="When it was added; null for one of engine.toml."
    )
    updated_at: datetime | None = strawberry.field(
        description="When it was last changed; null for one of engine.toml."
    )
    version: int | None = strawberry.field(
        description="Grows with each change; null for one of engine.toml."
    )

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        found = await service.zones_by_key(info.context, keys)
        return [cls.of(found[key]) if key in found else None for key in keys]

    @classmethod
    def of(cls, entry: service.Zone) -> Self:
        zone = entry.value
        return cls(
            id=strawberry.ID(encode_id(_TYPE, zone.id)),
            key=zone.id,
            label=zone.label,
            area=to_area(zone.area),
            included=zone.included,
            rates=[_to_rate(name, rate) for name, rate in zone.rates.items()],
            is_from_settings=entry.version is None,
            created_at=entry.created_at,
            updated_at=entry.updated_at,
            version=entry.version,
        )


def _to_rate(tax_class: str, rate: Decimal) -> TaxRate:
    return TaxRate(tax_class=tax_class, rate=DecimalString(percent(rate)))


@strawberry.type(description="The outcome of adding or changing a tax zone.")
class TaxZonePayload:
    tax_zone: TaxZone | None = strawberry.field(description="The zone; null where it failed.")
    user_errors: list[ConfigurationError] = strawberry.field(
        description="What the caller can mend."
    )


@strawberry.type(description="The outcome of removing a tax zone.")
class TaxZoneDeletePayload:
    deleted_id: strawberry.ID | None = strawberry.field(
        description="The id of what was removed; null where it failed."
    )
    user_errors: list[ConfigurationError] = strawberry.field(
        description="What the caller can mend."
    )


@extend(Query)
class TaxZoneQuery:
    @strawberry.field(
        description="All tax zones: those of engine.toml, then the others in the order in which "
        "they were added, of which there are 250 at most. Needs `orders.manage_taxes`."
    )
    @staticmethod
    async def tax_zones(info: Info) -> list[TaxZone]:
        return list(map(TaxZone.of, await service.list_zones(info.context)))


@extend(Mutation)
class TaxZoneMutation:
    @strawberry.field(description="Add a tax zone; needs `orders.manage_taxes`.")
    @staticmethod
    async def tax_zone_create(
        info: Info,
        input: Annotated[  # noqa: A002
            TaxZoneCreateInput, strawberry.argument(description="What to add.")
        ],
    ) -> TaxZonePayload:
        async def work() -> service.Zone:
            return await service.create_zone(info.context, created(input))

        found, errors = await attempted(work)
        return _payload(found, errors)

    @strawberry.field(
        description="Change a tax zone, within a second for all carts; needs `orders.manage_taxes`."
    )
    @staticmethod
    async def tax_zone_update(
        info: Info,
        input: Annotated[  # noqa: A002
            TaxZoneUpdateInput, strawberry.argument(description="What to change.")
        ],
    ) -> TaxZonePayload:
        async def work() -> service.Zone:
            key, values = key_of(input.id, _TYPE, ("id",)), updated(input)
            return await service.update_zone(info.context, key, input.version, values)

        found, errors = await attempted(work)
        return _payload(found, errors)

    @strawberry.field(description="Remove a tax zone; needs `orders.manage_taxes`.")
    @staticmethod
    async def tax_zone_delete(
        info: Info,
        input: Annotated[  # noqa: A002
            TaxZoneDeleteInput, strawberry.argument(description="What to remove.")
        ],
    ) -> TaxZoneDeletePayload:
        async def work() -> strawberry.ID:
            key = key_of(input.id, _TYPE, ("id",))
            await service.delete_zone(info.context, key, input.version)
            return input.id

        deleted, errors = await attempted(work)
        return TaxZoneDeletePayload(deleted_id=deleted, user_errors=errors)


def _payload(found: service.Zone | None, errors: list[ConfigurationError]) -> TaxZonePayload:
    shown = None if found is None else TaxZone.of(found)
    return TaxZonePayload(tax_zone=shown, user_errors=errors)
