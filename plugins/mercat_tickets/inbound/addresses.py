"""Addresses that say which ticket a reply belongs to: `support+1042-<code>@shop.example`.

The code is of the number and a key of the shop's, so that nobody can write into a ticket by
guessing its number. Subaddressing is RFC 5233; the mail server hands over what is sent to it.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence

from mercat.errors import InvalidError

_CODE_BYTES = 10  # 80 bits, 16 letters
_LEAST_KEY = 16
_LONGEST_LOCAL = 64  # RFC 5321, 4.5.3.1.1
_TAG = re.compile(r"([1-9][0-9]{0,17})-([a-z2-7]{16})")
_MOST_ADDRESSES = 300


def make(number: int, key: bytes, mailbox: str) -> str:
    """The address that a reply to a ticket is sent to, at the mailbox of the shop.

    Raises InvalidError for a mailbox that is none or too long: 64 octets may be before the `@`.
    Raises ValueError for a number below 1 and for a key of fewer than 16 bytes.
    """
    local, domain = _halves(mailbox)
    if number < 1:
        raise ValueError("a ticket's number is at least 1")
    made = f"{local}+{number}-{_code(number, key)}"
    if not local or not domain or len(made.encode()) > _LONGEST_LOCAL:
        raise InvalidError(f"replies can't be sent to '{mailbox}': it is no address, or too long")
    return f"{made}@{domain}"


def read(addresses: Iterable[str], mailbox: str, keys: Sequence[bytes]) -> int | None:
    """The ticket that one of the addresses belongs to; None where there is none.

    Case doesn't matter, as mail servers change it. Keys of before are good as long as they are
    among `keys`. At most 300 addresses are looked at. Raises ValueError for a key of fewer than 16
    bytes.
    """
    local, domain = _halves(mailbox.lower())
    for _, address in zip(range(_MOST_ADDRESSES), addresses, strict=False):
        name, host = _halves(address.lower())
        if host != domain or not name.startswith(f"{local}+"):
            continue
        if number := _number(name[len(local) + 1 :], keys):
            return number
    return None


def _number(tag: str, keys: Sequence[bytes]) -> int | None:
    found = _TAG.fullmatch(tag)
    if found is None:
        return None
    number, code = int(found[1]), found[2].encode()
    # Each key is tried, so that the time doesn't tell which one it was.
    good = [hmac.compare_digest(_code(number, key).encode(), code) for key in keys]
    return number if any(good) else None


def _code(number: int, key: bytes) -> str:
    if len(key) < _LEAST_KEY:
        raise ValueError(f"a key has at least {_LEAST_KEY} bytes")
    digest = hmac.digest(key, f"mercat ticket reply {number}".encode(), hashlib.sha256)
    return base64.b32encode(digest[:_CODE_BYTES]).decode().lower()


def _halves(address: str) -> tuple[str, str]:
    local, _, domain = address.strip().rpartition("@")
    return local, domain
