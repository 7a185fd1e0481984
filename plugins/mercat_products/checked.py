"""From a record to what is stored of it, by the checks of the API."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from pydantic import BaseModel

from mercat.errors import InvalidError
from mercat.money import CURRENCIES, digits
from mercat.settings import ShopSettings
from mercat.storage import Record
from mercat_products.editing.checking import (
    checked_attributes,
    checked_product,
    checked_variant,
)
from mercat_products.records import (
    PriceRecord,
    ProductRecord,
    TranslationRecord,
    VariantRecord,
)
from mercat_products.values import Field, addresses, check_variants

_NEW: Record = {
    "description": "",
    "brand": None,
    "status": "active",
    "tags": [],
    "media": [],
    "metadata": {},
    "attributes": [],
}
_NEW_VARIANT: Record = {
    "name": "",
    "barcode": None,
    "options": [],
    "prices": [],
    "available": True,
}
_TRANSLATED = ("name", "description", "slug")
_YES_OR_NO = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Types:
    """The product types that some records need."""

    named: Mapping[str, Record]
    by_id: Mapping[ObjectId, Record]


def type_of(record: ProductRecord, types: Types, stored: Record | None) -> Record | None:
    """The product's type as it will be. Raises InvalidError where there is none of that name."""
    if "type" not in record.model_fields_set:
        key = (stored or {}).get("type_id")
        return None if key is None else types.by_id.get(key)
    if record.type is None:
        return None
    if record.type not in types.named:
        raise InvalidError(f"there is no product type '{record.type}'", field=("type",))
    return types.named[record.type]


def importing(shop: ShopSettings) -> ShopSettings:
    """The shop as imports see it: a file may have prices that it doesn't sell in, yet."""
    return shop.model_copy(update={"currencies": tuple(CURRENCIES)})


def checked(
    record: ProductRecord,
    shop: ShopSettings,
    of_type: Record | None,
    stored: Record | None,
    own: Mapping[str, Record],
) -> Record:
    """The whole product as it will be: what is stored, and over it what the record names.

    `of_type` is its type then; `own` are the shop's own pictures that it shows, by their addresses.
    Raises InvalidError.
    """
    given = _given(record)
    plain = _plain({key: value for key, value in given.items() if key in _SIMPLE}, own)
    if "translations" in given:
        plain["translations"] = _translations(record.translations, shop, stored)
    found = {**(stored or _NEW), **checked_product(plain, shop, stored)}
    found["variants"] = _variants(record.variants, shop, stored, own)
    found |= _type(given, of_type, stored)
    found["addresses"] = addresses(found["slug"], found.get("translations", ()))
    return found | _old_addresses(found, record.old_slugs, stored)


def _given(record: BaseModel) -> dict[str, Any]:
    """What a record names itself."""
    named = record.model_fields_set
    return {key: value for key, value in vars(record).items() if key in named}


def _translations(
    given: tuple[TranslationRecord, ...], shop: ShopSettings, stored: Record | None
) -> list[dict[str, Any]]:
    """What is stored, and over it what each record names; one that says nothing is none."""
    found: dict[str, dict[str, Any]] = {
        one["locale"]: dict(one)
        for one in (stored or {}).get("translations", ())
        if one["locale"] in shop.all_locales[1:]
    }
    seen: set[str] = set()
    for record in given:
        if record.locale in seen:
            raise InvalidError(f"'{record.locale}' stands there twice", field=("translations",))
        seen.add(record.locale)
        found[record.locale] = {**dict(record), **found.get(record.locale, {}), **_given(record)}
    return [one for one in found.values() if any(one.get(key) is not None for key in _TRANSLATED)]


def _variants(
    records: tuple[VariantRecord, ...],
    shop: ShopSettings,
    stored: Record | None,
    own: Mapping[str, Record],
) -> list[Record]:
    """A variant that the product has keeps its id, and what its record doesn't name."""
    known = {variant["sku"]: variant for variant in (stored or {}).get("variants", ())}
    found = []
    for i, record in enumerate(records):
        at = ("variants", str(i))
        for j, price in enumerate(record.prices):
            _check_currency(price, (*at, "prices", str(j), "currency"))
        given = _given(record)
        values = checked_variant(_plain(given, own), shop, at)
        found.append({**(known.get(values["sku"]) or {"id": ObjectId(), **_NEW_VARIANT}), **values})
    check_variants(found, ("variants",))
    return found


