"""Texts of strangers, as they are stored and shown."""

import re
import unicodedata

_CONTROLS = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff]+")
_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_TEXT_CONTROLS = re.compile("[\0-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff]")
_LINE_ENDS = re.compile("\r\n?|[\x85\u2028\u2029]")
_RESERVED = re.compile(r'[<>:"|?*\\/]')
_LONGEST_NAME = 120
_LONGEST_ENDING = 12
_NAMELESS = "attachment"


def line(text: str, most: int) -> str:
    """One line of at most so many characters; breaks and controls in it become spaces.

    What turns the direction of writing is left out, as `exe.fdp` can look like `pdf.exe` by it.
    """
    return " ".join(_CONTROLS.sub(" ", _DIRECTIONS.sub("", text)).split())[:most].rstrip()


def lines(text: str) -> str:
    """A text of several lines, each ended by a line feed, without other control characters."""
    return _TEXT_CONTROLS.sub("", _LINE_ENDS.sub("\n", text))


def file_name(text: str) -> str:
    """A name for a file: no folders, no hidden file, nothing that a file system minds.

    At most 120 characters, of which the ending is kept; `attachment` where nothing is left.
    """
    last = re.split(r"[\\/]", unicodedata.normalize("NFC", text))[-1]
    found = _RESERVED.sub("_", line(last, len(last))).strip(". ")
    if len(found) > _LONGEST_NAME:
        stem, dot, ending = found.rpartition(".")
        kept = dot + ending if stem and len(ending) <= _LONGEST_ENDING else ""
        found = found[: _LONGEST_NAME - len(kept)].rstrip(". ") + kept
    return found or _NAMELESS
