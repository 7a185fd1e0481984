"""Cursors of lists whose positions are texts: as the numbers that connections write."""

import base64
import binascii

from mercat.errors import InvalidError
from mercat.storage.pages import PageRequest

_MARK = b"\x01"  # so that no zero at the front is lost
_LONGEST = 1_200


def to_number(position: str) -> int:
    """A position as a number, which `mercat.graphql.connections` makes a cursor of."""
    return int.from_bytes(_MARK + position.encode())


def read_cursor(kind: str, cursor: str | None) -> str | None:
    """The position in a cursor of the list `kind`. Raises InvalidError for any other cursor."""
    if cursor is None:
        return None
    found, position = "", None
    try:
        if len(cursor) <= _LONGEST:
            padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
            decoded = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
            found, _, digits = decoded.rpartition(":")
            position = _position(digits)
    except (binascii.Error, UnicodeError):
        found = ""
    if found != kind or position is None:
        raise InvalidError("this is not a cursor of this list; a cursor fits its query and sort")
    return position


def _position(digits: str) -> str | None:
    if not digits.isdigit():
        return None
    number = int(digits)
    data = number.to_bytes((number.bit_length() + 7) // 8)
    return data[1:].decode() if data[:1] == _MARK else None


def checked_count(
    first: int | None, after: str | None, last: int | None, before: str | None
) -> int:
    """How many entries Relay's paging arguments ask for. Raises InvalidError."""
    request = PageRequest.of(first, 0 if after else None, last, 0 if before else None)
    return request.count
