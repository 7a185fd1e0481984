"""Reading products for an export: all of them in the order of their numbers, window by window."""

from collections.abc import AsyncIterator, Sequence
from typing import get_args

from bson import ObjectId

from mercat import catalog
from mercat.context import Context
from mercat.exporting import Batch, Exporter
from mercat.storage import Record, Session
from mercat.storage.lookups import find_by
from mercat.storage.pages import highest_number
from mercat_media.settings import MediaSettings
from mercat_products.documents import COUNTER, ProductDocument, Status
from mercat_products.formats import OUTPUT_FORMATS
from mercat_products.product_types.attributes import fitting
from mercat_products.product_types.service import types_by_id
from mercat_products.rows import ProductRow, row_of
from mercat_products.stock.documents import StockDocument

STATUSES: tuple[str, ...] = get_args(Status)
_WINDOW = 200  # numbers at once; a product may be as large as its database allows
_NOT_SHOWN = {"listed_in": 0, "addresses": 0, "imported": 0}


async def read_products(
    context: Context, status: str | None = None
) -> AsyncIterator[Batch[ProductRow]]:
    """The rows of the products with that status, or of all; those added meanwhile are left out."""
    highest = await highest_number(context.storage, COUNTER)
    wanted = STATUSES if status is None else (status,)
    for low in range(1, highest + 1, _WINDOW):
        high = min(low + _WINDOW - 1, highest)
        found = await _window(context, wanted, low, high)
        yield Batch(await _rows(context, found), high, highest)


async def _window(context: Context, statuses: Sequence[str], low: int, high: int) -> list[Record]:
    """The products with these numbers.

    Each status is a range of an index. All are read as they were at one moment: a product whose
    status changes in between would otherwise be missed, or found twice.
    """
    products = context.storage.collection(ProductDocument)

    async def read(session: Session) -> list[Record]:
        found = []
        for status in statuses:
            condition = {"status": status, "number": {"$gte": low, "$lte": high}}
            found += await products.find(condition, _NOT_SHOWN, session=session).to_list()
        return found

    return sorted(await context.storage.transaction(read), key=lambda record: record["number"])


async def _rows(context: Context, products: Sequence[Record]) -> list[ProductRow]:
    types = await types_by_id(context, (product.get("type_id") for product in products))
    keys = {key for product in products for key in product.get("placed_in") or ()}
    paths = await _paths(context, list(keys))
    stocks = await _stocks(context, [product["_id"] for product in products])
    start = context.settings(MediaSettings).public_url
    rows = []
    for product in products:
        of_type = types.get(product.get("type_id") or product["_id"])
        name = of_type["name"] if of_type else None
        sold_out = (one["sku"] for one in product["variants"] if not one.get("in_stock", True))
        said = {**product, "attributes": fitting(product.get("attributes") or (), of_type)}
        row = row_of(said, name, _places(product, paths), start, stocks)
        rows.append(ProductRow(row, frozenset(sold_out)))
    return rows


async def _stocks(context: Context, products: Sequence[ObjectId]) -> dict[ObjectId, Record]:
    found = find_by(context.storage.collection(StockDocument), "product", products, {"held": 0})
    return {stock["_id"]: stock async for stock in found}


async def _paths(context: Context, keys: Sequence[ObjectId]) -> dict[ObjectId, str] | None:
    """Where groups are; None where nobody knows of groups."""
    answers = await context.hooks.collect(catalog.product_paths, context, keys)
    if not answers:
        return None
    return {key: " > ".join(names) for answer in answers for key, names in answer.items()}


def _places(product: Record, paths: dict[ObjectId, str] | None) -> list[str] | None:
    if paths is None:
        return None
    found = (paths.get(key) for key in product.get("placed_in") or ())
    return list(dict.fromkeys(path for path in found if path))


EXPORTS = Exporter(
    noun="products",
    description="Export products with all that an import takes, in the order they were added.",
    formats=OUTPUT_FORMATS,
    read=read_products,
    statuses=STATUSES,
)
