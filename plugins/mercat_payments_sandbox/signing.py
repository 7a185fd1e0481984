"""Messages as the company signs them, and as the shop verifies them. No I/O."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, get_args

import orjson

from mercat.errors import InvalidError
from mercat.money import Amount
from mercat.payments import Event, EventKind
from mercat.storage import Record

HEADER = "sandbox-signature"
TOLERANCE_SECONDS = 300
"""How old a message may be, or how much ahead of the shop's clock."""

_SECRET_BYTES = 32
_KINDS = {f"payment.{kind}": kind for kind in get_args(EventKind)}


class OwnSecret:
    """What one process signs its messages with where the settings name no secret."""

    def __init__(self) -> None:
        self.value = secrets.token_bytes(_SECRET_BYTES)


def written(record: Record, event: Record, account: str) -> bytes:
    """The body of a message about an event of a payment."""
    told = {
        "id": event["id"],
        "ref": event["ref"],
        "amount": event["amount"],
        "currency": record["currency"],
        "at": event["at"].isoformat(),
    }
    type_, payment = f"payment.{event['kind']}", record["ref"]
    return orjson.dumps({"account": account, "type": type_, "payment": payment, "event": told})


def signed(secret: bytes, raw: bytes, at: int | None = None) -> dict[str, str]:
    """The header of a message: the time in seconds, and HMAC-SHA-256 over it, a dot and the body.

    As Stripe's are: https://docs.stripe.com/webhooks#verify-manually.
    """
    seconds = int(time.time()) if at is None else at
    return {HEADER: f"t={seconds},v1={_digest(secret, seconds, raw)}"}


def read(secret: bytes, raw: bytes, headers: Mapping[str, str], account: str) -> Sequence[Event]:
    """The event of a message; none of another account's, or of an unknown kind.

    Raises InvalidError for one that isn't signed with `secret`, is too old, or isn't readable.
    """
    _verify(secret, raw, headers.get(HEADER, ""))
    try:
        message = orjson.loads(raw)
        if message["account"] != account or message["type"] not in _KINDS:
            return []
        return [_event(message)]
    except (ValueError, KeyError, TypeError):
        raise InvalidError("the message can't be read") from None


def _verify(secret: bytes, raw: bytes, header: str) -> None:
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    stamp = parts.get("t", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= len(str(2**53))):
        raise InvalidError("the message is not signed")
    wanted = _digest(secret, int(stamp), raw)
    if not hmac.compare_digest(wanted.encode(), parts.get("v1", "").encode(errors="replace")):
        raise InvalidError("the message is signed by somebody else")
    if abs(time.time() - int(stamp)) > TOLERANCE_SECONDS:
        raise InvalidError("the message is too old")


def _digest(secret: bytes, seconds: int, raw: bytes) -> str:
    return hmac.new(secret, f"{seconds}.".encode() + raw, hashlib.sha256).hexdigest()


def _event(message: dict[str, Any]) -> Event:
    told = message["event"]
    return Event(
        id=told["id"],
        kind=_KINDS[message["type"]],
        money=Amount(told["amount"], told["currency"]),
        ref=told["ref"],
        at=datetime.fromisoformat(told["at"]),
        parent_ref=message["payment"],
    )
