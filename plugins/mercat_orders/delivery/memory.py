"""The shop's shipping methods, in the memory of this process."""

from collections.abc import Sequence

from mercat.context import Context
from mercat.storage import Record
from mercat_orders.configured.documents import area_of
from mercat_orders.configured.memory import Kept
from mercat_orders.delivery.documents import ShippingMethodDocument
from mercat_orders.delivery.methods import Band, ShippingMethod
from mercat_orders.settings import OrderSettings


class KeptMethods(Kept[ShippingMethod]):
    """One engine's shipping methods."""

    def __init__(self, settings: OrderSettings) -> None:
        fixed = {
            key: table.method(key, position)
            for position, (key, table) in enumerate(settings.shipping_methods.items())
        }
        super().__init__(ShippingMethodDocument, "shipping method", to_method, fixed)


def kept_methods(context: Context) -> KeptMethods:
    return context.engine.own(KeptMethods, context.settings(OrderSettings))


async def methods_of(context: Context) -> Sequence[ShippingMethod]:
    """All shipping methods, those of engine.toml first: no older than a second, in memory."""
    return await kept_methods(context).all(context)


def to_method(record: Record) -> ShippingMethod:
    """The method that a record stands for."""
    days = record["days"]
    return ShippingMethod(
        id=record["_id"],
        name=record["name"],
        area=area_of(record["area"]),
        bands=tuple(Band(**each) for each in record["bands"]),
        free_from=record["free_from"],
        days=None if days is None else (days[0], days[1]),
        tax_class=record["tax_class"],
        seller=record["seller"],
        position=record["position"],
    )
