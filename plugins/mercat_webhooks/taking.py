"""Writing down which endpoints an event is sent to; each once, however often it is told."""

import contextlib
from collections.abc import Mapping
from typing import Any

import orjson
from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.storage import Record, stored_now
from mercat.storage.pages import next_number
from mercat_webhooks.documents import DELIVERIES
from mercat_webhooks.endpoints import deliveries, endpoints
from mercat_webhooks.events import ALL, TEST


async def take(context: Context, kind: str, data: Mapping[str, Any]) -> None:
    """Have an event that is told sent to everybody who wants it."""
    message = f"msg_{context.event or ObjectId()}"
    wanted = {"is_enabled": True, "events": {"$in": [kind, ALL]}}
    async for one in endpoints(context).find(wanted, {"_id": 1}):
        await write(context, one["_id"], message, kind, data)


async def test(context: Context, endpoint: ObjectId) -> str:
    """Have an endpoint told of nothing, to see whether it hears: the delivery's key."""
    return await write(context, endpoint, f"msg_{ObjectId()}", TEST, {})


async def write(
    context: Context, endpoint: ObjectId, message: str, kind: str, data: Mapping[str, Any]
) -> str:
    """Write a delivery down, once for each message and endpoint: its key."""
    now, key = stored_now(), f"{message}:{endpoint}"
    body = {"type": kind, "timestamp": now.isoformat(), "data": dict(data)}
    record: Record = {
        "_id": key,
        "number": await next_number(context.storage, DELIVERIES),
        "endpoint": endpoint,
        "message": message,
        "type": kind,
        "body": orjson.dumps(body).decode(),
        "state": "WAITING",
        "due_at": now,
        "attempts": 0,
        "owner": None,
        "tries": [],
        "created_at": now,
        "settled_at": None,
    }
    with contextlib.suppress(DuplicateKeyError):
        await deliveries(context).insert_one(record)
    return key
