"""How API keys are written: `mercat_sk_<id>_<random><checksum>`, after GitHub's tokens.

Scanners of secrets know them by their prefix, and by a checksum tell them from what only looks like
one ("Behind GitHub's new authentication token formats", github.blog, 2021).
"""

import re
import secrets
import string
import zlib

PREFIX = "mercat_sk_"
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ID_LENGTH, _RANDOM_LENGTH, _CHECKSUM_LENGTH = 12, 32, 6
_KEY = re.compile(
    rf"{PREFIX}([0-9A-Za-z]{{{_ID_LENGTH}}})_"
    rf"[0-9A-Za-z]{{{_RANDOM_LENGTH}}}([0-9A-Za-z]{{{_CHECKSUM_LENGTH}}})\Z",
    re.ASCII,
)


def make_key() -> tuple[str, str]:
    """The id of a new key, and the key, with 190 random bits beside the id."""
    key_id = _random(_ID_LENGTH)
    text = f"{PREFIX}{key_id}_{_random(_RANDOM_LENGTH)}"
    return key_id, text + _checksum(text)


def id_of(key: str) -> str | None:
    """The id in a key; None for what was never one."""
    given = _KEY.match(key)
    if given is None or _checksum(key[:-_CHECKSUM_LENGTH]) != given[2]:
        return None
    return given[1]


def _random(length: int) -> str:
    return "".join(secrets.choice(_DIGITS) for _ in range(length))


def _checksum(text: str) -> str:
    number, digits = zlib.crc32(text.encode()), ""
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
