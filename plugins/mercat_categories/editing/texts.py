"""What is stored of what callers give, checked."""

from collections.abc import Callable, Mapping
from typing import Any

from mercat.errors import InvalidError
from mercat.settings import ShopSettings
from mercat.storage import Record
from mercat_products import values as shared

LONGEST_NAME = 200
LONGEST_SLUG = 200
LONGEST_DESCRIPTION = 20_000
_LARGEST_POSITION = 2**31 - 1


def checked(shop: ShopSettings, values: Mapping[str, Any]) -> Record:
    """The values as they are stored. Raises InvalidError, which names the value."""
    checks: dict[str, Callable[[Any], Any]] = {
        "name": _name,
        "slug": _slug,
        "description": _description,
        "image_id": lambda key: key,
        "position": _position,
        "seo": lambda seo: shared.seo(seo["title"], seo["description"], ("seo",)),
        "translations": lambda found: _translations(found, shop),
    }
    return {name: checks[name](value) for name, value in values.items()}


def _name(value: str, field: tuple[str, ...] = ("name",)) -> str:
    if not 0 < len(value.strip()) <= LONGEST_NAME:
        raise InvalidError(f"a name has 1 to {LONGEST_NAME} characters", field=field)
    return shared.text(value, field)


def _slug(value: str, field: tuple[str, ...] = ("slug",)) -> str:
    if len(value) > LONGEST_SLUG:
        raise InvalidError(f"a slug has at most {LONGEST_SLUG} characters", field=field)
    return shared.slug(value, field)


def _description(value: str, field: tuple[str, ...] = ("description",)) -> str:
    return shared.description(value, field, most=LONGEST_DESCRIPTION)


def _position(value: int) -> int:
    if not 0 <= value <= _LARGEST_POSITION:
        raise InvalidError("a position can't be negative", field=("position",))
    return value


def _translations(found: list[Mapping[str, str | None]], shop: ShopSettings) -> list[Record]:
    for i, one in enumerate(found):
        at = ("translations", str(i))
        for name, check in (("name", _name), ("slug", _slug), ("description", _description)):
            value = one[name]
            if value is not None:
                check(value, (*at, name))
    return shared.translations(found, shop, ("translations",))
