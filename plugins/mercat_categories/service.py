"""Reading the category tree."""

from collections.abc import Iterable, Sequence

from bson import ObjectId

from mercat import catalog
from mercat.context import Context
from mercat.storage import Record
from mercat.storage.outbox import OutboxDocument
from mercat.storage.pages import Page, PageRequest, find_page, known_highest
from mercat_categories.changing import counts
from mercat_categories.counting import Counts, product_counts
from mercat_categories.listing import listings
from mercat_categories.memory import categories_by_id, current_forest
from mercat_products import service as products
from mercat_products.documents import COUNTER as PRODUCTS
from mercat_products.permissions import sees_more
from mercat_products.service import localised, products_by_id

__all__ = ["Counts", "localised", "product_counts"]

_COUNTED = [catalog.products_saved.__name__, catalog.products_removed.__name__]


async def category_by_slug(context: Context, slug: str) -> Record | None:
    """The category that has that slug in any locale, or had it."""
    found = (await current_forest(context)).find(slug)
    return None if found is None else localised(context, found)


async def found_by_id(context: Context, ids: Iterable[ObjectId]) -> dict[ObjectId, Record]:
    """The categories with these ids, in the context's locale."""
    found = await categories_by_id(context, list(ids))
    return {key: localised(context, record) for key, record in found.items()}


async def children_of(
    context: Context, ids: Sequence[ObjectId | None]
) -> dict[ObjectId | None, list[Record]]:
    """The children of each category, by position and name; those of None are the roots."""
    children = (await current_forest(context)).children
    return {key: [localised(context, record) for record in children.get(key, ())] for key in ids}


async def whole_tree(context: Context, levels: int | None) -> list[Record]:
    """The categories of so many levels, or all: each before those below it."""
    found = (await current_forest(context)).in_order
    return [
        localised(context, record)
        for record in found
        if levels is None or len(record["ancestors"]) < levels
    ]


async def category_page(context: Context, request: PageRequest, *, roots: bool) -> Page:
    """One page of the categories, in the order in which they were added."""
    page = (await current_forest(context)).page(request, roots=roots)
    records = [localised(context, record) for record in page.records]
    return Page(records, has_next=page.has_next, has_previous=page.has_previous)


async def count_categories(context: Context, *, roots: bool) -> int:
    return (await current_forest(context)).count(roots=roots)


async def count_products(context: Context, category: ObjectId) -> int:
    """How many products that the viewer sees are in it or below it, at this moment.

    The stored count of active ones is right while no event of a product waits. Else, and for those
    who see more, they are counted.
    """
    if sees_more(context.viewer):
        return await products.count_products(context, category)
    events = context.storage.collection(OutboxDocument)
    if await events.find_one({"hook": {"$in": _COUNTED}}, {"_id": 1}) is None:
        found = await counts(context).find_one({"_id": category}, {"total": 1})
        if found is not None:
            total: int = found["total"]
            return total
    return await products.count_products(context, category)


async def direct_products(
    context: Context, category: ObjectId, request: PageRequest, *, newest_first: bool
) -> tuple[Page, list[Record]]:
    """One page of the products that were put in a category itself, as it was last counted."""
    page = await find_page(
        listings(context),
        {"placed": category},
        request,
        newest_first=newest_first,
        highest=await known_highest(context.storage, PRODUCTS),
    )
    found = await products_by_id(context, [record["_id"] for record in page.records])
    shown = [record for record in page.records if record["_id"] in found]
    page = Page(shown, has_next=page.has_next, has_previous=page.has_previous)
    return page, [found[record["_id"]] for record in shown]
