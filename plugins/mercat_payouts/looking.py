"""Jobs that look at orders by themselves: for what becomes due, and for what nobody told of."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection

from mercat.context import Context
from mercat.errors import DomainError
from mercat.lifecycle import Job
from mercat.storage import Record
from mercat_orders.orders.access import orders
from mercat_orders.orders.documents import EARLIEST
from mercat_orders.orders.states import STATES
from mercat_payouts.documents import PayoutSweepDocument
from mercat_payouts.splitting import SOON, follow, splits
from mercat_payouts.transferring import advance

_SWEEP = "orders"
_OVERLAP = timedelta(minutes=10)
_MOST = 1_000
_NOT_YET: tuple[type[Exception], ...] = (DomainError,)

_logger = logging.getLogger(__name__)


async def look_at(context: Context, key: ObjectId) -> None:
    """Bring what is written down of an order's shares to what it is now, and pay what is due."""
    if await follow(context, key) is not None:
        await advance(context, key)


async def look(context: Context) -> None:
    """Look at the orders whose time has come; safe to repeat, and in two processes at once."""
    now = datetime.now(UTC)
    due = splits(context).find({"look_at": {"$gt": EARLIEST, "$lte": now}}, {"look_at": 1})
    for split in await due.sort("look_at", 1).limit(_MOST).to_list():
        taken = await splits(context).update_one(
            {"_id": split["_id"], "look_at": split["look_at"]}, {"$set": {"look_at": now + SOON}}
        )
        if taken.matched_count:
            await _safely(context, split["_id"])


async def sweep(context: Context) -> None:
    """Look at every order that changed since the last sweep, for what the outbox never told."""
    began = datetime.now(UTC)
    known = await _sweeps(context).find_one({"_id": _SWEEP})
    since = known["until"] - _OVERLAP if known else EARLIEST
    for state in STATES:
        changed = {"state": state, "updated_at": {"$gte": since}}
        with_sellers = {**changed, "seller_orders": {"$elemMatch": {"seller": {"$ne": None}}}}
        async for order in orders(context).find(with_sellers, {"version": 1}):
            if not await _is_known(context, order):
                await _safely(context, order["_id"])
    await _sweeps(context).replace_one(
        {"_id": _SWEEP}, {"_id": _SWEEP, "until": began}, upsert=True
    )


async def _is_known(context: Context, order: Record) -> bool:
    found = await splits(context).find_one({"_id": order["_id"]}, {"version": 1})
    return found is not None and found["version"] >= order["version"]


async def _safely(context: Context, key: ObjectId) -> None:
    try:
        await look_at(context, key)
    except _NOT_YET as error:
        _logger.info("the shares of order %s wait: %s", key, error)
    except Exception:  # one order keeps nobody else from being paid
        _logger.exception("the shares of order %s wait", key)


def _sweeps(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(PayoutSweepDocument)


JOBS: Sequence[Job] = (
    Job(name="payouts-look", every=timedelta(seconds=10), run=look),
    Job(name="payouts-sweep", every=timedelta(minutes=1), run=sweep),
)
