"""Messages of a mail provider, as they are signed.

The convention is Standard Webhooks: HMAC-SHA-256 over the id, the time and the body, joined by
dots (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
"""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence

from mercat.errors import UnauthenticatedError

ID = "webhook-id"
TIMESTAMP = "webhook-timestamp"
SIGNATURE = "webhook-signature"

TOLERANCE_SECONDS = 300
"""How old a message may be, or how much ahead of the shop's clock."""

_PREFIX = "whsec_"
_VERSION = "v1,"
_LEAST_SECRET, _MOST_SECRET = 24, 64
_LONGEST_ID = 256
_MOST_SIGNATURES = 10
_LONGEST_TIMESTAMP = 12


class SignatureError(UnauthenticatedError):
    """A message isn't signed by one who knows the secret, or not lately; the text says which."""


def secret_of(text: str) -> bytes:
    """The key of a secret as it stands in the settings: base64, with or without `whsec_` before it.

    Raises ValueError, without the secret in it, for what isn't 24 to 64 bytes in base64.
    """
    try:
        found = base64.b64decode(text.strip().removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if not _LEAST_SECRET <= len(found) <= _MOST_SECRET:
        raise ValueError("a webhook secret is 24 to 64 bytes in base64, with whsec_ before it")
    return found


def signed(secret: bytes, id_: str, body: bytes, at: int | None = None) -> dict[str, str]:
    """The headers of a message; `at` is in seconds since 1970, and now where it isn't given."""
    seconds = int(time.time()) if at is None else at
    signature = base64.b64encode(_digest(secret, id_, str(seconds), body)).decode()
    return {ID: id_, TIMESTAMP: str(seconds), SIGNATURE: _VERSION + signature}


def verify(
    body: bytes, headers: Mapping[str, str], secrets: Sequence[bytes], now: float | None = None
) -> str:
    """The id of a message that is signed with one of the secrets: whoever repeats it repeats that.

    `headers` have their names in lower case. Raises SignatureError.
    """
    id_, stamp = headers.get(ID, ""), headers.get(TIMESTAMP, "")
    given = headers.get(SIGNATURE, "").split(" ")[:_MOST_SIGNATURES]
    if not (_is_id(id_) and _is_timestamp(stamp)):
        raise SignatureError("the message is not signed")
    wanted = [base64.b64encode(_digest(secret, id_, stamp, body)) for secret in secrets]
    if not _is_among(wanted, given):
        raise SignatureError("the message is signed by somebody else")
    if abs((time.time() if now is None else now) - int(stamp)) > TOLERANCE_SECONDS:
        raise SignatureError("the message is too old, or one of the two clocks is wrong")
    return id_


def _is_id(text: str) -> bool:
    """No dot may be in it: where it ended would not be certain."""
    return 0 < len(text) <= _LONGEST_ID and text.isascii() and "." not in text


def _is_timestamp(text: str) -> bool:
    return len(text) <= _LONGEST_TIMESTAMP and text.isascii() and text.isdigit()


def _is_among(wanted: Sequence[bytes], given: Sequence[str]) -> bool:
    """Whether a signature is a wanted one; each pair is compared, whatever came of others."""
    codes = [one[len(_VERSION) :] for one in given if one.startswith(_VERSION)]
    found = [
        hmac.compare_digest(right, code.encode(errors="replace"))
        for right in wanted
        for code in codes
    ]
    return any(found)


def _digest(secret: bytes, id_: str, stamp: str, body: bytes) -> bytes:
    return hmac.digest(secret, f"{id_}.{stamp}.".encode() + body, hashlib.sha256)
