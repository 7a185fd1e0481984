"""Texts of strangers as they are printed."""

import re
from typing import Any

# Controls, marks that turn what stands around them, private and lone halves of characters.
_UNPRINTABLE = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb"
    "\ue000-\uf8ff\ud800-\udfff\U000e0000-\U0010ffff]"
)
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff]")
_SPACES = re.compile(r"[\t\n\u2028\u2029]+")
_MOST = 1_000


def printable(text: str) -> str:
    """One line of it, with nothing in it that is no character or that turns the line around."""
    return _UNPRINTABLE.sub("", _SPACES.sub(" ", text[:_MOST]))


def apart(text: str) -> str:
    """The same, set apart from the direction of what stands around it (UAX #9, 2.7)."""
    return f"\u2068{printable(text)}\u2069"


def settled(value: Any, *, is_rtl: bool) -> Any:
    """A paper without the marks of `apart` in texts that run in its direction anyway."""
    if isinstance(value, str):
        if is_rtl or _RIGHT_TO_LEFT.search(value):
            return value
        return value.replace("\u2068", "").replace("\u2069", "")
    if isinstance(value, list):
        return [settled(one, is_rtl=is_rtl) for one in value]
    if isinstance(value, dict):
        return {name: settled(one, is_rtl=is_rtl) for name, one in value.items()}
    return value
