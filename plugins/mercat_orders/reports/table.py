"""The sales report as a file: CSV (RFC 4180), safe to open in a spreadsheet."""

import csv
import io
from collections.abc import AsyncIterator, Iterator, Sequence

from mercat.context import Context
from mercat.money import format_minor
from mercat.texts import harmless
from mercat_orders.reports.figures import Figures
from mercat_orders.reports.labels import labels_of
from mercat_orders.reports.sales import Row, Sales

BOM = "\ufeff"
"""What spreadsheets of one maker need before a file to read it as UTF-8."""

_SUMS = (
    *("gross", "discounts", "shipping", "tax", "total", "refunded", "net", "net_sales"),
    *("commission", "cancelled", "average", "pending"),
)
_HEADER = (
    *("key", "label", "sku", "currency", "orders", "units", "returned_units", "pending_orders"),
    *("average_order_value" if name == "average" else name for name in _SUMS),
)
_AT_ONCE = 500


async def sales_csv(context: Context, sales: Sales, *, bom: bool = False) -> AsyncIterator[str]:
    """The header and the rows of a report, some hundred at a time."""
    yield (BOM if bom else "") + _lines([_HEADER])
    for start in range(0, len(sales.rows), _AT_ONCE):
        rows = sales.rows[start : start + _AT_ONCE]
        labels = await labels_of(context, sales, rows)
        yield _lines([_cells(sales, row, labels[row.key]) for row in rows])


def _cells(sales: Sales, row: Row, label: str) -> Sequence[str | int]:
    sku = sales.names[row.key].sku if row.key in sales.names else ""
    return [
        harmless(row.key),
        harmless(label),
        harmless(sku),
        row.currency,
        row.figures.orders,
        row.figures.units,
        row.figures.returned,
        row.figures.pending_orders,
        *_sums(row.figures, row.currency),
    ]


def _sums(figures: Figures, currency: str) -> Iterator[str]:
    for name in _SUMS:
        amount: int | None = getattr(figures, name)
        yield "" if amount is None else format_minor(amount, currency)


def _lines(rows: Sequence[Sequence[str | int]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()
