"""Reading promotions, and what was used of them; who may is decided here."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection

from mercat.context import Context
from mercat.storage import Record
from mercat.storage.pages import Page, PageRequest, find_page, known_highest
from mercat_coupons.documents import CounterDocument, PromotionDocument
from mercat_coupons.promotions.counters import of_promotion
from mercat_coupons.promotions.sight import checked_sight, condition_of, sight_of

COUNTER = "promotions"
"""What counts the numbers of promotions."""

_LONGEST_TEXT = 200
_EMPTY = Page([], has_next=False, has_previous=False)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which promotions are looked for; `text` is something of their names."""

    status: str | None = None
    is_automatic: bool | None = None
    seller: str | None = None
    text: str | None = None


def promotions(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(PromotionDocument)


async def page(
    context: Context, wanted: Wanted, request: PageRequest, keys: Collection[str] | None = None
) -> Page:
    """A page of what the viewer sees, the newest first; its records have those keys, or all.

    Raises UnauthenticatedError, ForbiddenError.
    """
    condition = await _condition(context, wanted)
    if condition is None:
        return _EMPTY
    return await find_page(
        promotions(context),
        condition,
        request,
        newest_first=True,
        highest=await known_highest(context.storage, COUNTER),
        projection=None if keys is None else dict.fromkeys({*keys, "number"}, 1),
    )


async def count(context: Context, wanted: Wanted) -> int:
    """How many they are. Raises UnauthenticatedError, ForbiddenError."""
    condition = await _condition(context, wanted)
    return 0 if condition is None else await promotions(context).count_documents(condition)


async def _condition(context: Context, wanted: Wanted) -> Record | None:
    condition = condition_of(await checked_sight(context), wanted.seller)
    if condition is None:
        return None
    if wanted.status is not None:
        condition["status"] = wanted.status
    if wanted.is_automatic is not None:
        condition["is_automatic"] = wanted.is_automatic
    if wanted.text:
        text = re.escape(wanted.text.strip()[:_LONGEST_TEXT])
        condition["name"] = {"$regex": text, "$options": "i"}
    return condition


async def find(context: Context, key: ObjectId) -> Record | None:
    """A promotion that the viewer sees. Raises UnauthenticatedError, ForbiddenError."""
    sight = await checked_sight(context)
    record: Record | None = await promotions(context).find_one({"_id": key})
    return record if record is not None and sight.sees(record["seller"]) else None


async def promotions_by_key(context: Context, keys: Sequence[str]) -> dict[str, Record]:
    """Those of the promotions that the viewer sees, by their keys."""
    sight = await sight_of(context)
    if sight is None:
        return {}
    wanted = [ObjectId(key) for key in keys if ObjectId.is_valid(key)]
    found = promotions(context).find({"_id": {"$in": wanted}})
    return {str(one["_id"]): one async for one in found if sight.sees(one["seller"])}


async def counters_of(context: Context, keys: Iterable[ObjectId]) -> dict[ObjectId, Record]:
    """How often promotions are used, and what they took off; none for those that weren't."""
    names = {of_promotion(str(key)): key for key in keys}
    counters = context.storage.collection(CounterDocument)
    found = counters.find({"_id": {"$in": list(names)}})
    return {names[one["_id"]]: one async for one in found}
