"""Account numbers as ISO 13616 writes them."""

import re

_SHAPE = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_MOVED = 4
_MODULUS = 97


def checked_iban(text: str) -> str:
    """An IBAN without spaces. Raises ValueError where its check digits say it is none.

    ISO 13616-1, 6 with ISO 7064's MOD 97-10: with the first four characters moved to the end and
    each letter as a number from 10 on, the whole leaves 1.
    """
    found = "".join(text.split()).upper()
    if not _SHAPE.fullmatch(found):
        raise ValueError(f"'{text}' is not an IBAN")
    digits = "".join(str(int(each, 36)) for each in found[_MOVED:] + found[:_MOVED])
    if int(digits) % _MODULUS != 1:
        raise ValueError(f"'{text}' is not an IBAN: its check digits don't fit; look for a typo")
    return found


def shown_iban(iban: str) -> str:
    """An IBAN in groups of four, as people read it."""
    return " ".join(iban[start : start + _MOVED] for start in range(0, len(iban), _MOVED))
