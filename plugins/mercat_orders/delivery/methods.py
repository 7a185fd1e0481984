"""What the shop's shipping methods say of a parcel. Nothing here asks anybody."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mercat.checkout import Parcel, ShippingOption
from mercat_orders.areas import Area

Prices = Mapping[str, int]
"""Minor units by currency."""


@dataclass(frozen=True, slots=True)
class Band:
    """A price for parcels up to a weight, in grams, and up to a value, both included."""

    prices: Prices
    up_to_weight: int | None = None
    up_to_value: Prices | None = None

    def holds(self, parcel: Parcel) -> bool:
        if self.up_to_weight is not None and parcel.weight > self.up_to_weight:
            return False
        if self.up_to_value is None:
            return True
        most = self.up_to_value.get(parcel.currency)
        return most is not None and parcel.value <= most


@dataclass(frozen=True, slots=True)
class ShippingMethod:
    """A way to deliver, of one seller, or of all that have none of their own.

    The first band that holds for a parcel has its price; what no band holds for can't go this way,
    nor what has no price in its currency. From a value of `free_from` on it costs nothing.
    """

    id: str
    name: str
    area: Area
    bands: tuple[Band, ...]
    free_from: Prices
    days: tuple[int, int] | None = None
    tax_class: str | None = None
    seller: str | None = None
    position: int = 0

    def option(self, parcel: Parcel) -> ShippingOption | None:
        """This way for a parcel, or None where it can't go like that."""
        if not self.area.covers(parcel.destination):
            return None
        band = next((each for each in self.bands if each.holds(parcel)), None)
        price = band.prices.get(parcel.currency) if band else None
        if price is None:
            return None
        free = self.free_from.get(parcel.currency)
        return ShippingOption(
            id=self.id,
            name=self.name,
            price=0 if free is not None and parcel.value >= free else price,
            source=f"orders:shipping_method:{self.id}",
            tax_class=self.tax_class,
            days=self.days,
        )


def options(methods: Iterable[ShippingMethod], parcel: Parcel) -> list[ShippingOption]:
    """The ways in which a parcel can go: its seller's own methods, else those of all."""
    known = list(methods)
    own = [method for method in known if method.seller == parcel.seller is not None]
    mine = own or [method for method in known if method.seller is None]
    ordered = sorted(mine, key=lambda method: method.position)
    return [way for method in ordered if (way := method.option(parcel)) is not None]
