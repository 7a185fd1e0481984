"""Finding products. What a viewer may not see answers like what isn't there."""

from collections.abc import Sequence
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection

from mercat.context import Context
from mercat.storage import Record
from mercat.storage.pages import Page, PageRequest, find_page, known_highest
from mercat_products.documents import COUNTER, ProductDocument

# What no list or page shows.
_PROJECTION = {"imported": 0, "listed_in": 0}
ACTIVE = {"status": "active"}


async def product_by_slug(
    context: Context, slug: str, keys: frozenset[str] | None = None
) -> Record | None:
    """The product with that slug, with those keys of its record or all."""
    return await _products(context).find_one({"slug": slug, **ACTIVE}, _projection(keys))


async def products_by_id(context: Context, ids: Sequence[ObjectId]) -> dict[ObjectId, Record]:
    cursor = _products(context).find({"_id": {"$in": list(ids)}, **ACTIVE}, _PROJECTION)
    return {record["_id"]: record async for record in cursor}


async def products_by_variant(context: Context, ids: Sequence[ObjectId]) -> dict[ObjectId, Record]:
    """The products of variants, by the variant's id."""
    wanted = set(ids)
    found: dict[ObjectId, Record] = {}
    async for record in _products(context).find(
        {"variants.id": {"$in": list(ids)}, **ACTIVE}, _PROJECTION
    ):
        found |= {v["id"]: record for v in record["variants"] if v["id"] in wanted}
    return found


async def product_by_sku(context: Context, sku: str) -> Record | None:
    return await _products(context).find_one({"variants.sku": sku, **ACTIVE}, _PROJECTION)


async def product_page(
    context: Context,
    request: PageRequest,
    *,
    newest_first: bool,
    group: ObjectId | None = None,
    keys: frozenset[str] | None = None,
) -> Page:
    """One page of the shop's products, or of those that a group lists, by when they were added.

    Its records have those keys or all.
    """
    return await find_page(
        _products(context),
        _condition(group),
        request,
        newest_first=newest_first,
        highest=await known_highest(context.storage, COUNTER),
        projection=_projection(keys),
    )


async def count_products(context: Context, group: ObjectId | None = None) -> int:
    return await _products(context).count_documents(_condition(group))


def _projection(keys: frozenset[str] | None) -> dict[str, int]:
    return _PROJECTION if keys is None else dict.fromkeys((*keys, "number"), 1)


def _condition(group: ObjectId | None) -> dict[str, Any]:
    return ACTIVE if group is None else {"listed_in": group, **ACTIVE}


def _products(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(ProductDocument)
