"""Secrets and signatures, as the Standard Webhooks convention has them (version 1).

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

_PREFIX = "whsec_"
_BYTES = 32


def new_secret() -> str:
    """A secret that nobody guesses: 32 bytes in base64, behind `whsec_`."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def headers(message: str, seconds: int, body: bytes, known: Sequence[str]) -> dict[str, str]:
    """The headers of a message, signed with each of the secrets; `seconds` since 1970."""
    signed = f"{message}.{seconds}.".encode() + body
    signatures = [
        base64.b64encode(hmac.digest(_key(one), signed, hashlib.sha256)).decode() for one in known
    ]
    return {
        "webhook-id": message,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(f"v1,{one}" for one in signatures),
    }


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(_PREFIX))
