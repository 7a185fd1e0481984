"""What people say of themselves, checked."""

import re

from mercat.context import Context
from mercat.errors import InvalidError

LONGEST_NAME = 100
_UNSTORABLE = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# Names stand in messages to people who did not ask for them; nobody's has an address in it.
_ADVERTISES = re.compile(r"://|\bwww\.|@", re.IGNORECASE)


def name_of(value: str | None, field: tuple[str, ...] = ("name",)) -> str | None:
    """A person's name; None for nothing. Raises InvalidError."""
    found = line_of(value or "", field, most=LONGEST_NAME)
    if _ADVERTISES.search(found):
        raise InvalidError("a name can't have an address in it", field=field)
    return found or None


def line_of(value: str, field: tuple[str, ...], *, most: int, least: int = 0) -> str:
    """One line of text without spaces around it. Raises InvalidError."""
    found = value.strip()
    if _UNSTORABLE.search(found):
        raise InvalidError("this has characters that can't be stored", field=field)
    if len(found) < least:
        raise InvalidError("this can't be empty", field=field)
    if len(found) > most:
        raise InvalidError(f"this has at most {most} characters", field=field)
    return found


def locale_of(context: Context, value: str | None) -> str | None:
    """One of the shop's locales. Raises InvalidError."""
    if value is None or value in context.shop.all_locales:
        return value
    known = ", ".join(context.shop.all_locales)
    raise InvalidError(f"the shop's languages are {known}", field=("locale",))
