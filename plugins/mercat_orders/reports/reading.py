"""Orders as reports read them: of a period, some at a time, and only the fields that count."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection

from mercat.context import Context
from mercat.storage import Record, cancel
from mercat_orders.orders.access import orders
from mercat_orders.reports.periods import Period

_AT_ONCE = 1_000
_WINDOWS = 12
_SHORTEST = timedelta(days=1)
_FIELDS = (
    *("placed_at", "currency", "tax_included", "waived"),
    *("refunds.part", "refunds.state", "refunds.amount"),
    *("seller_orders.id", "seller_orders.seller", "seller_orders.state"),
    *("seller_orders.commission", "seller_orders.waived", "seller_orders.shipping_back"),
    *("seller_orders.way.subtotal", "seller_orders.way.discount", "seller_orders.way.tax"),
    *("seller_orders.way.total", "lines.seller", "lines.quantity", "lines.cancelled"),
    *("lines.returned", "lines.subtotal", "lines.tax", "lines.total"),
)


async def placed(
    context: Context,
    period: Period,
    *,
    seller: str | None = None,
    currency: str | None = None,
    fields: Sequence[str] = (),
) -> AsyncIterator[Sequence[Record]]:
    """The orders that were placed in a period, in batches, with those fields beside the sums."""
    wanted: dict[str, Any] = {}
    if seller is not None:
        wanted["seller_orders.seller"] = seller
    if currency is not None:
        wanted["currency"] = currency
    projection = {"_id": 0, **dict.fromkeys((*_FIELDS, *fields), 1)}
    async for batch in _ahead(_batches(orders(context), period, wanted, projection)):
        yield batch


async def _batches(
    collection: AsyncCollection[Record],
    period: Period,
    wanted: Mapping[str, Any],
    projection: Mapping[str, Any],
) -> AsyncGenerator[Sequence[Record]]:
    """A part of the period after the other: SecantusDB reads all that it finds before it answers.

    Not so for a seller: it reads all of the seller's orders for each part.
    """
    begin, length = period.begin, period.end - period.begin
    if "seller_orders.seller" not in wanted:
        length = max(_SHORTEST, length / _WINDOWS)
    while begin < period.end:
        end = min(begin + length, period.end)
        condition = {**wanted, "placed_at": {"$gte": begin, "$lt": end}}
        async with collection.find(condition, projection, batch_size=_AT_ONCE) as cursor:
            while batch := await cursor.to_list(_AT_ONCE):
                yield batch
        begin = end


async def _ahead(source: AsyncGenerator[Sequence[Record]]) -> AsyncIterator[Sequence[Record]]:
    """The same batches, the next one on its way while one is worked on."""
    coming = asyncio.ensure_future(anext(source, None))
    try:
        while (batch := await coming) is not None:
            coming = asyncio.ensure_future(anext(source, None))
            yield batch
    finally:
        await cancel([coming])
        await source.aclose()
