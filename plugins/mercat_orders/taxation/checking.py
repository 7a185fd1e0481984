"""What is given of a tax zone, checked, as it is stored. Raises InvalidError."""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from mercat.errors import InvalidError
from mercat.storage import Record
from mercat.texts import line_of
from mercat_orders.configured.checking import EVERYWHERE, area, tax_class

_LONGEST_LABEL = 50
_MOST_RATES = 50
_HUNDRED = 100
_RATE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,6})?")


def checked(given: Mapping[str, Any]) -> Record:
    """Those values that are given."""
    return {name: _CHECKS[name](value) for name, value in given.items()}


def checked_new(given: Mapping[str, Any]) -> Record:
    """All values, with those that stand for what isn't given."""
    return checked({"area": EVERYWHERE, "label": "VAT", "included": True, **given})


def _rates(values: Sequence[Mapping[str, str]]) -> list[Record]:
    if not 1 <= len(values) <= _MOST_RATES:
        raise InvalidError(f"give 1 to {_MOST_RATES} rates", field=("rates",))
    found: dict[str | None, Record] = {}
    for index, value in enumerate(values):
        at = ("rates", str(index))
        name = tax_class(value["tax_class"], (*at, "taxClass"))
        if name in found:
            raise InvalidError(f"there are two rates of '{name}'", field=(*at, "taxClass"))
        found[name] = {"tax_class": name, "rate": _rate(value["rate"], (*at, "rate"))}
    return list(found.values())


def _rate(value: str, field: tuple[str, ...]) -> str:
    """Per cent, without zeros at the end."""
    if not _RATE.fullmatch(value) or Decimal(value) > _HUNDRED:
        raise InvalidError(
            "a rate is from 0 to 100 per cent, such as '19' or '5.5', with 6 digits after the "
            "point at most",
            field=field,
        )
    return f"{Decimal(value).normalize():f}"


_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "label": lambda value: line_of(value, ("label",), most=_LONGEST_LABEL, least=1),
    "area": lambda value: area(value, ("area",)),
    "included": bool,
    "rates": _rates,
}
