"""Making, listing and revoking API keys."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from mercat.auth import Subject, check_allowed
from mercat.context import Context
from mercat.errors import ForbiddenError, InvalidError, NotFoundError
from mercat.storage import Record, Session
from mercat.storage.pages import Page, PageRequest, find_page, known_highest, reserve_numbers
from mercat_auth.api_keys.documents import ApiKeyDocument, ServiceAccountDocument
from mercat_auth.api_keys.texts import make_key
from mercat_auth.audit.service import record
from mercat_auth.permissions import MANAGE_KEYS
from mercat_auth.roles.editing import check_givable, checked_names
from mercat_auth.sealing import digest_of

COUNTER = "api_keys"
SERVICE = "SERVICE"
"""The role of who asks with an API key."""

MOST_DAYS = 365
_LONGEST_NAME = 100
_SHOWN = {"digest": 0}


async def create_key(
    context: Context, account: str, permissions: Collection[str], days: int
) -> tuple[Record, str]:
    """A key of the service account of that name, which is made where there is none, and its text.

    The text is shown this once. Raises ForbiddenError for who asks with a key, InvalidError,
    NotYoursToGiveError.
    """
    await _check(context)
    if context.viewer.role == SERVICE:
        raise ForbiddenError("a key makes no other keys")
    wanted = checked_names(context, permissions)
    check_givable(context, wanted)
    if not 1 <= days <= MOST_DAYS:
        raise InvalidError(f"a key is good for 1 to {MOST_DAYS} days", field=("days",))
    holder = await _account(context, _checked_name(account))
    (number,) = await reserve_numbers(context.storage, COUNTER, 1)
    key_id, text = make_key()
    now = datetime.now(UTC)
    made: Record = {
        "_id": key_id,
        "number": number,
        "account": holder["_id"],
        "account_name": holder["name"],
        "digest": digest_of(text),
        "permissions": wanted,
        "seller": holder["seller"],
        "made_by": context.viewer.user,
        "created_at": now,
        "expires_at": now + timedelta(days=days),
        "used_at": None,
        "ended_at": None,
    }

    async def work(session: Session) -> None:
        await _keys(context).insert_one(made, session=session)
        about, said = Subject("ApiKey", key_id), " ".join(wanted)
        await record(context, session, "api_key.created", about, permissions=said)

    await context.storage.transaction(work)
    return made, text


async def revoke_key(context: Context, key_id: str) -> Record:
    """End a key, within a second in every process. Raises NotFoundError."""
    await _check(context)

    async def work(session: Session) -> Record:
        found: Record | None = await _keys(context).find_one_and_update(
            {"_id": key_id, "ended_at": None},
            {"$set": {"ended_at": datetime.now(UTC)}},
            _SHOWN,
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        if found is None:
            raise NotFoundError("there is no such key, or it has ended", field=("id",))
        await record(context, session, "api_key.revoked", Subject("ApiKey", key_id))
        return found

    return await context.storage.transaction(work)


async def key_page(context: Context, request: PageRequest) -> Page:
    """A page of the keys, the newest first. Raises UnauthenticatedError, ForbiddenError."""
    await _check(context)
    return await find_page(
        _keys(context),
        {},
        request,
        newest_first=True,
        highest=await known_highest(context.storage, COUNTER),
        projection=_SHOWN,
    )


async def count_keys(context: Context) -> int:
    """How many keys there are. Raises UnauthenticatedError, ForbiddenError."""
    await _check(context)
    found: int = await _keys(context).count_documents({})
    return found


async def keys_by_id(context: Context, ids: Collection[str]) -> dict[str, Record]:
    """The keys with those ids. Raises UnauthenticatedError, ForbiddenError."""
    await _check(context)
    cursor = _keys(context).find({"_id": {"$in": list(ids)}}, _SHOWN)
    return {each["_id"]: each async for each in cursor}


async def _account(context: Context, name: str) -> Record:
    """The service account of that name; of two at once that make it, one does."""
    accounts: Any = context.storage.collection(ServiceAccountDocument)
    made: Record = {
        "_id": ObjectId(),
        "name": name,
        "seller": context.viewer.seller,
        "created_at": datetime.now(UTC),
    }
    found: Record | None = await accounts.find_one({"name": name})
    if found is None:
        try:
            await accounts.insert_one(made)
        except DuplicateKeyError:
            return await _account(context, name)
        return made
    if found["seller"] != made["seller"]:
        raise InvalidError("somebody else has a service account of this name", field=("account",))
    return found


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= _LONGEST_NAME or not name.isprintable():
        raise InvalidError(
            f"a service account's name is one line of 1 to {_LONGEST_NAME} characters",
            field=("account",),
        )
    return name


async def _check(context: Context) -> None:
    await check_allowed(context, MANAGE_KEYS, Subject("ApiKey"))


def _keys(context: Context) -> Any:
    return context.storage.collection(ApiKeyDocument)
