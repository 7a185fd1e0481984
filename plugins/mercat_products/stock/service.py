"""Reading stocks. What a viewer may not see answers like what isn't there."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from bson import ObjectId

from mercat.context import Context, Viewer
from mercat.errors import NotFoundError
from mercat.storage import Record
from mercat.storage.lookups import find_by
from mercat.storage.pages import Page, PageRequest, find_page, known_highest
from mercat_products.permissions import check_sees_more, may_edit, may_manage, sells
from mercat_products.stock.documents import COUNTER
from mercat_products.stock.ledger import changes, stocks
from mercat_products.stock.signals import products

_SHOWN = {"held": 0}
_NAMES = {"name": 1, "status": 1, "seller": 1, "slug": 1, "variants": 1}
_CHUNK = 200
_READ_AT_ONCE = 8


def may_see_some(viewer: Viewer) -> bool:
    """Whether there can be stocks that the viewer sees and changes."""
    return may_manage(viewer) or sells(viewer)


async def stocks_by_variant(
    context: Context, variants: Sequence[ObjectId]
) -> dict[ObjectId, Record]:
    """The stocks of those variants that have one, whoever asks."""
    return {
        stock["_id"]: stock async for stock in find_by(stocks(context), "_id", variants, _SHOWN)
    }


async def visible_stocks(context: Context, variants: Sequence[ObjectId]) -> dict[ObjectId, Record]:
    """The stocks that the viewer may see."""
    if not may_see_some(context.viewer):
        return {}
    found = await stocks_by_variant(context, variants)
    return {key: stock for key, stock in found.items() if may_edit(context.viewer, stock["seller"])}


async def product_of(context: Context, variant: ObjectId) -> Record:
    """The product of a variant that the viewer may change the stock of.

    Raises NotFoundError for another seller's, too.
    """
    product = await products(context).find_one({"variants.id": variant}, _NAMES)
    if product is None or not may_edit(context.viewer, product.get("seller")):
        raise NotFoundError("there is no such variant", field=("variantId",))
    return product


async def products_by_id(context: Context, ids: Sequence[ObjectId]) -> dict[ObjectId, Record]:
    """The whole products of stocks that the viewer sees, whether they are for sale or not."""
    return {product["_id"]: product async for product in find_by(products(context), "_id", ids)}


async def history_pages(
    context: Context, found: Sequence[Record], first: int | None, after: int | None
) -> list[Page]:
    """For each stock its latest changes first. Raises InvalidError.

    Several ranges of an index at once: SecantusDB answers an `$or` of them by reading everything.
    """
    request = PageRequest.of(first, after, None, None)
    places = asyncio.Semaphore(_READ_AT_ONCE)

    async def page(stock: Record) -> Page:
        async with places:
            return await find_page(
                changes(context),
                {"stock": stock["_id"]},
                request,
                newest_first=True,
                highest=stock["version"],
            )

    return await asyncio.gather(*map(page, found))


async def report_page(
    context: Context, request: PageRequest, *, low_only: bool, seller: str | None
) -> Page:
    """A page of the stocks that the viewer sees, the first made first.

    Raises UnauthenticatedError or ForbiddenError for who sees none.
    """
    check_sees_more(context.viewer)
    condition = _condition(context.viewer, low_only=low_only, seller=seller)
    if condition is None:
        return Page([], has_next=False, has_previous=False)
    return await find_page(
        stocks(context),
        condition,
        request,
        newest_first=False,
        highest=await known_highest(context.storage, COUNTER),
        projection=_SHOWN,
    )


async def count_report(context: Context, *, low_only: bool, seller: str | None) -> int:
    condition = _condition(context.viewer, low_only=low_only, seller=seller)
    return 0 if condition is None else await stocks(context).count_documents(condition)


async def report_lines(
    context: Context, *, low_only: bool, seller: str | None
) -> AsyncIterator[tuple[Record, Record | None]]:
    """Every stock that the viewer sees with its product, some at a time."""
    cursor: int | None = None
    while True:
        request = PageRequest(_CHUNK, cursor)
        page = await report_page(context, request, low_only=low_only, seller=seller)
        named = find_by(
            products(context), "_id", {stock["product"] for stock in page.records}, _NAMES
        )
        found = {product["_id"]: product async for product in named}
        for stock in page.records:
            yield stock, found.get(stock["product"])
        if not page.has_next:
            return
        cursor = page.records[-1]["number"]


def _condition(viewer: Viewer, *, low_only: bool, seller: str | None) -> dict[str, Any] | None:
    """What is listed, or None where it is nothing."""
    condition: dict[str, Any] = {"low": True} if low_only else {}
    if not may_manage(viewer):
        if not sells(viewer) or seller not in {None, viewer.seller}:
            return None
        seller = viewer.seller
    return condition if seller is None else {"seller": seller, **condition}
