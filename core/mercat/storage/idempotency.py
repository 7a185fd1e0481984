"""Idempotency keys: the same request twice has one effect and one answer.

After the IETF draft `draft-ietf-httpapi-idempotency-key-header` and Stripe's API: the record is
written in the effect's own transaction, so that neither can exist without the other.
"""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from beanie import Document
from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.errors import ConflictError, InvalidError
from mercat.storage import Session, Storage

KEPT = timedelta(hours=24)
LONGEST_KEY = 255
Result = dict[str, Any]


class IdempotencyDocument(Document):
    id: str  # type: ignore[assignment]
    request: str
    result: Result
    created_at: datetime

    class Settings:
        name = "idempotency"
        indexes = [IndexModel([("created_at", 1)])]


async def idempotent(
    storage: Storage,
    *,
    scope: str,
    key: str,
    request: object,
    work: Callable[[Session], Awaitable[Result]],
) -> Result:
    """Run `work` in a transaction, once for each key within 24 hours; later callers get its result.

    `scope` names the operation and the caller, so that keys of two callers never meet. `request`
    is anything JSON that tells requests apart. `work` returns a JSON object. A concurrent twin
    waits for the first and gets the first one's result.

    Raises ConflictError where the key came before with another request, InvalidError for a key
    that is empty or longer than 255 characters.
    """
    identity, wanted = _identity(scope, key), _digest(request)
    records = storage.collection(IdempotencyDocument)

    async def once(session: Session) -> Result:
        # Written first: the unique _id makes a concurrent twin wait or fail before any effect.
        await records.insert_one(
            {"_id": identity, "request": wanted, "result": {}, "created_at": datetime.now(UTC)},
            session=session,
        )
        result = await work(session)
        await records.update_one({"_id": identity}, {"$set": {"result": result}}, session=session)
        return result

    stored = await remembered(storage, scope=scope, key=key, request=request)
    if stored is not None:
        return stored
    try:
        return await storage.transaction(once)
    except DuplicateKeyError:
        stored = await remembered(storage, scope=scope, key=key, request=request)
        if stored is None:
            raise
        return stored


def checked_key(key: str | None) -> str:
    """An idempotency key that a client has to give. Raises InvalidError."""
    if key is None or not 0 < len(key) <= LONGEST_KEY:
        raise InvalidError(
            f"an idempotency key has 1 to {LONGEST_KEY} characters", field=("idempotencyKey",)
        )
    return key


async def remembered(storage: Storage, *, scope: str, key: str, request: object) -> Result | None:
    """The result that a key has already; None for a new one. Raises as `idempotent` does."""
    found = await storage.collection(IdempotencyDocument).find_one({"_id": _identity(scope, key)})
    if found is None:
        return None
    if found["request"] != _digest(request):
        raise ConflictError("this idempotency key was used with another request")
    stored: Result = found["result"]
    return stored


def _identity(scope: str, key: str) -> str:
    key = checked_key(key)
    return hashlib.sha256(f"{scope}\0{key}".encode(errors="surrogatepass")).hexdigest()


def _digest(request: object) -> str:
    return hashlib.sha256(orjson.dumps(request, option=orjson.OPT_SORT_KEYS)).hexdigest()


async def forget_old_keys(context: Context) -> None:
    """Delete the records that are older than 24 hours."""
    await context.storage.collection(IdempotencyDocument).delete_many(
        {"created_at": {"$lt": datetime.now(UTC) - KEPT}}
    )
