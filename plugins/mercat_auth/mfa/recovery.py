"""Recovery codes: ten, each good once, for whoever has lost the second factor.

Each has 120 random bits, so that a plain code of authentication may stand for it in the database
(OWASP ASVS 5.0, 6.5.2: from 112 bits on no password hash is needed).
"""

import secrets

from bson import ObjectId

from mercat.context import Context
from mercat.storage import Record, Session
from mercat_auth.documents import UserDocument
from mercat_auth.mfa.changing import change
from mercat_auth.mfa.errors import CodeWrongError
from mercat_auth.sealing import sealer_of

COUNT = 10
_PURPOSE = "recovery codes"
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32: no I, L, O and U
_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})
_SIZE, _GROUP = 24, 6
_LONGEST = 100


def new_codes() -> list[str]:
    """Ten codes, such as `3V7QKM-...`, in four groups of six."""
    return [_new_code() for _ in range(COUNT)]


def digests(context: Context, user: ObjectId, codes: list[str]) -> list[str]:
    """What is stored of codes."""
    return [_digest(context, user, code) for code in codes]


def check(context: Context, user: Record, code: str) -> str | None:
    """What is stored of a stored user's good code; None for a wrong one, and one used before."""
    if len(code) > _LONGEST:
        return None
    digest = _digest(context, user["_id"], code)
    return digest if digest in left(user) else None


async def spend(context: Context, user: ObjectId, digest: str) -> bool:
    """Use a code up, and tell the owner, who may not be the one who has used it.

    Only the first of two at once may. Raises CodeWrongError for the others.
    """

    async def work(found: Record, within: Session) -> bool:
        result = await context.storage.collection(UserDocument).update_one(
            {"_id": found["_id"], "mfa.recovery": digest},
            {"$pull": {"mfa.recovery": digest}},
            session=within,
        )
        if result.modified_count == 0:
            raise CodeWrongError("this code was used before")
        return True

    return await change(
        context, user, work, action="user.recovery_code_used", told="recovery_code_used"
    )


def left(user: Record) -> list[str]:
    """What is stored of the codes that a user has not used."""
    found: list[str] = (user.get("mfa") or {}).get("recovery") or []
    return found


def _new_code() -> str:
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(_SIZE))
    return "-".join(letters[start : start + _GROUP] for start in range(0, _SIZE, _GROUP))


def _digest(context: Context, user: ObjectId, code: str) -> str:
    letters = code.upper().translate(_MISREAD)
    return sealer_of(context).mac(_PURPOSE, f"{user}:{letters}")
