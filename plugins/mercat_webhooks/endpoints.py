"""The endpoints, and who looks after them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection

from mercat.auth import Subject, allowed, check_allowed
from mercat.context import Context
from mercat.errors import InvalidError, NotFoundError, StaleError
from mercat.fetching import FetchError, check_url
from mercat.reach import Reach
from mercat.storage import Record, stored_now
from mercat.storage.encryption import encryption_of
from mercat.storage.pages import Page, PageRequest, find_page, known_highest, next_number
from mercat.texts import line_of
from mercat_webhooks.documents import (
    ENDPOINTS,
    WebhookDeliveryDocument,
    WebhookEndpointDocument,
)
from mercat_webhooks.events import ALL, TEST, TYPES
from mercat_webhooks.permissions import MANAGE
from mercat_webhooks.settings import WebhookSettings
from mercat_webhooks.signing import new_secret

OVERLAP = timedelta(hours=24)
"""For how long a secret that was replaced signs too."""

_LONGEST_DESCRIPTION = 200
_SUBJECT = Subject("WebhookEndpoint")


def endpoints(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(WebhookEndpointDocument)


def deliveries(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(WebhookDeliveryDocument)


def reach_of(context: Context) -> Reach:
    """Where endpoints may be."""
    if context.settings(WebhookSettings).allow_private:
        return Reach(private=True, plain=True)
    return Reach()


async def check_manages(context: Context) -> None:
    """Raise UnauthenticatedError or ForbiddenError for who doesn't look after webhooks."""
    await check_allowed(context, MANAGE, _SUBJECT)


async def create(context: Context, given: Mapping[str, Any]) -> tuple[Record, str]:
    """Add an endpoint: it, and its secret, which nothing else tells. Raises InvalidError."""
    await check_manages(context)
    most = context.settings(WebhookSettings).max_endpoints
    if await endpoints(context).count_documents({}) >= most:
        raise InvalidError(f"there are {most} endpoints, which is the most")
    secret, now = new_secret(), stored_now()
    record = {
        "description": "",
        "is_enabled": True,
        **_checked(context, given),
        "_id": ObjectId(),
        "number": await next_number(context.storage, ENDPOINTS),
        "secret": await encryption_of(context).seal(secret),
        "old_secret": None,
        "old_until": None,
        "failing_since": None,
        "disabled_reason": None,
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }
    await endpoints(context).insert_one(record)
    return record, secret


async def update(
    context: Context, key: ObjectId, version: int | None, given: Mapping[str, Any]
) -> Record:
    """Change `url`, `description`, `events` and `is_enabled`.

    Raises InvalidError, NotFoundError, StaleError.
    """
    await check_manages(context)
    values = _checked(context, given)
    if values.get("is_enabled"):
        values |= {"failing_since": None, "disabled_reason": None}
    return await _change(context, key, version, values)


async def rotate(context: Context, key: ObjectId) -> tuple[Record, str]:
    """Give an endpoint another secret; the one before signs too for 24 hours."""
    await check_manages(context)
    found, secret = await endpoint(context, key), new_secret()
    values = {
        "secret": await encryption_of(context).seal(secret),
        "old_secret": found["secret"],
        "old_until": stored_now() + OVERLAP,
    }
    return await _change(context, key, found["version"], values), secret


async def delete(context: Context, key: ObjectId) -> None:
    """Remove an endpoint, with what waits for it and what was sent to it. Raises NotFoundError."""
    await check_manages(context)
    done = await endpoints(context).delete_one({"_id": key})
    if not done.deleted_count:
        raise _missing()
    await deliveries(context).delete_many({"endpoint": key})


async def endpoint(context: Context, key: ObjectId) -> Record:
    """Raises NotFoundError."""
    found: Record | None = await endpoints(context).find_one({"_id": key})
    if found is None:
        raise _missing()
    return found


async def by_key(context: Context, keys: Sequence[str]) -> dict[str, Record]:
    """The endpoints of these keys, where the viewer looks after them."""
    if not await allowed(context, MANAGE, _SUBJECT):
        return {}
    wanted = [ObjectId(key) for key in keys if ObjectId.is_valid(key)]
    return {str(one["_id"]): one async for one in endpoints(context).find({"_id": {"$in": wanted}})}


async def page(context: Context, request: PageRequest) -> Page:
    """A page of all endpoints, the newest first. Raises UnauthenticatedError, ForbiddenError."""
    await check_manages(context)
    highest = await known_highest(context.storage, ENDPOINTS)
    return await find_page(endpoints(context), {}, request, newest_first=True, highest=highest)


async def _change(
    context: Context, key: ObjectId, version: int | None, values: Mapping[str, Any]
) -> Record:
    wanted = {"_id": key} if version is None else {"_id": key, "version": version}
    changed: Record | None = await endpoints(context).find_one_and_update(
        wanted,
        {"$set": {**values, "updated_at": stored_now()}, "$inc": {"version": 1}},
        return_document=ReturnDocument.AFTER,
    )
    if changed is not None:
        return changed
    await endpoint(context, key)
    raise StaleError("somebody else changed the endpoint; read it again", field=("version",))


def _checked(context: Context, given: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(given)
    if "url" in found:
        found["url"] = _url(context, found["url"])
    if "description" in found:
        most = _LONGEST_DESCRIPTION
        found["description"] = line_of(found["description"], ("description",), most=most)
    if "events" in found:
        found["events"] = _events(found["events"])
    return found


def _url(context: Context, given: str) -> str:
    try:
        return str(check_url(given.strip(), reach_of(context)))
    except FetchError as error:
        raise InvalidError(str(error), field=("url",)) from None


def _events(given: Sequence[str]) -> list[str]:
    found = list(dict.fromkeys(given))
    if not found:
        raise InvalidError("name at least one event, or *", field=("events",))
    for one in found:
        if one != ALL and (one not in TYPES or one == TEST):
            raise InvalidError(
                f"there is no event '{one[:50]}'; see webhookEventTypes", field=("events",)
            )
    return [ALL] if ALL in found else found


def _missing() -> NotFoundError:
    return NotFoundError("there is no such endpoint", field=("id",))
