"""Making, changing and archiving coupons one by one; who may is decided here."""

from collections.abc import Mapping
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from mercat.codes import checked_code, key_of, random_code
from mercat.context import Context
from mercat.errors import InvalidError, NotFoundError, StaleError
from mercat.storage import Record, stored_now
from mercat.storage.pages import next_number
from mercat_coupons.coupons.checking import check_limits
from mercat_coupons.coupons.listing import coupon_by_key, coupons
from mercat_coupons.coupons.opening import openable
from mercat_coupons.coupons.sight import whose
from mercat_coupons.documents import COUPONS
from mercat_coupons.errors import CodeTakenError

_TRIES = 5


async def create(context: Context, given: Mapping[str, Any]) -> Record:
    """Make a coupon of its fields; the code is made where it is left out.

    Raises UnauthenticatedError, ForbiddenError, InvalidError, NotFoundError, CodeTakenError.
    """
    seller = await whose(context, given.get("seller"))
    check_limits(given)
    now, code = stored_now(), given.get("code")
    record = {
        "_id": ObjectId(),
        "number": 0,
        "key": "",
        "code": None if code is None else checked_code(code, ("code",)),
        "promotions": await openable(context, given["promotions"], seller),
        "status": "active",
        "usage_limit": given.get("usage_limit"),
        "usage_limit_per_customer": given.get("usage_limit_per_customer"),
        "customer": given.get("customer"),
        "seller": seller,
        "batch": None,
        "uses": 0,
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }
    return await _stored(context, record)


async def update(
    context: Context, key: ObjectId, version: int | None, given: Mapping[str, Any]
) -> Record:
    """Change what is given of a coupon; neither its code nor whose it is.

    Raises UnauthenticatedError, ForbiddenError, InvalidError, NotFoundError, StaleError.
    """
    seen = await _seen(context, key)
    check_limits(given)
    values = dict(given)
    if "promotions" in values:
        values["promotions"] = await openable(context, values["promotions"], seen["seller"])
    changed = await _change(context, key, version, values)
    if changed is not None:
        return changed
    if (await _seen(context, key))["status"] != "active":
        raise InvalidError(
            "the coupon is archived, and stays as it is; make another", field=("id",)
        )
    raise _stale()


async def archive(context: Context, key: ObjectId, version: int | None) -> Record:
    """Have a coupon open nothing any more; one that is archived stays as it is.

    Raises UnauthenticatedError, ForbiddenError, NotFoundError, StaleError.
    """
    await _seen(context, key)
    changed = await _change(context, key, version, {"status": "archived"})
    if changed is not None:
        return changed
    found = await _seen(context, key)
    if found["status"] != "archived":
        raise _stale()
    return found


async def _stored(context: Context, record: Record) -> Record:
    """Write a coupon down; whether its code is free is decided by the index."""
    code = record["code"]
    for _ in range(1 if code else _TRIES):
        record["code"] = code or random_code("")
        record["key"] = key_of(record["code"])
        record["number"] = await next_number(context.storage, COUPONS)
        try:
            await coupons(context).insert_one(record)
        except DuplicateKeyError:
            continue
        return record
    raise CodeTakenError("this code is taken; give another one", field=("code",))


async def _change(
    context: Context, key: ObjectId, version: int | None, values: Mapping[str, Any]
) -> Record | None:
    condition: Record = {"_id": key, "status": "active"}
    if version is not None:
        condition["version"] = version
    found: Record | None = await coupons(context).find_one_and_update(
        condition,
        {"$set": {**values, "updated_at": stored_now()}, "$inc": {"version": 1}},
        return_document=ReturnDocument.AFTER,
    )
    return found


async def _seen(context: Context, key: ObjectId) -> Record:
    found = await coupon_by_key(context, key)
    if found is None:
        raise NotFoundError("there is no such coupon", field=("id",))
    return found


def _stale() -> StaleError:
    return StaleError("somebody else changed the coupon; read it again", field=("version",))
