"""Typed attributes: what a type defines, and whether a product's values fit it."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from mercat.errors import InvalidError
from mercat.storage import Record
from mercat_products.values import Field, text

_KEY = re.compile(r"[a-z][a-z0-9_]{0,59}\Z")
_MOST_ATTRIBUTES = 200
_MOST_CHOICES = 500


def definitions(values: Sequence[Mapping[str, Any]], field: Field) -> list[Record]:
    """The attributes of a type, as they are stored. Raises InvalidError."""
    if len(values) > _MOST_ATTRIBUTES:
        raise InvalidError(f"a type has at most {_MOST_ATTRIBUTES} attributes", field=field)
    found: dict[str, Record] = {}
    for i, value in enumerate(values):
        at = (*field, str(i))
        if not _KEY.match(value["key"]):
            raise InvalidError(
                "a key has a-z, 0-9 and _, and begins with a letter", field=(*at, "key")
            )
        if value["key"] in found:
            raise InvalidError(f"two attributes are '{value['key']}'", field=(*at, "key"))
        found[value["key"]] = _definition(value, at)
    return list(found.values())


def _definition(value: Mapping[str, Any], field: Field) -> Record:
    kind = value["kind"]
    choices = [
        text(choice, (*field, "choices", str(i)), least=1)
        for i, choice in enumerate(value["choices"])
    ]
    if kind in {"select", "multi_select"}:
        if not 0 < len(set(choices)) == len(choices) <= _MOST_CHOICES:
            raise InvalidError(
                f"a selection has 1 to {_MOST_CHOICES} different choices", field=(*field, "choices")
            )
    elif choices:
        raise InvalidError("only selections have choices", field=(*field, "choices"))
    if value["unit"] is not None and kind != "number":
        raise InvalidError("only numbers have a unit", field=(*field, "unit"))
    return {
        "key": value["key"],
        "name": text(value["name"], (*field, "name"), least=1),
        "kind": kind,
        "unit": None if value["unit"] is None else text(value["unit"], (*field, "unit"), least=1),
        "choices": choices,
        "required": value["required"],
    }


def attributes(
    values: Sequence[tuple[str, Any]], of_type: Record | None, field: Field
) -> list[Record]:
    """A product's values in the order of its type's attributes, as they are stored.

    Each is what the attribute's kind asks for: str, float, bool, a datetime at midnight in UTC, or
    a list of str. Raises InvalidError where one doesn't fit or a required one is missing.
    """
    defined = {found["key"]: found for found in (of_type["attributes"] if of_type else ())}
    found: dict[str, Any] = {}
    for i, (key, value) in enumerate(values):
        at = (*field, str(i))
        definition = defined.get(key)
        if definition is None:
            known = ", ".join(defined) or "none, as it has no type"
            raise InvalidError(
                f"the product's type has no attribute '{key[:60]}'; it has {known}",
                field=(*at, "key"),
            )
        if key in found:
            raise InvalidError(f"'{key}' stands there twice", field=(*at, "key"))
        found[key] = _CHECKS[definition["kind"]](value, definition, (*at, "value"))
    for key, definition in defined.items():
        if definition["required"] and key not in found:
            raise InvalidError(f"the attribute '{key}' is required", field=field)
    return [{"key": key, "value": found[key]} for key in defined if key in found]


def fitting(values: Sequence[Record], of_type: Record | None) -> list[Record]:
    """What of a product's stored values fits the type as it is, in the order of its attributes."""
    stored = {one["key"]: one["value"] for one in values}
    found = []
    for definition in of_type["attributes"] if of_type else ():
        key = definition["key"]
        with suppress(InvalidError):
            if key in stored:
                value = _CHECKS[definition["kind"]](stored[key], definition, ())
                found.append({"key": key, "value": value})
    return found


def _text(value: Any, _definition: Record, field: Field) -> str:
    if not isinstance(value, str):
        raise InvalidError("this attribute is a text; give `text`", field=field)
    return text(value, field, least=1, most=10_000)


def _number(value: Any, _definition: Record, field: Field) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InvalidError("this attribute is a number; give `number`", field=field)
    return float(value)


def _boolean(value: Any, _definition: Record, field: Field) -> bool:
    if not isinstance(value, bool):
        raise InvalidError("this attribute is yes or no; give `boolean`", field=field)
    return value


def _select(value: Any, definition: Record, field: Field) -> str:
    if isinstance(value, list) and len(value) == 1:
        (value,) = value
    if not isinstance(value, str):
        raise InvalidError("this attribute is one choice; give `choices` with one", field=field)
    return _choice(value, definition, field)


def _multi_select(value: Any, definition: Record, field: Field) -> list[str]:
    if not isinstance(value, list):
        raise InvalidError("this attribute is a selection; give `choices`", field=field)
    chosen = {_choice(choice, definition, field) for choice in value}
    return [choice for choice in definition["choices"] if choice in chosen]


def _choice(value: str, definition: Record, field: Field) -> str:
    if value not in definition["choices"]:
        known = ", ".join(definition["choices"][:20])
        raise InvalidError(f"'{str(value)[:60]}' is none of {known}", field=field)
    return value


def _date(value: Any, _definition: Record, field: Field) -> datetime:
    if not isinstance(value, datetime):
        raise InvalidError("this attribute is a day; give `date`", field=field)
    return value


_CHECKS: dict[str, Callable[[Any, Record, Field], Any]] = {
    "text": _text,
    "number": _number,
    "boolean": _boolean,
    "select": _select,
    "multi_select": _multi_select,
    "date": _date,
}
