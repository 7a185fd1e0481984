"""Texts that people give, as they are stored."""

import re

from mercat.errors import InvalidError

_UNSTORABLE = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


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
