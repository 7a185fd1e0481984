"""What shipping methods look like."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

import strawberry

from mercat.graphql.context import Info
from mercat.graphql.extend import Mutation, Query, extend
from mercat.graphql.schema import Money, Node
from mercat.ids import encode_id, key_of
from mercat_orders.configured.inputs import created, updated
from mercat_orders.configured.outcomes import ConfigurationError, attempted
from mercat_orders.configured.schema import Area, to_area
from mercat_orders.delivery import service
from mercat_orders.delivery.inputs import (
    ShippingMethodCreateInput,
    ShippingMethodDeleteInput,
    ShippingMethodUpdateInput,
)
from mercat_orders.delivery.methods import Band, Prices
from mercat_products.sellers import seller_id

_TYPE = "ShippingMethod"
_NULLABLE = ("days", "tax_class")


@strawberry.type(
    description="What it costs for parcels up to a weight and up to a value, both included."
)
class ShippingBand:
    prices: list[Money] = strawberry.field(description="The price, by currency.")
    up_to_weight: int | None = strawberry.field(
        description="The most that the parcel weighs, in grams; null for any."
    )
    up_to_value: list[Money] | None = strawberry.field(
        description="The most that what is in it costs, by currency; null for any."
    )


@strawberry.type(description="How long it takes, in days.")
class DeliveryDays:
    least: int = strawberry.field(description="The least number of days.")
    most: int = strawberry.field(description="The most.")


@strawberry.type(description="A way to deliver, for those who may change it.")
class ShippingMethod(Node):
    id: strawberry.ID = strawberry.field(description="Opaque, and unique in the whole shop.")
    key: str = strawberry.field(description="What it is known by, in engine.toml and in a cart.")
    name: str = strawberry.field(description="What customers choose.")
    area: Area = strawberry.field(description="Where it goes.")
    bands: list[ShippingBand] = strawberry.field(
        description="What it costs; the first one that holds for a parcel counts."
    )
    free_from: list[Money] = strawberry.field(
        description="From what value on it costs nothing, by currency."
    )
    days: DeliveryDays | None = strawberry.field(description="How long it takes.")
    tax_class: str | None = strawberry.field(
        description="Its class of tax; null for that of shipping."
    )
    seller_id: strawberry.ID | None = strawberry.field(
        description="The id of the seller whose it is; null for all who have none of their own."
    )
    position: int = strawberry.field(description="The lowest comes first.")
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
        found = await service.methods_by_key(info.context, keys)
        return [cls.of(found[key]) if key in found else None for key in keys]

    @classmethod
    def of(cls, entry: service.Method) -> Self:
        method = entry.value
        return cls(
            id=strawberry.ID(encode_id(_TYPE, method.id)),
            key=method.id,
            name=method.name,
            area=to_area(method.area),
            bands=list(map(_to_band, method.bands)),
            free_from=_to_money(method.free_from),
            days=None if method.days is None else _to_days(method.days),
            tax_class=method.tax_class,
            seller_id=None if method.seller is None else strawberry.ID(seller_id(method.seller)),
            position=method.position,
            is_from_settings=entry.version is None,
            created_at=entry.created_at,
            updated_at=entry.updated_at,
            version=entry.version,
        )


def _to_days(days: tuple[int, int]) -> DeliveryDays:
    return DeliveryDays(least=days[0], most=days[1])


def _to_band(band: Band) -> ShippingBand:
    most = band.up_to_value
    return ShippingBand(
        prices=_to_money(band.prices),
        up_to_weight=band.up_to_weight,
        up_to_value=None if most is None else _to_money(most),
    )


def _to_money(prices: Prices) -> list[Money]:
    return [Money.of(minor, currency) for currency, minor in prices.items()]


@strawberry.type(description="The outcome of adding or changing a shipping method.")
class ShippingMethodPayload:
    shipping_method: ShippingMethod | None = strawberry.field(
        description="The method; null where it failed."
    )
    user_errors: list[ConfigurationError] = strawberry.field(
        description="What the caller can mend."
    )


@strawberry.type(description="The outcome of removing a shipping method.")
class ShippingMethodDeletePayload:
    deleted_id: strawberry.ID | None = strawberry.field(
        description="The id of what was removed; null where it failed."
    )
    user_errors: list[ConfigurationError] = strawberry.field(
        description="What the caller can mend."
    )


@extend(Query)
class ShippingMethodQuery:
    @strawberry.field(
        description="All shipping methods that the viewer may change, in the order in which "
        "customers see them; 250 at most beside those of engine.toml. Needs "
        "`orders.manage_delivery`, or `orders.deliver` for those of one's own seller."
    )
    @staticmethod
    async def shipping_methods(info: Info) -> list[ShippingMethod]:
        found = await service.list_methods(info.context)
        return [ShippingMethod.of(each) for each in found]


@extend(Mutation)
class ShippingMethodMutation:
    @strawberry.field(
        description="Add a shipping method; needs `orders.manage_delivery`, or `orders.deliver` "
        "for one of one's own seller."
    )
    @staticmethod
    async def shipping_method_create(
        info: Info,
        input: Annotated[  # noqa: A002
            ShippingMethodCreateInput, strawberry.argument(description="What to add.")
        ],
    ) -> ShippingMethodPayload:
        async def work() -> service.Method:
            return await service.create_method(info.context, created(input))

        found, errors = await attempted(work)
        return _payload(found, errors)

    @strawberry.field(
        description="Change a shipping method, within a second for all carts; needs "
        "`orders.manage_delivery`, or `orders.deliver` for one of one's own seller."
    )
    @staticmethod
    async def shipping_method_update(
        info: Info,
        input: Annotated[  # noqa: A002
            ShippingMethodUpdateInput, strawberry.argument(description="What to change.")
        ],
    ) -> ShippingMethodPayload:
        async def work() -> service.Method:
            key, values = key_of(input.id, _TYPE, ("id",)), updated(input, _NULLABLE)
            return await service.update_method(info.context, key, input.version, values)

        found, errors = await attempted(work)
        return _payload(found, errors)

    @strawberry.field(
        description="Remove a shipping method; needs `orders.manage_delivery`, or "
        "`orders.deliver` for one of one's own seller."
    )
    @staticmethod
    async def shipping_method_delete(
        info: Info,
        input: Annotated[  # noqa: A002
            ShippingMethodDeleteInput, strawberry.argument(description="What to remove.")
        ],
    ) -> ShippingMethodDeletePayload:
        async def work() -> strawberry.ID:
            key = key_of(input.id, _TYPE, ("id",))
            await service.delete_method(info.context, key, input.version)
            return input.id

        deleted, errors = await attempted(work)
        return ShippingMethodDeletePayload(deleted_id=deleted, user_errors=errors)


def _payload(
    found: service.Method | None, errors: list[ConfigurationError]
) -> ShippingMethodPayload:
    shown = None if found is None else ShippingMethod.of(found)
    return ShippingMethodPayload(shipping_method=shown, user_errors=errors)
