from collections.abc import Sequence
from pathlib import Path
from typing import Any

from beanie import Document
from litestar.datastructures import CacheControlHeader
from litestar.static_files import create_static_files_router
from litestar.types import ControllerRouterHandler

from mercat.context import Context
from mercat.hooks import hookimpl
from mercat.importing import Importer, import_file
from mercat.lifecycle import Operation
from mercat_products.documents import ProductDocument
from mercat_products.loading import PRODUCTS
from mercat_products.operations import OPERATIONS
from mercat_products.schema import ProductQuery

_DEMO = Path(__file__).parent / "demo"
_CACHE = CacheControlHeader(max_age=3600, public=True)


@hookimpl
def documents() -> Sequence[type[Document]]:
    return [ProductDocument]


@hookimpl
def schema() -> Sequence[type]:
    return [ProductQuery]


@hookimpl
def routes() -> Sequence[ControllerRouterHandler]:
    return [
        create_static_files_router(
            "/media/demo", [_DEMO / "media"], name="demo-media", cache_control=_CACHE
        )
    ]


@hookimpl
def importers() -> Sequence[Importer[Any]]:
    return [PRODUCTS]


@hookimpl
def ready_operations() -> Sequence[Operation]:
    return OPERATIONS


@hookimpl
async def demo_requested(context: Context) -> None:
    await import_file(PRODUCTS, context, _DEMO / "products.jsonl", on_tally=lambda _tally: None)
