"""What it hears, and who asks."""

from collections.abc import Sequence

from mercat import Context, Viewer, hookimpl
from mercat.auth import Credentials
from mercat.catalog import StockFigures
from tests.plugins_for_tests.recording.record import record
from tests.plugins_for_tests.stocktaking.shop import VIEWERS


@hookimpl
async def authenticate(context: Context, credentials: Credentials) -> Viewer | None:
    return VIEWERS.get(credentials.headers.get("authorization", ""))


@hookimpl
async def stock_low(context: Context, stock: StockFigures, threshold: int) -> None:
    await record(context, "low", [stock.sku, stock.available, threshold])


@hookimpl
async def stock_changed(context: Context, changes: Sequence[StockFigures]) -> None:
    for change in changes:
        await record(context, "changed", [change.sku, change.available, change.in_stock])
