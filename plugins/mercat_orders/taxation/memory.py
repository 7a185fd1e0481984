"""The shop's tax zones, in the memory of this process."""

from collections.abc import Sequence
from decimal import Decimal

from mercat.context import Context
from mercat.storage import Record
from mercat_orders.configured.documents import area_of
from mercat_orders.configured.memory import Kept
from mercat_orders.settings import OrderSettings
from mercat_orders.taxation.documents import TaxZoneDocument
from mercat_orders.taxation.zones import TaxZone

_HUNDRED = 100


class KeptZones(Kept[TaxZone]):
    """One engine's tax zones."""

    def __init__(self, settings: OrderSettings) -> None:
        fixed = {key: table.zone(key) for key, table in settings.tax_zones.items()}
        super().__init__(TaxZoneDocument, "tax zone", to_zone, fixed)


def kept_zones(context: Context) -> KeptZones:
    return context.engine.own(KeptZones, context.settings(OrderSettings))


async def zones_of(context: Context) -> Sequence[TaxZone]:
    """All tax zones, those of engine.toml first: no older than a second, in memory."""
    return await kept_zones(context).all(context)


def to_zone(record: Record) -> TaxZone:
    """The zone that a record stands for."""
    return TaxZone(
        id=record["_id"],
        area=area_of(record["area"]),
        label=record["label"],
        included=record["included"],
        rates={each["tax_class"]: Decimal(each["rate"]) / _HUNDRED for each in record["rates"]},
    )
