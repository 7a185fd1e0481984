"""Texts that people give, as they are stored."""

import re

from mercat.errors import InvalidError

_UNSTORABLE = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_UNSEEN_IN_TEXT = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_LINE_ENDS = re.compile("\r\n?|\u2028|\u2029")


def text_of(value: str, field: tuple[str, ...], *, most: int, least: int = 0) -> str:
    """Text of several lines, without what can't be seen. Raises InvalidError."""
    if len(value) > 2 * most:
        raise _too_long(field, most)
    return _sized(_UNSEEN_IN_TEXT.sub("", _LINE_ENDS.sub("\n", value)).strip(), field, most, least)


def line_of(value: str, field: tuple[str, ...], *, most: int, least: int = 0) -> str:
    """One line of text without spaces around it. Raises InvalidError."""
    found = value.strip()
    if _UNSTORABLE.search(found):
        raise InvalidError("this has characters that can't be stored", field=field)
    return _sized(found, field, most, least)


def _sized(found: str, field: tuple[str, ...], most: int, least: int) -> str:
    if len(found) < least:
        raise InvalidError("this can't be empty", field=field)
    if len(found) > most:
        raise _too_long(field, most)
    return found


def _too_long(field: tuple[str, ...], most: int) -> InvalidError:
    return InvalidError(f"this has at most {most} characters", field=field)


def harmless(cell: str) -> str:
    """A cell of a table that no spreadsheet runs."""
    return f"'{cell}" if _FORMULA.match(cell) else cell
