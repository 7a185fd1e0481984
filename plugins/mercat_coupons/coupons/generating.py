"""Making the codes of batches, some at a time; whatever is killed, another process goes on.

A coupon's key says at which place of its batch it is, and the database has each key, and each code,
once. So whoever goes on with a batch, even beside somebody who isn't dead after all, makes what is
missing and nothing else.
"""

import asyncio
import math
import time
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Any

from pymongo.errors import BulkWriteError

from mercat.codes import key_of, random_code
from mercat.context import Context
from mercat.lifecycle import Job
from mercat.storage import Record, stored_now
from mercat.storage.leases import lease
from mercat_coupons.coupons.batches import batches, begin, coupon_key
from mercat_coupons.coupons.listing import coupons

AT_ONCE = 250  # more are no faster, and others would wait for the store

TURN = 0.5  # seconds, after which another batch is next

_LEASE = timedelta(seconds=10)
_DUPLICATE = 11000
_PAUSE_SECONDS = 0.2


async def begun(context: Context, given: Mapping[str, Any], request: str | None = None) -> Record:
    """Begin a batch, and make of it what is made within half a second; a job makes the rest.

    Raises as `batches.begin`.
    """
    batch = await begin(context, given, request)
    if batch["state"] != "running":
        return batch
    return await generate(context, batch, deadline=time.monotonic() + TURN)


async def finished(
    context: Context, batch: Record, advance: Callable[[Record], None] = lambda _batch: None
) -> Record:
    """Wait until all codes of a batch are there, and make them unless another process does."""
    while batch["state"] == "running":
        batch = await generate(context, batch, advance=advance)
        advance(batch)
        if batch["state"] == "running":
            await asyncio.sleep(_PAUSE_SECONDS)
    return batch


async def generate(
    context: Context,
    batch: Record,
    *,
    deadline: float = math.inf,
    advance: Callable[[Record], None] = lambda _batch: None,
) -> Record:
    """Make the codes of a batch, unless another process is at it; the batch as it is then.

    `deadline` is the time of `time.monotonic` after which no further step is begun.
    """
    async with lease(context.storage, f"coupon-batch:{batch['_id']}", _LEASE) as held:
        batch = await _read(context, batch)
        while held and batch["state"] == "running":
            batch = await _step(context, batch)
            advance(batch)
            if time.monotonic() >= deadline:
                break
    return batch


async def generate_waiting(context: Context) -> None:
    """Make the codes of all batches that wait, but for those that another process is at.

    Each has its turns, so that a small one is there before a large one that is older.
    """
    while True:
        waiting = await batches(context).find({"state": "running"}).sort("number", 1).to_list()
        made = [
            await generate(context, batch, deadline=time.monotonic() + TURN) for batch in waiting
        ]
        before = {batch["_id"]: batch["generated"] for batch in waiting}
        if all(batch["generated"] == before[batch["_id"]] for batch in made):
            return


JOBS = (Job(name="coupons-generate", every=timedelta(seconds=5), run=generate_waiting),)


async def _step(context: Context, batch: Record) -> Record:
    """Make the next codes, and write down that they are there."""
    done = min(batch["generated"] + AT_ONCE, batch["total"])
    places: Collection[int] = range(batch["generated"] + 1, done + 1)
    while places:
        places = await _insert(context, batch, places)
    state = "done" if done == batch["total"] else "running"
    await batches(context).update_one(
        {"_id": batch["_id"], "generated": {"$lt": done}},
        {"$set": {"generated": done, "state": state, "updated_at": stored_now()}},
    )
    return await _read(context, batch)


async def _insert(context: Context, batch: Record, places: Collection[int]) -> Collection[int]:
    """Make the codes at these places; those that must be tried again, as their codes were taken."""
    try:
        await coupons(context).insert_many(
            [_coupon(batch, place) for place in places], ordered=False
        )
    except BulkWriteError as error:
        if any(one["code"] != _DUPLICATE for one in error.details["writeErrors"]):
            raise
        keys = [coupon_key(batch["_id"], place) for place in places]
        found = coupons(context).find({"_id": {"$in": keys}}, {"_id": 1})
        there = {one["_id"] async for one in found}
        return [place for place, key in zip(places, keys, strict=True) if key not in there]
    return ()


def _coupon(batch: Record, place: int) -> Record:
    code = random_code(batch["prefix"], batch["length"])
    return {
        "_id": coupon_key(batch["_id"], place),
        "number": batch["first_number"] + place - 1,
        "key": key_of(code),
        "code": code,
        "promotions": batch["promotions"],
        "status": "active",
        "usage_limit": batch["usage_limit"],
        "usage_limit_per_customer": batch["usage_limit_per_customer"],
        "customer": None,
        "seller": batch["seller"],
        "batch": batch["_id"],
        "uses": 0,
        "created_at": batch["created_at"],
        "updated_at": batch["created_at"],
        "version": 1,
    }


async def _read(context: Context, batch: Record) -> Record:
    return await batches(context).find_one({"_id": batch["_id"]}) or batch
