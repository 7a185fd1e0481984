"""Finding coupons; who may is decided here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection

from mercat.codes import key_of
from mercat.context import Context
from mercat.errors import InvalidError
from mercat.storage import Record
from mercat.storage.pages import Page, PageRequest, find_page, known_highest
from mercat_coupons.coupons.batches import batches
from mercat_coupons.coupons.opening import promotions
from mercat_coupons.coupons.sight import sees, whose
from mercat_coupons.documents import COUPONS, CouponDocument

STATUSES = ("active", "archived")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which coupons are listed: those that are all that is named; `batch` or `promotion`."""

    status: str | None = None
    promotion: ObjectId | None = None
    batch: ObjectId | None = None
    code: str | None = None
    seller: str | None = None


def coupons(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(CouponDocument)


async def page(context: Context, request: PageRequest, wanted: Wanted) -> Page:
    """A page of coupons, the newest first.

    Raises UnauthenticatedError, ForbiddenError, and InvalidError for a batch and a promotion.
    """
    seller = await whose(context, wanted.seller)
    if wanted.code is not None:
        found = await _with_code(context, wanted, seller)
        is_there = [one for one in found if _is_behind(one["number"], request)]
        return Page(is_there, has_next=False, has_previous=False)
    return await find_page(
        coupons(context),
        await _conditions(context, wanted, seller),
        request,
        newest_first=True,
        highest=await known_highest(context.storage, COUPONS),
    )


async def count(context: Context, wanted: Wanted) -> int:
    """How many there are. Raises as `page`."""
    seller = await whose(context, wanted.seller)
    if wanted.code is not None:
        return len(await _with_code(context, wanted, seller))
    if wanted.batch is not None and wanted.promotion is None:
        return await _count_in_batch(context, wanted.batch, wanted.status, seller)
    conditions = await _conditions(context, wanted, seller)
    return sum([await coupons(context).count_documents(one) for one in conditions])


async def coupon_with_code(context: Context, code: str) -> Record | None:
    """The coupon with a code, however it is typed, where the viewer sees it.

    Raises UnauthenticatedError and ForbiddenError for who sees none.
    """
    await whose(context, None)
    record = await _keyed(context, code)
    return record if record is not None and await sees(context, record["seller"]) else None


async def coupon_by_key(context: Context, key: ObjectId) -> Record | None:
    """A coupon, where the viewer sees it. Raises as `coupon_with_code`."""
    await whose(context, None)
    return (await coupons_by_key(context, [key])).get(key)


async def coupons_by_key(context: Context, keys: Sequence[ObjectId]) -> dict[ObjectId, Record]:
    """Those of the coupons that the viewer sees."""
    found = await coupons(context).find({"_id": {"$in": list(keys)}}).to_list()
    return {one["_id"]: one for one in found if await sees(context, one["seller"])}


async def _keyed(context: Context, code: str) -> Record | None:
    key = key_of(code)
    return None if key is None else await coupons(context).find_one({"key": key})


async def _with_code(context: Context, wanted: Wanted, seller: str | None) -> list[Record]:
    record = await _keyed(context, wanted.code or "")
    is_wanted = record is not None and all(
        (
            wanted.status in {None, record["status"]},
            wanted.promotion is None or wanted.promotion in record["promotions"],
            wanted.batch in {None, record["batch"]},
            seller in {None, record["seller"]},
        )
    )
    return [record] if record is not None and is_wanted else []


def _is_behind(number: int, request: PageRequest) -> bool:
    """Whether it isn't before the cursor, the newest being first."""
    cursor = request.cursor
    return cursor is None or (number > cursor if request.backward else number < cursor)


async def _conditions(
    context: Context, wanted: Wanted, seller: str | None
) -> Sequence[Mapping[str, Any]]:
    """What an index each begins with: see the indexes of the document."""
    statuses = STATUSES if wanted.status is None else (wanted.status,)
    found = await _whats(context, wanted, seller)
    return [{**what, "status": status} for what in found for status in statuses]


async def _count_in_batch(
    context: Context, key: ObjectId, status: str | None, seller: str | None
) -> int:
    """A batch knows how many it has, which SecantusDB would take seconds to count."""
    batch = await batches(context).find_one({"_id": key}, {"seller": 1, "generated": 1})
    if batch is None or seller not in {None, batch["seller"]}:
        return 0
    whole: int = batch["generated"]
    if status is None:
        return whole
    archived = await coupons(context).count_documents({"batch": key, "status": "archived"})
    return archived if status == "archived" else whole - archived


async def _whats(
    context: Context, wanted: Wanted, seller: str | None
) -> Sequence[Mapping[str, Any]]:
    if wanted.batch is not None and wanted.promotion is not None:
        raise InvalidError("give either `batchId` or `promotionId`")
    if wanted.batch is not None:
        batch = await batches(context).find_one({"_id": wanted.batch}, {"seller": 1})
        is_there = batch is not None and seller in {None, batch["seller"]}
        return [{"batch": wanted.batch}] if is_there else []
    if wanted.promotion is not None:
        return await _of_promotion(context, wanted.promotion, seller)
    return [{}] if seller is None else [{"seller": seller}]


async def _of_promotion(
    context: Context, key: ObjectId, seller: str | None
) -> Sequence[Mapping[str, Any]]:
    """A promotion's coupons are the shop's or, where it is a seller's, also that seller's."""
    promotion = await promotions(context).find_one({"_id": key}, {"seller": 1})
    if promotion is None:
        return []
    sellers = dict.fromkeys((None, promotion["seller"]))
    return [{"promotions": key, "seller": one} for one in sellers if seller in {None, one}]
