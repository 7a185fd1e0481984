"""Codes that people type in: their one form, and how those that nobody guesses are made."""

import re
import secrets
import unicodedata

from mercat.errors import InvalidError

LONGEST = 64
"""How many characters a code has at most, the dashes among them."""

LEAST_RANDOM = 10
"""How many characters are random at least: one of 29**10, some 4 * 10**14."""

MOST_RANDOM = 30
LONGEST_PREFIX = 20

_ALPHABET = "23456789BCDFGHJKLMNPQRSTVWXYZ"  # no vowels, and nothing that looks like something else
_LONGEST_TYPED = 4 * LONGEST  # as it comes, with white space in it
_CODE = re.compile("[A-Za-z0-9_.-]*")
_GROUP = 5


def key_of(text: str) -> str | None:
    """The form in which a code is looked up; None for what can't be one.

    White space and dashes don't count, nor does case, and characters of compatibility, such as
    letters of full width, are those that they stand for (NFKC, Unicode Standard Annex 15).
    """
    if len(text) > _LONGEST_TYPED:
        return None
    found = _folded(text)
    # Before it is upper-cased: that makes letters of A to Z of some that only look like them.
    if not _CODE.fullmatch(found):
        return None
    key = found.replace("-", "").upper()
    return key if 0 < len(key) <= LONGEST else None


def checked_code(text: str, field: tuple[str, ...], *, most: int = LONGEST) -> str:
    """A code that is being made, as people will read it: in capitals, with its dashes.

    Raises InvalidError, which names the first character that a code can't have.
    """
    found = "" if len(text) > _LONGEST_TYPED else _folded(text)
    if len(text) > _LONGEST_TYPED or len(found) > most:
        raise InvalidError(f"this has at most {most} characters", field=field)
    for character in text:
        if not _CODE.fullmatch(_folded(character)):
            raise InvalidError(
                f"{_named(character)}; a code has A to Z, 0 to 9, '-', '_' and '.'", field=field
            )
    if key_of(found) is None:
        raise InvalidError("a code has a letter or a digit at least", field=field)
    return found.upper()


def random_code(prefix: str, length: int = LEAST_RANDOM) -> str:
    """A code of so many random characters, such as `XMAS-K7TX3-M9P4B`.

    They stand in groups of 4 or 5, 11 of them in groups of 4, 4 and 3. Raises ValueError for fewer
    than 10, which could be guessed.
    """
    if length < LEAST_RANDOM:
        raise ValueError(f"a code needs {LEAST_RANDOM} random characters at least, not {length}")
    found = "".join(secrets.choice(_ALPHABET) for _ in range(length))
    groups = -(-length // _GROUP)
    cuts = [-(-length * index // groups) for index in range(groups + 1)]
    parts = [found[cuts[index] : cuts[index + 1]] for index in range(groups)]
    return "-".join([prefix.rstrip("-"), *parts] if prefix else parts)


def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


def _named(character: str) -> str:
    """A character with its name; itself only where it shows."""
    code = f"U+{ord(character):04X}"
    name = unicodedata.name(character, code)
    shown = character.isprintable() and not unicodedata.combining(character)
    return f"'{character}' is {name}" if shown else f"{code} is {name}"
