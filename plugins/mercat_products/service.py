"""Finding products. What a viewer may not see answers like what isn't there."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection

from mercat.context import Context
from mercat.storage import Record
from mercat.storage.pages import Page, PageRequest, find_page, known_highest
from mercat_products.documents import COUNTER, ProductDocument
from mercat_products.permissions import visible, visible_parts

# What no list or page shows.
_PROJECTION = {"imported": 0, "listed_in": 0, "addresses": 0, "old_addresses": 0}
_TRANSLATED = ("name", "description", "slug")


async def product_by_slug(
    context: Context, slug: str, keys: frozenset[str] | None = None
) -> Record | None:
    """The product that has that slug in any locale, or had it, with those keys or all."""
    products, wanted = _products(context), visible(context.viewer)
    shown = projection(context, keys)
    ways = ("slug", "addresses")  # either has it alone, as a rule
    for way in ways if context.locale == context.shop.locale else reversed(ways):
        found = await products.find_one({way: slug, **wanted}, shown)
        if found is not None:
            break
    if found is not None:
        context.about(ProductDocument, [found["_id"]])
        return localised(context, found)
    context.about(ProductDocument)  # any product may get that slug, which goes before these
    found = await products.find_one({"old_addresses": slug, **wanted}, shown)
    return None if found is None else localised(context, found)


async def products_by_id(
    context: Context, ids: Sequence[ObjectId], keys: frozenset[str] | None = None
) -> dict[ObjectId, Record]:
    """The products with those ids that the viewer may see, with those keys or all."""
    context.about(ProductDocument, ids)
    condition = {"_id": {"$in": list(ids)}, **visible(context.viewer)}
    cursor = _products(context).find(condition, projection(context, keys))
    return {record["_id"]: localised(context, record) async for record in cursor}


def localised(context: Context, record: Record) -> Record:
    """The record with its texts in the context's locale, where it has them."""
    locale = context.locale
    for translation in record.get("translations", ()):
        if translation["locale"] == locale:
            texts = {key: translation[key] for key in _TRANSLATED if translation[key] is not None}
            return {**record, **texts}
    return record


async def products_by_variant(context: Context, ids: Sequence[ObjectId]) -> dict[ObjectId, Record]:
    """The products of variants, by the variant's id."""
    wanted = set(ids)
    found: dict[ObjectId, Record] = {}
    condition = {"variants.id": {"$in": list(ids)}, **visible(context.viewer)}
    async for stored in _products(context).find(condition, _PROJECTION):
        record = localised(context, stored)
        found |= {v["id"]: record for v in record["variants"] if v["id"] in wanted}
    is_found = found.keys() == wanted
    context.about(ProductDocument, {r["_id"] for r in found.values()} if is_found else None)
    return found


async def product_by_sku(context: Context, sku: str) -> Record | None:
    condition = {"variants.sku": sku, **visible(context.viewer)}
    found = await _products(context).find_one(condition, _PROJECTION)
    context.about(ProductDocument, None if found is None else [found["_id"]])
    return None if found is None else localised(context, found)


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
    context.about(ProductDocument)
    page = await find_page(
        _products(context),
        _conditions(context, group),
        request,
        newest_first=newest_first,
        highest=await known_highest(context.storage, COUNTER),
        projection=projection(context, keys),
    )
    if context.locale == context.shop.locale:
        return page
    return replace(page, records=[localised(context, record) for record in page.records])


async def count_products(context: Context, group: ObjectId | None = None) -> int:
    """How many products the viewer may see, of the shop or of those that a group lists."""
    counts = map(_products(context).count_documents, _conditions(context, group))
    return sum(await asyncio.gather(*counts))


def projection(context: Context, keys: frozenset[str] | None) -> dict[str, int]:
    """What is read of products so that these keys, or all, can be shown in the context's locale."""
    if keys is None:
        return _PROJECTION
    more = ("number",) if context.locale == context.shop.locale else ("number", "translations")
    return dict.fromkeys((*keys, *more), 1)


def _conditions(context: Context, group: ObjectId | None) -> list[Record]:
    """What the products of a list meet, one of it each."""
    parts = visible_parts(context.viewer)
    return parts if group is None else [{"listed_in": group, **part} for part in parts]


def _products(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(ProductDocument)
