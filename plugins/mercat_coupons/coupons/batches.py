"""Batches of codes that are generated together; who may is decided here."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection

from mercat.codes import LEAST_RANDOM, LONGEST_PREFIX, MOST_RANDOM, checked_code
from mercat.context import Context
from mercat.errors import InvalidError
from mercat.storage import Record, Session, stored_now
from mercat.storage.idempotency import idempotent
from mercat.storage.pages import (
    Page,
    PageRequest,
    find_page,
    known_highest,
    next_number,
    reserve_numbers,
)
from mercat.texts import line_of
from mercat_coupons.coupons.checking import check_limits
from mercat_coupons.coupons.opening import openable
from mercat_coupons.coupons.sight import sees, whose
from mercat_coupons.documents import BATCHES, COUPONS, CouponBatchDocument

MOST = 100_000

_ASKED = (
    *("promotions", "total", "prefix", "length", "usage_limit", "usage_limit_per_customer"),
    *("seller", "note"),
)
"""What tells two requests apart."""

_LONGEST_NOTE = 200
_SLOT_BYTES = 3
_RANDOM_BYTES = 5


def batches(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(CouponBatchDocument)


async def begin(context: Context, given: Mapping[str, Any], request: str | None = None) -> Record:
    """Write down that codes are to be made, once for each idempotency key; `generating` makes them.

    Raises UnauthenticatedError, ForbiddenError, InvalidError, NotFoundError, and ConflictError for
    a key that came with something else.
    """
    seller = await whose(context, given.get("seller"))
    _check_counts(given)
    check_limits(given)
    now, total = stored_now(), given["count"]
    record = {
        "_id": _new_key(int(now.timestamp())),
        "promotions": await openable(context, given["promotions"], seller),
        "state": "running",
        "total": total,
        "generated": 0,
        "prefix": _prefix(given.get("prefix")),
        "length": given["length"],
        "usage_limit": given.get("usage_limit"),
        "usage_limit_per_customer": given.get("usage_limit_per_customer"),
        "seller": seller,
        "note": line_of(given.get("note") or "", ("note",), most=_LONGEST_NOTE),
        "created_at": now,
        "updated_at": now,
    }
    record["first_number"] = (await reserve_numbers(context.storage, COUPONS, total))[0]
    record["number"] = await next_number(context.storage, BATCHES)
    if request is None:
        await batches(context).insert_one(record)
        return record
    return await _written_once(context, record, request)


async def _written_once(context: Context, record: Record, request: str) -> Record:
    """The batch of an idempotency key: this one, or what the same request made before."""

    async def work(session: Session) -> Record:
        await batches(context).insert_one(record, session=session)
        return {"batch": str(record["_id"])}

    asked = {name: str(record[name]) for name in _ASKED}
    scope = f"coupon batch {context.viewer.user or context.viewer.role}"
    done = await idempotent(context.storage, scope=scope, key=request, request=asked, work=work)
    found: Record | None = await batches(context).find_one({"_id": ObjectId(done["batch"])})
    return found or record


def coupon_key(batch: ObjectId, place: int) -> ObjectId:
    """The key of the coupon at a place of a batch, from 1 on.

    So two processes that make the codes of a batch, or one that goes on after another, never make
    one too many: there is one coupon of each key.
    """
    return ObjectId((int.from_bytes(batch.binary) + place).to_bytes(len(batch.binary)))


async def page(context: Context, request: PageRequest) -> Page:
    """A page of the batches that the viewer sees, the newest first.

    Raises UnauthenticatedError, ForbiddenError.
    """
    return await find_page(
        batches(context),
        await _condition(context),
        request,
        newest_first=True,
        highest=await known_highest(context.storage, BATCHES),
    )


async def count(context: Context) -> int:
    """How many there are. Raises UnauthenticatedError, ForbiddenError."""
    return await batches(context).count_documents(await _condition(context))


async def batch_by_key(context: Context, key: ObjectId) -> Record | None:
    """A batch, where the viewer sees it; raises as `page` for who sees none."""
    await whose(context, None)
    return (await batches_by_key(context, [key])).get(key)


async def batches_by_key(context: Context, keys: Sequence[ObjectId]) -> dict[ObjectId, Record]:
    """Those of the batches that the viewer sees."""
    found = await batches(context).find({"_id": {"$in": list(keys)}}).to_list()
    return {one["_id"]: one for one in found if await sees(context, one["seller"])}


async def _condition(context: Context) -> Record:
    seller = await whose(context, None)
    return {} if seller is None else {"seller": seller}


def _check_counts(given: Mapping[str, Any]) -> None:
    if not 1 <= given["count"] <= MOST:
        raise InvalidError(f"this is from 1 to {MOST:,}", field=("count",))
    if not LEAST_RANDOM <= given["length"] <= MOST_RANDOM:
        raise InvalidError(f"this is from {LEAST_RANDOM} to {MOST_RANDOM}", field=("length",))


def _prefix(given: str | None) -> str:
    if not given:
        return ""
    return checked_code(given, ("prefix",), most=LONGEST_PREFIX).strip("-")


def _new_key(seconds: int) -> ObjectId:
    """An ObjectId that ends with zeros: the coupons have the keys after it."""
    head = seconds.to_bytes(4) + secrets.token_bytes(_RANDOM_BYTES)
    return ObjectId(head + bytes(_SLOT_BYTES))
