"""What is given of a shipping method, checked, as it is stored. Raises InvalidError."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mercat.errors import InvalidError
from mercat.settings import ShopSettings
from mercat.storage import Record
from mercat.texts import line_of
from mercat_orders.configured.checking import EVERYWHERE, amounts, area, tax_class

_LONGEST_NAME = 100
_MOST_BANDS = 50
_MOST_DAYS = 365
_LARGEST = 2**31 - 1


def checked(given: Mapping[str, Any], shop: ShopSettings) -> Record:
    """Those values that are given."""
    return {name: _CHECKS[name](value, shop) for name, value in given.items()}


def checked_new(given: Mapping[str, Any], shop: ShopSettings) -> Record:
    """All values, with those that stand for what isn't given."""
    empty = {"area": EVERYWHERE, "free_from": (), "days": None, "tax_class": None}
    return checked({**empty, **given}, shop)


def _bands(values: Sequence[Mapping[str, Any]], shop: ShopSettings) -> list[Record]:
    if not 1 <= len(values) <= _MOST_BANDS:
        raise InvalidError(f"give 1 to {_MOST_BANDS} bands with prices", field=("bands",))
    found: list[Record] = []
    for index, value in enumerate(values):
        at = ("bands", str(index))
        band = _band(value, shop, at)
        if any(_leaves_nothing(before, band) for before in found):
            limit = "upToValue" if band["up_to_weight"] is None else "upToWeight"
            raise InvalidError(
                "no parcel comes to this band: each must go further than those before it",
                field=(*at, limit),
            )
        found.append(band)
    return found


def _band(value: Mapping[str, Any], shop: ShopSettings, at: tuple[str, ...]) -> Record:
    most = value["up_to_value"]
    return {
        "prices": amounts(value["prices"], shop, (*at, "prices"), least=1),
        "up_to_weight": _up_to_weight(value["up_to_weight"], (*at, "upToWeight")),
        "up_to_value": None if most is None else amounts(most, shop, (*at, "upToValue"), least=1),
    }


def _up_to_weight(value: int | None, field: tuple[str, ...]) -> int | None:
    if value is not None and value < 0:
        raise InvalidError("this can't be negative", field=field)
    return value


def _leaves_nothing(before: Record, band: Record) -> bool:
    """Whether every parcel that a band holds is held by one before it."""
    if _weight(before) < _weight(band):
        return False
    if before["up_to_value"] is None:
        return True
    return band["up_to_value"] is not None and all(
        before["up_to_value"].get(currency, -1) >= most
        for currency, most in band["up_to_value"].items()
    )


def _weight(band: Record) -> float:
    return math.inf if band["up_to_weight"] is None else band["up_to_weight"]


def _days(value: Mapping[str, int] | None) -> list[int] | None:
    if value is None:
        return None
    least, most = value["least"], value["most"]
    if not 0 <= least <= _MOST_DAYS:
        raise InvalidError(f"this is from 0 to {_MOST_DAYS} days", field=("days", "least"))
    if not least <= most <= _MOST_DAYS:
        raise InvalidError(
            f"this is from the least number of days to {_MOST_DAYS}", field=("days", "most")
        )
    return [least, most]


def _position(value: int) -> int:
    if not 0 <= value <= _LARGEST:
        raise InvalidError("this can't be negative", field=("position",))
    return value


_CHECKS: Mapping[str, Callable[[Any, ShopSettings], Any]] = {
    "name": lambda value, _: line_of(value, ("name",), most=_LONGEST_NAME, least=1),
    "area": lambda value, _: area(value, ("area",)),
    "bands": _bands,
    "free_from": lambda value, shop: amounts(value, shop, ("freeFrom",)),
    "days": lambda value, _: _days(value),
    "tax_class": lambda value, _: tax_class(value, ("taxClass",)),
    "position": lambda value, _: _position(value),
}
