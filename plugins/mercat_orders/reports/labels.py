"""What the rows of a report are called."""

from collections.abc import Mapping, Sequence

from bson import ObjectId

from mercat import catalog
from mercat.context import Context
from mercat.ids import encode_id
from mercat_orders.reports.grouping import NONE
from mercat_orders.reports.sales import Row, Sales
from mercat_products.sellers import seller_id
from mercat_products.service import products_by_id

_UNPLACED = "In no category"


async def labels_of(context: Context, sales: Sales, rows: Sequence[Row]) -> Mapping[str, str]:
    """The names of some rows of a report, by their keys."""
    keys = list(dict.fromkeys(row.key for row in rows))
    match sales.wanted.by:
        case "PRODUCT":
            return await _products(context, sales, keys)
        case "VARIANT":
            return {key: sales.names[key].name for key in keys}
        case "CATEGORY":
            return await _categories(context, keys)
        case "SELLER":
            return {key: key or context.shop.name for key in keys}
    return {key: key for key in keys}


def subject_of(sales: Sales, row: Row) -> str | None:
    """The global id of what a row is about, where it is a thing of the shop."""
    match sales.wanted.by:
        case "PRODUCT":
            return encode_id("Product", row.key)
        case "VARIANT":
            return encode_id("ProductVariant", row.key)
        case "SELLER" if row.key != NONE:
            return seller_id(row.key)
    return None


async def _products(context: Context, sales: Sales, keys: Sequence[str]) -> Mapping[str, str]:
    """Their present names; where they are gone, or not shown, the last ones they were sold by."""
    found = await products_by_id(context, [ObjectId(key) for key in keys])
    names = {str(key): str(product["name"]) for key, product in found.items()}
    return {key: names.get(key) or sales.names[key].name for key in keys}


async def _categories(context: Context, keys: Sequence[str]) -> Mapping[str, str]:
    """The paths of their names; the key where nobody knows of it any more."""
    groups = [ObjectId(key) for key in keys if ObjectId.is_valid(key)]
    answers = await context.hooks.collect(catalog.product_paths, context, groups)
    paths = {str(key): " > ".join(path) for answer in answers for key, path in answer.items()}
    return {key: paths.get(key) or key or _UNPLACED for key in keys}
