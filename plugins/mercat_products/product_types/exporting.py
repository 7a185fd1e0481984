"""Reading the product types for an export, in the order in which they were added."""

from collections.abc import AsyncIterator

from mercat.context import Context
from mercat.exporting import Batch, Exporter
from mercat.storage import Record
from mercat.storage.pages import MOST, PageRequest
from mercat_products.product_types.jsonl import TypeJsonLines
from mercat_products.product_types.records import AttributeRecord, ProductTypeRecord
from mercat_products.product_types.service import count_types, type_page


async def read_types(
    context: Context, _status: str | None = None
) -> AsyncIterator[Batch[ProductTypeRecord]]:
    """The rows of all types."""
    whole, done = await count_types(context), 0
    cursor: int | None = None
    while True:
        page = await type_page(context, PageRequest(MOST, cursor))
        done += len(page.records)
        yield Batch([row_of_type(record) for record in page.records], done, max(done, whole))
        if not page.has_next:
            return
        cursor = page.records[-1]["number"]


def row_of_type(stored: Record) -> ProductTypeRecord:
    return ProductTypeRecord(
        name=stored["name"],
        attributes=tuple(AttributeRecord(**one) for one in stored["attributes"]),
    )


TYPE_EXPORTS = Exporter(
    noun="product-types",
    description="Export the product types with their attributes.",
    formats=(TypeJsonLines(),),
    read=read_types,
)
