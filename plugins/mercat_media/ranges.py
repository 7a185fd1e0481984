"""Which bytes of a file are asked for, after RFC 9110, 14."""

import re
from collections.abc import Mapping

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z", re.IGNORECASE)


class UnsatisfiableError(Exception):
    """The range begins behind the file's end."""


def wanted_range(headers: Mapping[str, str], etag: str, size: int) -> tuple[int, int] | None:
    """The first byte and the one behind the last; None for the whole file.

    A range that is malformed, of several parts, or for another version of the file is ignored, as
    RFC 9110, 14.2, allows. Raises UnsatisfiableError.
    """
    match = _RANGE.match(headers.get("range", "").replace(" ", ""))
    if match is None or headers.get("if-range", etag) != etag:
        return None
    first, last = match.groups()
    if not first:
        return _suffix(last, size)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise UnsatisfiableError
    return int(first), min(int(last) + 1, size) if last else size


def _suffix(length: str, size: int) -> tuple[int, int] | None:
    if not length:
        return None
    if int(length) == 0:
        raise UnsatisfiableError
    return max(0, size - int(length)), size


def is_known(headers: Mapping[str, str], etag: str) -> bool:
    """Whether the client has this version already, after RFC 9110, 13.1.2."""
    known = headers.get("if-none-match", "")
    tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
    return known.strip() == "*" or etag in tags
