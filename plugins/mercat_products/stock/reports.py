"""The stock report as a file: CSV (RFC 4180), safe to open in a spreadsheet."""

import csv
import io
from collections.abc import AsyncIterator

from bson import ObjectId

from mercat.context import Context
from mercat.storage import Record
from mercat.texts import harmless
from mercat_products.stock.service import report_lines

_HEADER = (
    *("sku", "product", "variant", "seller", "on_hand", "reserved", "available"),
    *("low_at", "backorders", "backorder_limit"),
)
_BLOCK = 16_384


async def stock_csv(context: Context, *, low_only: bool, seller: str | None) -> AsyncIterator[str]:
    """The stocks that the viewer sees, in blocks; never more than some hundred in memory."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_HEADER)
    async for stock, product in report_lines(context, low_only=low_only, seller=seller):
        writer.writerow(_row(stock, product))
        if text.tell() > _BLOCK:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def _row(stock: Record, product: Record | None) -> list[str | int]:
    return [
        harmless(stock["sku"]),
        harmless(product["name"] if product else ""),
        harmless(_variant_name(product, stock["_id"])),
        harmless(stock["seller"] or ""),
        stock["on_hand"],
        stock["reserved"],
        stock["on_hand"] - stock["reserved"],
        stock["low_at"],
        stock["backorders"],
        "" if stock["backorder_limit"] is None else stock["backorder_limit"],
    ]


def _variant_name(product: Record | None, key: ObjectId) -> str:
    variants = product["variants"] if product else ()
    found: Record = next((found for found in variants if found["id"] == key), {})
    values = (option["value"] for option in found.get("options", ()))
    return found.get("name") or " / ".join(values)
