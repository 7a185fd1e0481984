from collections.abc import Sequence
from pathlib import Path
from typing import Any

from beanie import Document

from mercat.catalog import Placement
from mercat.context import Context
from mercat.hooks import hookimpl
from mercat.importing import Importer, import_file
from mercat.lifecycle import Operation
from mercat_categories import placing
from mercat_categories.documents import CategoryDocument
from mercat_categories.loading import CATEGORIES
from mercat_categories.operations import OPERATIONS
from mercat_categories.schema import (
    CategoryMutation,
    CategoryQuery,
    CategoryTree,
    ProductCategories,
)

_DEMO = Path(__file__).parent / "demo"


@hookimpl
def documents() -> Sequence[type[Document]]:
    return [CategoryDocument]


@hookimpl
def schema() -> Sequence[type]:
    return [CategoryTree, ProductCategories, CategoryQuery, CategoryMutation]


@hookimpl
def importers() -> Sequence[Importer[Any]]:
    return [CATEGORIES]


@hookimpl
def ready_operations() -> Sequence[Operation]:
    return OPERATIONS


@hookimpl
async def demo_requested(context: Context) -> None:
    await import_file(CATEGORIES, context, _DEMO / "categories.jsonl", on_tally=lambda _tally: None)


@hookimpl
async def product_placements(
    context: Context, paths: Sequence[tuple[tuple[str, ...], ...]]
) -> Sequence[Placement] | None:
    return await placing.placements(context, paths)
