"""What people say of themselves, checked."""

import re

from mercat.context import Context
from mercat.errors import InvalidError
from mercat.texts import line_of

LONGEST_NAME = 100
# Names stand in messages to people who did not ask for them; nobody's has an address in it.
_ADVERTISES = re.compile(r"://|\bwww\.|@", re.IGNORECASE)


def name_of(value: str | None, field: tuple[str, ...] = ("name",)) -> str | None:
    """A person's name; None for nothing. Raises InvalidError."""
    found = line_of(value or "", field, most=LONGEST_NAME)
    if _ADVERTISES.search(found):
        raise InvalidError("a name can't have an address in it", field=field)
    return found or None


def locale_of(context: Context, value: str | None) -> str | None:
    """One of the shop's locales. Raises InvalidError."""
    if value is None or value in context.shop.all_locales:
        return value
    known = ", ".join(context.shop.all_locales)
    raise InvalidError(f"the shop's languages are {known}", field=("locale",))
