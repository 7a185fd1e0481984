"""Challenges: sealed, so that none is stored before it is answered, and good once.

Whoever asks for one costs the shop nothing but arithmetic. Which ones were answered the database
knows; a second answer is refused there, whoever else gives it at that moment.
"""

import base64
import binascii
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import orjson
from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.errors import InvalidError
from mercat.storage import Record
from mercat_auth.documents import AnsweredChallengeDocument
from mercat_auth.mfa.errors import ChallengeError
from mercat_auth.sealing import digest_of, random_text, sealer_of

MINUTES = 5
Purpose = Literal["sign in", "enrol", "register passkey"]
_PURPOSE = "challenges"
_LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a challenge says: whom and what it is for, and what WebAuthn signs, the `nonce`.

    `user` is None where somebody signs in with a passkey alone.
    """

    purpose: Purpose
    nonce: str
    expires: float
    user: str | None = None
    version: int = 0
    methods: tuple[str, ...] = ()
    transport: str = ""
    secret: str = ""

    @property
    def bytes_to_sign(self) -> bytes:
        return self.nonce.encode()

    @property
    def expires_at(self) -> datetime:
        return datetime.fromtimestamp(self.expires, UTC)


def new_ticket(
    purpose: Purpose,
    user: Record | None,
    methods: Sequence[str] = (),
    transport: str = "",
    secret: str = "",
) -> Ticket:
    """A challenge that is good for five minutes."""
    return Ticket(
        purpose,
        random_text(),
        time.time() + 60 * MINUTES,
        user=None if user is None else str(user["_id"]),
        version=0 if user is None else user["token_version"],
        methods=tuple(methods),
        transport=transport,
        secret=secret,
    )


def written(context: Context, ticket: Ticket) -> str:
    """The challenge as its owner has it, who can't read it."""
    sealed = sealer_of(context).seal(_PURPOSE, orjson.dumps(asdict(ticket)))
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def read(context: Context, text: str, purpose: Purpose) -> Ticket:
    """The challenge of a text. Raises ChallengeError for any but a good one."""
    if len(text) <= _LONGEST and text.isascii():
        try:
            sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            said: dict[str, Any] = orjson.loads(sealer_of(context).unseal(_PURPOSE, sealed))
        except (InvalidError, binascii.Error, ValueError):
            said = {}
        if said.get("purpose") == purpose and said["expires"] > time.time():
            return Ticket(**{**said, "methods": tuple(said["methods"])})
    raise ChallengeError("this has expired, or is not of the shop; begin again")


async def spend(context: Context, ticket: Ticket) -> None:
    """Use a challenge up. Raises ChallengeError where it was answered before."""
    expires_at = ticket.expires_at + timedelta(minutes=1)
    try:
        await _answered(context).insert_one(
            {"_id": digest_of(ticket.nonce), "expires_at": expires_at}
        )
    except DuplicateKeyError:
        raise ChallengeError("this was answered already; begin again") from None


async def sweep(context: Context) -> None:
    """Forget answered challenges that have expired."""
    await _answered(context).delete_many({"expires_at": {"$lt": datetime.now(UTC)}})


def is_for(ticket: Ticket, user: Record) -> bool:
    """Whether a challenge is this user's, who has changed nothing of account since."""
    return ticket.user == str(user["_id"]) and ticket.version == user["token_version"]


def owner_of(ticket: Ticket) -> ObjectId | None:
    """The key of the user that a challenge is for."""
    return None if ticket.user is None else ObjectId(ticket.user)


def _answered(context: Context) -> Any:
    return context.storage.collection(AnsweredChallengeDocument)
