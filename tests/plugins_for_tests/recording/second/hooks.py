"""What it hears."""

from collections.abc import Sequence

from mercat import Context, hookimpl
from tests.plugins_for_tests.recording.record import record


@hookimpl
async def products_saved(context: Context, product_ids: Sequence[str]) -> None:
    await record(context, "second", list(product_ids))
