"""The lines of a file, whatever its bytes.

A bad line is rejected by itself, and none longer than 16 MiB is held whole. Bytes that are not
UTF-8 become `SPOILT`, so that the structure around them can still be read and only the row that
holds them is turned away (see `flaw`).
"""

import codecs
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import BinaryIO, NoReturn

from mercat.importing import Rejected, Row

LONGEST = 1 << 24  # no product that a database stores is longer
SPOILT = "\ufdd0"  # a code point that Unicode keeps out of texts
DECODING = "mercat.spoilt"
_SPACE = b" \t\r\n"
_BLANKEST = 1 << 16
_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


_JSON = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse)


def _spoil(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return SPOILT, error.end


codecs.register_error(DECODING, _spoil)


def opening(stream: BinaryIO) -> bytes:
    """Read up to the first byte that says something; the byte order mark is left out."""
    read = stream.read(len(codecs.BOM_UTF8)).removeprefix(codecs.BOM_UTF8)
    while not read.strip(_SPACE) and len(read) < _BLANKEST:
        byte = stream.read(1)
        if not byte:
            break
        read += byte
    return read


def lines(stream: BinaryIO, start: bytes = b"") -> Iterator[Row[str] | Rejected]:
    """Yield every line with its end; `start` is what was already read of the file."""
    *done, begun = start.split(b"\n")
    number = 0
    for number, line in enumerate(done, 1):
        yield _line(number, line + b"\n")
    while line := begun + stream.readline(LONGEST):
        begun = b""
        number += 1
        if len(line) >= LONGEST and not line.endswith(b"\n"):
            _skip_line(stream)
            yield Rejected(f"line {number}", "the line is longer than 16 MiB")
        else:
            yield _line(number, line)


def _line(number: int, line: bytes) -> Row[str]:
    return Row(f"line {number}", line.decode("utf-8", DECODING))


def _skip_line(stream: BinaryIO) -> None:
    while (rest := stream.readline(LONGEST)) and not rest.endswith(b"\n"):
        pass


def flaw(text: str) -> str | None:
    """Say why this text can't be taken, where its bytes were bad."""
    if SPOILT in text:
        return "it holds bytes that are not UTF-8"
    return "it holds a NUL character" if "\0" in text else None


def json_lines(stream: BinaryIO, start: bytes = b"") -> Iterator[Row[object] | Rejected]:
    """Yield the JSON value on every line that is not blank; fractions are Decimal."""
    for line in lines(stream, start):
        if isinstance(line, Rejected):
            yield line
        elif text := line.value.strip():
            yield _json(line.where, text)


def _json(where: str, text: str) -> Row[object] | Rejected:
    if reason := flaw(text):
        return Rejected(where, reason)
    if "u0000" in text and _ESCAPED_NUL.search(text):
        return Rejected(where, "it holds a NUL character")
    try:
        return Row(where, _JSON.decode(text))
    except RecursionError:
        return Rejected(where, "it is nested too deep")
    except json.JSONDecodeError as error:
        return Rejected(where, f"it is not JSON: {error.msg} at character {error.pos + 1}")
    except (ValueError, ArithmeticError):
        return Rejected(where, "it is not JSON: a number is out of range")


def opens_with(head: bytes, *marks: str) -> bool:
    """Whether the first byte of a file's head that says something is one of these."""
    return text_of(head).startswith(marks)


def has_key(head: bytes, *keys: str) -> bool:
    """Whether every one of these JSON keys stands in a file's head."""
    text = text_of(head)
    return all(re.search(rf'"{key}"\s*:', text) for key in keys)


def text_of(head: bytes) -> str:
    """Return a file's head as text; the character it may be cut in is left out."""
    return head.removeprefix(codecs.BOM_UTF8).decode("utf-8", "ignore").lstrip()
