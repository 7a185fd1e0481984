from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from beanie import Document
from bson import ObjectId

from mercat.auth import Permission
from mercat.catalog import Placement
from mercat.context import Context
from mercat.exporting import Exporter
from mercat.hooks import hookimpl
from mercat.importing import Importer, import_file
from mercat.lifecycle import Operation
from mercat_categories import naming, placing
from mercat_categories.counting import count_memory_of
from mercat_categories.documents import (
    CategoryDocument,
    CategoryTreeDocument,
    CountDocument,
    ListingDocument,
    RelistingDocument,
)
from mercat_categories.editing.schema import CategoryMutation
from mercat_categories.exporting import EXPORTS
from mercat_categories.listing import settle
from mercat_categories.loading import CATEGORIES
from mercat_categories.memory import memory_of
from mercat_categories.operations import OPERATIONS
from mercat_categories.permissions import PERMISSIONS
from mercat_categories.relisting import start_relisting, stop_relisting
from mercat_categories.schema import (
    CategoryFacets,
    CategoryQuery,
    CategoryTree,
    ProductCategories,
)

_DEMO = Path(__file__).parent / "demo"


@hookimpl
def documents() -> Sequence[type[Document]]:
    return [
        CategoryDocument,
        CategoryTreeDocument,
        CountDocument,
        ListingDocument,
        RelistingDocument,
    ]


@hookimpl
def schema() -> Sequence[type]:
    return [CategoryTree, ProductCategories, CategoryFacets, CategoryQuery, CategoryMutation]


@hookimpl
def permissions() -> Sequence[Permission]:
    return PERMISSIONS


@hookimpl
def importers() -> Sequence[Importer[Any]]:
    return [CATEGORIES]


@hookimpl
def exporters() -> Sequence[Exporter[Any]]:
    return [EXPORTS]


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


@hookimpl
async def product_paths(
    context: Context, keys: Sequence[ObjectId]
) -> Mapping[ObjectId, tuple[str, ...]] | None:
    return await naming.paths_of(context, keys)


@hookimpl
async def product_groups(context: Context, names: Sequence[str]) -> Mapping[str, ObjectId] | None:
    return await naming.keys_of(context, names)


@hookimpl
async def products_saved(context: Context, product_ids: Sequence[str]) -> None:
    await settle(context, [ObjectId(key) for key in product_ids])


@hookimpl
async def products_removed(context: Context, product_ids: Sequence[str]) -> None:
    await settle(context, [ObjectId(key) for key in product_ids])


@hookimpl
async def startup(context: Context) -> None:
    changes = context.engine.changes
    changes.listen(CategoryTreeDocument, memory_of(context).spoil)
    changes.listen(CountDocument, count_memory_of(context).spoil)
    start_relisting(context)


@hookimpl
async def shutdown(context: Context) -> None:
    await stop_relisting(context)
