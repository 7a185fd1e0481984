"""What a password must be, after NIST SP 800-63B-4 (3.1.1.2) and OWASP ASVS 5.0 (6.2).

Long enough, and none that is guessed first; no rules on what it is composed of.
"""

import gzip
import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from mercat.context import Context
from mercat_auth.errors import WeakPasswordError
from mercat_auth.settings import AuthSettings

LONGEST = 128
_LIST = Path(__file__).parent / "common-passwords.txt.gz"
_SHORTEST_WORD = 4
_ENDS = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiop", "asdfghjkl", "zxcvbnm")


def prepared(password: str) -> str | None:
    """A password as it is hashed: NFC, so that every keyboard gives the same; None if too long."""
    if len(password) > LONGEST:
        return None
    found = unicodedata.normalize("NFC", password)
    return found if len(found) <= LONGEST and _is_text(found) else None


def check(
    context: Context, password: str, about: Iterable[str | None], field: tuple[str, ...]
) -> str:
    """A new password as it is to be hashed; `about` are texts that a stranger knows of the person.

    Raises WeakPasswordError.
    """
    found = prepared(password)
    if found is None:
        raise WeakPasswordError(f"a password has at most {LONGEST} characters", field=field)
    least = context.settings(AuthSettings).min_password_length
    if len(found) < least:
        raise WeakPasswordError(f"a password has at least {least} characters", field=field)
    folded = found.casefold()
    if _is_common(folded):
        raise WeakPasswordError("this password is among those that are tried first", field=field)
    if _is_about(folded, [*about, context.shop.name]):
        raise WeakPasswordError("this password is your name or your address", field=field)
    return found


def _is_text(password: str) -> bool:
    """Whether it can be encoded; a lone surrogate can't."""
    return not any("\ud800" <= one <= "\udfff" for one in password)


def _is_common(folded: str) -> bool:
    core = _ENDS.sub("", folded)
    words = {folded, core} if len(core) >= _SHORTEST_WORD else {folded}
    return not words.isdisjoint(_common()) or _is_pattern(folded)


def _is_pattern(folded: str) -> bool:
    """Whether it is one piece again and again, or neighbours on a keyboard."""
    for period in range(1, len(folded) // 2 + 1):
        if folded == (folded[:period] * len(folded))[: len(folded)]:
            return True
    return any(folded in row or folded[::-1] in row for row in _ROWS)


def _is_about(folded: str, about: Iterable[str | None]) -> bool:
    bare = _ENDS.sub("", folded)
    for text in about:
        known = (text or "").casefold().strip()
        parts = {known, known.partition("@")[0], known.replace(" ", ""), *known.split()}
        words = {part for part in parts if len(part) >= _SHORTEST_WORD}
        if folded in words or bare in words:
            return True
    return False


@cache
def _common() -> frozenset[str]:
    with gzip.open(_LIST, "rt", encoding="utf-8") as file:
        return frozenset(line.strip() for line in file)
