"""Counting what became of carts, by the quarter of an hour in which they were begun.

Time zones differ by quarters, so days of every zone are made of them. Carts expire: a job keeps the
counts of those that are about to, and younger ones are counted whenever somebody asks.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.lifecycle import Job
from mercat.storage import Record
from mercat_orders.carts.access import carts
from mercat_orders.orders.access import orders
from mercat_orders.reports.documents import ReportDayDocument
from mercat_orders.settings import OrderSettings

QUARTER = timedelta(minutes=15)
_DAY = timedelta(days=1)
_RIPE = 0.75
_SHOWN = {
    "state": 1,
    "created_at": 1,
    "updated_at": 1,
    "addressed": {"$gt": ["$shipping_address", None]},
}


@dataclass(slots=True)
class Counts:
    """How many carts with something in them were begun, and how far they came."""

    carts: int = 0
    addressed: int = 0
    checkouts: int = 0
    orders: int = 0
    abandoned: int = 0

    def add(self, other: "Counts") -> None:
        self.carts += other.carts
        self.addressed += other.addressed
        self.checkouts += other.checkouts
        self.orders += other.orders
        self.abandoned += other.abandoned


Quarters = dict[datetime, Counts]
"""By the moments at which they begin, in UTC."""


def ripe_after(context: Context) -> timedelta:
    """How long after it was begun nothing more of a cart counts: it could expire from then on."""
    return _cart_life(context) * _RIPE


async def keep_ripe(context: Context) -> None:
    """Keep the counts of carts that are about to expire; what is kept stays as it is."""
    before = datetime.now(UTC) - ripe_after(context) - QUARTER
    living = await count_living(context)
    ripe = {moment: counts for moment, counts in living.items() if moment <= before}
    if not ripe:
        return
    kept = await kept_counts(context, min(ripe), max(ripe) + QUARTER)
    for moment, counts in ripe.items():
        if moment not in kept:
            await _keep(context, moment, counts)


async def kept_counts(context: Context, begin: datetime, end: datetime) -> Quarters:
    """The counts that were kept of a period."""
    first, last = begin.date().isoformat(), end.date().isoformat()
    found: Quarters = {}
    async for record in _days(context).find({"_id": {"$gte": first, "$lte": last}}):
        midnight = datetime.fromisoformat(record["_id"]).replace(tzinfo=UTC)
        for number, values in record["quarters"].items():
            moment = midnight + QUARTER * int(number)
            if begin <= moment < end:
                found[moment] = Counts(*values)
    return found


async def count_living(context: Context) -> Quarters:
    """The counts of carts that are stored now, but for those that somebody kept for long."""
    now = datetime.now(UTC)
    since = now - _cart_life(context) - _DAY
    idle = now - min(_hours(context), ripe_after(context))
    failed = await _failed(context, since)
    wanted = {
        "created_at": {"$gte": since},
        "state": {"$ne": "MERGED"},
        "lines.0": {"$exists": True},
    }
    found: Quarters = {}
    async for cart in await carts(context).aggregate([{"$match": wanted}, {"$project": _SHOWN}]):
        found.setdefault(quarter_of(cart["created_at"]), Counts()).add(_of(cart, failed, idle))
    return found


def quarter_of(moment: datetime) -> datetime:
    """When the quarter of an hour began that a moment is in."""
    return moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)


def _of(cart: Record, failed: frozenset[str], idle: datetime) -> Counts:
    is_ordered = cart["state"] == "ORDERED"
    is_open = cart["state"] == "OPEN"
    return Counts(
        carts=1,
        addressed=cart["addressed"],
        checkouts=not is_open or cart["_id"] in failed,
        orders=is_ordered,
        abandoned=is_open and cart["updated_at"] < idle,
    )


async def _failed(context: Context, since: datetime) -> frozenset[str]:
    """The carts whose checkout failed."""
    wanted = {"state": "FAILED", "updated_at": {"$gte": since}}
    return frozenset([found["cart"] async for found in orders(context).find(wanted, {"cart": 1})])


async def _keep(context: Context, moment: datetime, counts: Counts) -> None:
    number = (moment.hour * 60 + moment.minute) // 15
    name = f"quarters.{number}"
    wanted: Mapping[str, Any] = {"_id": moment.date().isoformat(), name: {"$exists": False}}
    with suppress(DuplicateKeyError):  # it is there: another process was faster
        values = [int(value) for value in astuple(counts)]
        await _days(context).update_one(wanted, {"$set": {name: values}}, upsert=True)


def _cart_life(context: Context) -> timedelta:
    return timedelta(days=context.settings(OrderSettings).cart_days)


def _hours(context: Context) -> timedelta:
    return timedelta(hours=context.settings(OrderSettings).abandoned_hours)


def _days(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(ReportDayDocument)


JOBS = (Job(name="orders-report-days", every=timedelta(hours=1), run=keep_ripe),)
