"""One-time codes: what a frontend gets instead of tokens, which are in no URL (RFC 8252, 8.1).

A code is good once, for a minute, and only for whoever has the verifier of the challenge that the
sign-in began with (RFC 7636, 4.6).
"""

import base64
import hashlib
import hmac
import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from mercat.context import Context
from mercat.storage import Record
from mercat_auth.oauth.documents import HandoverDocument
from mercat_auth.oauth.errors import CodeInvalidError
from mercat_auth.oauth.flows import Flow, Purpose
from mercat_auth.oauth.grants import Person
from mercat_auth.sealing import digest_of, random_text, sealer_of

_LIFETIME = timedelta(seconds=60)
_PURPOSE = "handovers"
_CODE = re.compile(r"[\w-]{43}\Z", re.ASCII)
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")


async def issue(context: Context, flow: Flow, who: Person) -> str:
    """The code that stands for a person until it is given in, or a minute has passed."""
    code = random_text()
    said = {"person": asdict(who), "challenge": flow.code_challenge, "purpose": flow.purpose}
    await _handovers(context).insert_one(
        {
            "_id": digest_of(code),
            "sealed": sealer_of(context).seal(_PURPOSE, orjson.dumps(said)),
            "expires_at": datetime.now(UTC) + _LIFETIME,
        }
    )
    return code


async def redeem(context: Context, code: str, verifier: str, purpose: Purpose) -> Person:
    """Who a code stands for, once. Raises CodeInvalidError, and the code is good no more then."""
    if not _CODE.match(code):
        raise _refusal()
    found: Record | None = await _handovers(context).find_one_and_delete({"_id": digest_of(code)})
    if found is None or found["expires_at"] <= datetime.now(UTC):
        raise _refusal()
    said: dict[str, Any] = orjson.loads(sealer_of(context).unseal(_PURPOSE, found["sealed"]))
    if not _opens(verifier, said["challenge"]) or said["purpose"] != purpose:
        raise _refusal()
    person = said["person"]
    return Person(**{**person, "methods": tuple(person["methods"])})


async def sweep(context: Context) -> None:
    """Remove codes that nobody gave in."""
    await _handovers(context).delete_many({"expires_at": {"$lt": datetime.now(UTC)}})


def _opens(verifier: str, challenge: str) -> bool:
    if not _VERIFIER.match(verifier):
        return False
    digest = hashlib.sha256(verifier.encode()).digest()
    made = base64.urlsafe_b64encode(digest).rstrip(b"=")
    return hmac.compare_digest(made, challenge.encode())


def _refusal() -> CodeInvalidError:
    return CodeInvalidError(
        "this code is wrong, was used or has expired; begin the sign-in again", field=("code",)
    )


def _handovers(context: Context) -> Any:
    return context.storage.collection(HandoverDocument)
