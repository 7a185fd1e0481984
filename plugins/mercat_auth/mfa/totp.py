"""Codes by time (RFC 6238): six digits, thirty seconds, one step of leeway on each side."""

import hmac
import re
import time
from typing import Any

import pyotp
from bson import ObjectId

from mercat.context import Context
from mercat.storage import Record
from mercat_auth.documents import UserDocument
from mercat_auth.sealing import sealer_of

_PURPOSE = "totp"
_CODE = re.compile(r"\d{6}\Z", re.ASCII)
_STEPS = (0, -1, 1)
_LONGEST_NAME = 100


def new_secret() -> str:
    """160 random bits in base32 (RFC 4226, 4)."""
    return pyotp.random_base32()


def uri(secret: str, name: str, issuer: str) -> str:
    """What an authenticator reads, as a QR code (Google Authenticator, "Key Uri Format")."""
    # A colon divides the issuer from the name.
    shop = issuer.replace(":", " ")[:_LONGEST_NAME]
    return pyotp.TOTP(secret).provisioning_uri(name=name[:_LONGEST_NAME], issuer_name=shop)


def seal(context: Context, user: ObjectId, secret: str) -> bytes:
    """A secret as it is stored: for this user only."""
    return sealer_of(context).seal(_PURPOSE, f"{user}:{secret}".encode())


def step_of(secret: str, code: str, after: int) -> int | None:
    """The step that a code is of, where it is a good one and later than `after`."""
    code = code.replace(" ", "")
    if not _CODE.match(code):
        return None
    generator = pyotp.TOTP(secret)
    now = generator.timecode(time.time())
    for step in (now + ahead for ahead in _STEPS):
        if step > after and hmac.compare_digest(generator.generate_otp(step), code):
            return step
    return None


def check(context: Context, user: Record, code: str) -> int | None:
    """The step of a stored user's good code; None for a wrong one, and one used before."""
    stored = stored_totp(user)
    if stored is None:
        return None
    return step_of(_secret(context, user["_id"], stored["secret"]), code, stored["last_step"])


async def spend(context: Context, user: Record, step: int) -> bool:
    """Use a code up; only the first of two at once may (RFC 6238, 5.2)."""
    stored = stored_totp(user)
    if stored is None:
        return False
    result = await _users(context).update_one(
        {
            "_id": user["_id"],
            "mfa.totp.secret": stored["secret"],
            "mfa.totp.last_step": {"$lt": step},
        },
        {"$set": {"mfa.totp.last_step": step}},
    )
    return bool(result.matched_count == 1)


def stored_totp(user: Record) -> Record | None:
    """What is stored of a user's codes by time, where they are on."""
    found: Record | None = (user.get("mfa") or {}).get("totp")
    return found


def _secret(context: Context, user: ObjectId, sealed: bytes) -> str:
    owner, _, secret = sealer_of(context).unseal(_PURPOSE, sealed).decode().partition(":")
    if owner != str(user):
        raise ValueError("a secret is stored with another user than it was sealed for")
    return secret


def _users(context: Context) -> Any:
    return context.storage.collection(UserDocument)
