"""Orders of people who erased their accounts: what is personal goes once an order is over.

Until then it is needed to deliver, to give money back and to answer. What tax law wants kept is in
the invoices, which stay.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from beanie import Document
from pymongo.asynchronous.collection import AsyncCollection

from mercat.context import Context
from mercat.lifecycle import Job
from mercat.money import format_minor
from mercat.storage import Record
from mercat_orders.addresses import Address
from mercat_orders.carts.personal import FIELDS, personal_of
from mercat_orders.orders.access import orders
from mercat_orders.orders.documents import WAITING

FAILED_KEPT = timedelta(days=30)
"""For how long a checkout that came to nothing is kept."""

_OVER = ("COMPLETED", "CANCELLED", "FAILED")
_NOTHING = {**dict.fromkeys(FIELDS), "email_digest": "", "guest": None}


class ErasureDocument(Document):
    """Somebody whose orders aren't all forgotten yet, by the key that the account had."""

    id: str  # type: ignore[assignment]
    at: datetime

    class Settings:
        name = "order_erasures"


async def erase(context: Context, user: str) -> None:
    """Forget who made the orders of an account that is gone, as far as they are over."""
    await _erasures(context).update_one(
        {"_id": user}, {"$setOnInsert": {"at": datetime.now(UTC)}}, upsert=True
    )
    await _forget(context, user)


async def forget(context: Context) -> None:
    """Forget what was kept until an order is over, and checkouts that came to nothing."""
    old = datetime.now(UTC) - FAILED_KEPT
    await orders(context).delete_many(
        {"state": "FAILED", "updated_at": {"$lt": old}, "payment.state": {"$ne": "ENDING"}}
    )
    async for record in _erasures(context).find():
        await _forget(context, record["_id"])


async def _forget(context: Context, user: str) -> None:
    theirs = {"user": user}
    await orders(context).update_many({**theirs, "state": {"$in": _OVER}}, {"$set": _NOTHING})
    if not await orders(context).find_one({**theirs, "state": {"$nin": _OVER}}, {"_id": 1}):
        await _erasures(context).delete_one({"_id": user})


async def told_of(context: Context, user: str) -> list[dict[str, Any]]:
    """The orders of somebody, for their own copy of what is stored."""
    found = orders(context).find({"user": user, "state": {"$nin": WAITING}}).sort("number", -1)
    return [await _told(context, record) async for record in found]


async def _told(context: Context, record: Record) -> dict[str, Any]:
    personal, currency = await personal_of(context, record), record["currency"]
    return {
        "number": record["code"],
        "placed_at": record["placed_at"].isoformat(),
        "state": record["state"],
        "total": f"{format_minor(record['sums']['total'], currency)} {currency}",
        "email": personal.email,
        "phone": personal.phone,
        "shipping_address": _written(personal.shipping_address),
        "billing_address": _written(personal.billing_address),
        "lines": [
            {
                "name": line["name"],
                "sku": line["sku"],
                "quantity": line["quantity"],
                "note": line["note"],
            }
            for line in record["lines"]
        ],
    }


def _written(address: Address | None) -> list[str] | None:
    if address is None:
        return None
    parts = (address.name, address.company, *address.lines, address.postal_code, address.city)
    return [part for part in (*parts, address.region, address.country, address.phone) if part]


def _erasures(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(ErasureDocument)


JOBS = (Job(name="orders-forget", every=timedelta(hours=1), run=forget),)