def _check_currency(price: PriceRecord, field: Field) -> None:
    digits(price.currency or "EUR", field)


def _type(given: Mapping[str, Any], of_type: Record | None, stored: Record | None) -> Record:
    wanted: dict[str, Any] = {} if stored else {"attributes": []}
    if "attributes" in given:
        kinds = {one["key"]: one["kind"] for one in (of_type or {}).get("attributes", ())}
        wanted["attributes"] = [
            (key, _attribute(value, kinds.get(key), ("attributes", key)))
            for key, value in given["attributes"].items()
        ]
    if "type" in given:
        wanted["type"] = of_type and of_type["_id"]
    return checked_attributes(wanted, of_type, stored)


def _attribute(value: Any, kind: str | None, field: Field) -> Any:
    """A value as its kind has it: a table says everything in words, and JSON knows no days."""
    if isinstance(value, tuple):
        return list(value)
    if kind in _READ and isinstance(value, str):
        return _READ[kind](value, field)
    return value


def _number(value: str, field: Field) -> float:
    try:
        found = float(value)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise InvalidError(f"'{value[:40]}' is no number", field=field)
    return found


def _boolean(value: str, field: Field) -> bool:
    if value.lower() not in _YES_OR_NO:
        raise InvalidError(f"'{value[:40]}' is neither true nor false", field=field)
    return _YES_OR_NO[value.lower()]


def _day(value: str, field: Field) -> datetime:
    try:
        return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidError(
            f"'{value[:40]}' is no day; write it as 2026-01-31", field=field
        ) from None


def _choices(value: str, _field: Field) -> list[str]:
    return [value] if value else []


def _old_addresses(found: Record, given: tuple[str, ...], stored: Record | None) -> Record:
    """Addresses that the product had, has left now, or is said to have had: none is ever lost."""
    before = stored or {}
    left = [one for one in before.get("addresses", ()) if one not in found["addresses"]]
    said = (one.rpartition("/")[2] for one in given)  # once with the locale of a translation
    old = list(dict.fromkeys([*before.get("old_addresses", ()), *said, *left]))
    return {"old_addresses": old} if old else {}


def _plain(given: Mapping[str, Any], own: Mapping[str, Record]) -> dict[str, Any]:
    """What is given as the checks take it."""
    found = {key: _PLAIN[key](value) if key in _PLAIN else value for key, value in given.items()}
    if "media" in found:
        found["media"] = [
            {**own[one["url"]], "alt": one["alt"]} if one["url"] in own else one
            for one in found["media"]
        ]
    return found


def _prices(prices: tuple[PriceRecord, ...]) -> list[dict[str, Any]]:
    return [
        {
            **dict(price),
            "compare_at": None if _is_no_reduction(price) else price.compare_at,
            "breaks": [dict(one) for one in price.breaks],
        }
        for price in prices
    ]


def left_out(record: ProductRecord) -> str | None:
    """What of a record isn't taken though the rest is, in a sentence."""
    for variant in record.variants:
        if any(map(_is_no_reduction, variant.prices)):
            return f"'{variant.sku}' used to cost no more than it does: its compare_at is left out"
    return None


def _is_no_reduction(price: PriceRecord) -> bool:
    """Whether what it used to cost is no more than what it costs, as some shops say for none."""
    return price.compare_at is not None and price.compare_at <= price.amount


def _items(values: Mapping[str, str]) -> list[tuple[str, str]]:
    return list(values.items())


def _rows(values: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [dict(value) for value in values]


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "seo": dict,
    "media": _rows,
    "metadata": _items,
    "private_metadata": _items,
    "options": _items,
    "prices": _prices,
    "dimensions": lambda value: None if value is None else dict(value),
}
_SIMPLE = {
    *("slug", "name", "description", "brand", "status", "seller", "tags", "seo", "media"),
    *("metadata", "private_metadata", "translations"),
}
_READ: dict[str, Callable[[str, Field], Any]] = {
    "number": _number,
    "boolean": _boolean,
    "date": _day,
    "multi_select": _choices,
}
