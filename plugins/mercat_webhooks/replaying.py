"""What was sent: looking at it, sending it again, and forgetting it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bson import ObjectId

from mercat.context import Context
from mercat.errors import NotFoundError
from mercat.lifecycle import Job
from mercat.storage import Record, stored_now
from mercat.storage.pages import Page, PageRequest, find_page, known_highest
from mercat_webhooks.documents import DELIVERIES
from mercat_webhooks.endpoints import check_manages, deliveries, endpoint
from mercat_webhooks.settings import WebhookSettings


async def delivery_page(
    context: Context, key: ObjectId, state: str | None, request: PageRequest
) -> Page:
    """A page of what was sent to an endpoint, the newest first."""
    return await find_page(
        deliveries(context),
        _of(key, state),
        request,
        newest_first=True,
        highest=await known_highest(context.storage, DELIVERIES),
    )


async def count_deliveries(context: Context, key: ObjectId, state: str | None) -> int:
    found: int = await deliveries(context).count_documents(_of(key, state))
    return found


async def replay(context: Context, delivery: str) -> Record:
    """Send something again, whatever became of it. Raises NotFoundError."""
    await check_manages(context)
    now = stored_now()
    await deliveries(context).update_one(
        {"_id": delivery, "state": {"$ne": "WAITING"}},
        {"$set": {"state": "WAITING", "attempts": 0, "due_at": now, "settled_at": None}},
    )
    found: Record | None = await deliveries(context).find_one({"_id": delivery})
    if found is None:
        raise NotFoundError("there is no such delivery", field=("id",))
    return found


async def replay_all(context: Context, key: ObjectId, since: datetime | None) -> int:
    """Send all again that was given up, of what happened since then; how many."""
    await check_manages(context)
    await endpoint(context, key)
    wanted: Record = {"endpoint": key, "state": "DEAD"}
    if since is not None:
        wanted["created_at"] = {"$gte": since}
    again = {"state": "WAITING", "attempts": 0, "due_at": stored_now(), "settled_at": None}
    done = await deliveries(context).update_many(wanted, {"$set": again})
    return done.modified_count


async def by_key(context: Context, keys: Sequence[str]) -> dict[str, Record]:
    """The deliveries of these keys."""
    found = deliveries(context).find({"_id": {"$in": list(keys)}})
    return {one["_id"]: one async for one in found}


async def forget_old(context: Context) -> None:
    """Forget what was sent so long ago that nobody looks any more."""
    days = context.settings(WebhookSettings).keep_days
    old = stored_now() - timedelta(days=days)
    await deliveries(context).delete_many({"created_at": {"$lt": old}})


JOBS = (Job(name="webhooks-forget", every=timedelta(hours=1), run=forget_old),)


def _of(key: ObjectId, state: str | None) -> Record:
    return {"endpoint": key} if state is None else {"endpoint": key, "state": state}
