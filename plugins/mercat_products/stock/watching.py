"""Following stocks as a viewer sees them."""

import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from bson import ObjectId

from mercat.context import Context
from mercat.storage import Record
from mercat_products.permissions import may_edit, visible
from mercat_products.settings import ProductSettings
from mercat_products.stock import feed
from mercat_products.stock.service import stocks_by_variant
from mercat_products.stock.signals import products


@dataclass(frozen=True, slots=True)
class Sight:
    """What a viewer sees of a variant's stock; `quantity` is None where it isn't shown."""

    quantity: int | None
    in_stock: bool


async def watch(
    context: Context, variants: Sequence[ObjectId]
) -> AsyncGenerator[tuple[ObjectId, Record, Sight], None]:
    """A variant's key, its product and what is seen of it now, whenever that has changed.

    What the viewer may see is asked anew at each change.
    """
    last: dict[ObjectId, Sight] = {}
    async with contextlib.aclosing(feed.follow(context, variants)) as changes:
        async for keys in changes:
            for key, product, sight in await _look(context, keys):
                before = last.get(key, sight)
                last[key] = sight
                if before != sight:
                    yield key, product, sight


async def _look(
    context: Context, variants: Sequence[ObjectId]
) -> list[tuple[ObjectId, Record, Sight]]:
    if not variants:
        return []
    stocks = await stocks_by_variant(context, variants)
    condition = {"$and": [{"variants.id": {"$in": list(variants)}}, visible(context.viewer)]}
    found = []
    async for product in products(context).find(condition):
        for variant in product["variants"]:
            if variant["id"] in variants:
                sight = sight_of(context, stocks.get(variant["id"]))
                found.append((variant["id"], product, sight))
    return found


def sight_of(context: Context, stock: Record | None) -> Sight:
    """What the viewer sees of a stock; None is that of a variant that isn't counted."""
    if stock is None:
        return Sight(None, in_stock=True)
    shown = context.settings(ProductSettings).show_quantities
    is_shown = shown or may_edit(context.viewer, stock["seller"])
    available = max(0, stock["on_hand"] - stock["reserved"])
    return Sight(available if is_shown else None, in_stock=stock["sellable"] > 0)
