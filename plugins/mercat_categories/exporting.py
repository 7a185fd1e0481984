"""Reading the category tree for an export, in the order of the numbers."""

from collections.abc import AsyncIterator

from mercat.context import Context
from mercat.exporting import Batch, Exporter
from mercat.storage import Record
from mercat_categories.forest import Forest
from mercat_categories.formats import OUTPUT_FORMATS
from mercat_categories.memory import newest_forest
from mercat_categories.records import CategoryRecord

_AT_ONCE = 500


async def read_categories(
    context: Context, _status: str | None = None
) -> AsyncIterator[Batch[CategoryRecord]]:
    """The rows of all categories, as the tree was at one moment."""
    forest = await newest_forest(context)
    whole = len(forest.numbered)
    for start in range(0, whole, _AT_ONCE):
        records = forest.numbered[start : start + _AT_ONCE]
        rows = [_row(record, forest) for record in records]
        yield Batch(rows, start + len(rows), whole)


def _row(record: Record, forest: Forest) -> CategoryRecord:
    parent = forest.records.get(record["parent_id"])
    return CategoryRecord.model_construct(
        key=record["key"],
        name=record["name"],
        parent=parent["key"] if parent else None,
        slug=record["slug"],
        description=record["description"],
        position=record["position"],
    )


EXPORTS = Exporter(
    noun="categories",
    description="Export the category tree.",
    formats=OUTPUT_FORMATS,
    read=read_categories,
)
