"""The passkeys that are stored with a user."""

from datetime import UTC, datetime
from typing import Any

from mercat.context import Context
from mercat.errors import InvalidError, NotFoundError
from mercat.storage import Record, Session
from mercat_auth.documents import UserDocument
from mercat_auth.errors import TooManyError
from mercat_auth.mfa.errors import PasskeyRefusedError
from mercat_auth.sealing import random_text

MOST = 20
TAKEN = "this passkey is registered already"
_LONGEST_NAME = 100
_KEY_BYTES = 9


def new_passkey(verified: Record, name: str) -> Record:
    """What is stored of a passkey that was registered just now. Raises InvalidError."""
    now = datetime.now(UTC)
    return {
        **verified,
        "key": random_text(_KEY_BYTES),
        "name": checked_name(name),
        "created_at": now,
        "used_at": None,
    }


def checked_name(name: str) -> str:
    """A name without what is around it. Raises InvalidError."""
    name = " ".join(name.split())
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise InvalidError(
            f"a passkey's name has 1 to {_LONGEST_NAME} printable characters", field=("name",)
        )
    return name


def check_room(user: Record) -> None:
    """Raise TooManyError where a user can't have another one."""
    if len(user["passkeys"]) >= MOST:
        raise TooManyError(f"an account has at most {MOST} passkeys; remove one first")


def stored(user: Record, key: str) -> Record:
    """A user's passkey by its key. Raises NotFoundError."""
    found = next((each for each in user["passkeys"] if each["key"] == key), None)
    if found is None:
        raise NotFoundError("there is no such passkey", field=("id",))
    return dict(found)


async def owner_of(context: Context, credential_id: str) -> Record | None:
    """The active user with a passkey."""
    wanted = {"passkeys.id": credential_id, "state": "active"}
    found: Record | None = await _users(context).find_one(wanted)
    return found


def check_new(user: Record, passkey: Record) -> None:
    """Raise PasskeyRefusedError where a user has the passkey; of other users the index knows."""
    if any(each["id"] == passkey["id"] for each in user["passkeys"]):
        raise PasskeyRefusedError(TAKEN)


async def spend(context: Context, user: Record, passkey: Record, count: int) -> bool:
    """Note a use; only where nobody has used the passkey since it was read."""
    same = {"key": passkey["key"], "sign_count": passkey["sign_count"]}
    result = await _users(context).update_one(
        {"_id": user["_id"], "passkeys": {"$elemMatch": same}},
        {"$set": {"passkeys.$.sign_count": count, "passkeys.$.used_at": datetime.now(UTC)}},
    )
    return bool(result.matched_count == 1)


async def rename(context: Context, user: Record, key: str, name: str, within: Session) -> None:
    """Give a passkey another name."""
    await _users(context).update_one(
        {"_id": user["_id"], "passkeys.key": key},
        {"$set": {"passkeys.$.name": name}},
        session=within,
    )


async def push(context: Context, user: Record, passkey: Record, within: Session) -> None:
    """Add a passkey to a user."""
    await _users(context).update_one(
        {"_id": user["_id"]}, {"$push": {"passkeys": passkey}}, session=within
    )


async def pull(context: Context, user: Record, key: str, within: Session) -> None:
    """Take a passkey away from a user."""
    await _users(context).update_one(
        {"_id": user["_id"]}, {"$pull": {"passkeys": {"key": key}}}, session=within
    )


def _users(context: Context) -> Any:
    return context.storage.collection(UserDocument)
