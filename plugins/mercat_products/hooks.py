from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beanie import Document
from litestar.datastructures import CacheControlHeader
from litestar.static_files import create_static_files_router
from litestar.types import ControllerRouterHandler

from mercat.auth import Permission
from mercat.catalog import StockFigures
from mercat.context import Context
from mercat.exporting import Exporter
from mercat.hooks import hookimpl
from mercat.importing import Importer, import_file
from mercat.lifecycle import Job, Operation
from mercat.notifications import MessageKind
from mercat.support import TicketFact, TicketSubject
from mercat_products import tickets
from mercat_products.documents import ProductDocument
from mercat_products.editing.schema import ProductMutation, VariantMutation
from mercat_products.exporting import EXPORTS
from mercat_products.loading import PRODUCTS
from mercat_products.operations import OPERATIONS
from mercat_products.permissions import PERMISSIONS
from mercat_products.product_types.documents import ProductTypeDocument
from mercat_products.product_types.exporting import TYPE_EXPORTS
from mercat_products.product_types.loading import PRODUCT_TYPES
from mercat_products.product_types.schema import (
    ProductAttributes,
    ProductTypeMutation,
    ProductTypeQuery,
)
from mercat_products.schema import ProductQuery
from mercat_products.search.finder import finder_of
from mercat_products.search.schema import ProductListQuery, ProductSearchQuery
from mercat_products.stock.documents import (
    ReservationDocument,
    StockChangeDocument,
    StockDocument,
)
from mercat_products.stock.feed import publish_figures
from mercat_products.stock.following import follow_products, follow_removals
from mercat_products.stock.jobs import JOBS
from mercat_products.stock.messages import KINDS
from mercat_products.stock.mutations import StockMutation, StockSubscription
from mercat_products.stock.routes import stock_report
from mercat_products.stock.schema import StockQuery, VariantStock
from mercat_products.withholding import follow_saved, follow_seller

if TYPE_CHECKING:
    from mercat.engine import Engine

_DEMO = Path(__file__).parent / "demo"
_CACHE = CacheControlHeader(max_age=3600, public=True)


@hookimpl
def documents() -> Sequence[type[Document]]:
    return [
        ProductDocument,
        ProductTypeDocument,
        StockDocument,
        StockChangeDocument,
        ReservationDocument,
    ]


@hookimpl
def schema() -> Sequence[type]:
    return [
        ProductQuery,
        ProductListQuery,
        ProductSearchQuery,
        ProductMutation,
        VariantMutation,
        ProductAttributes,
        ProductTypeQuery,
        ProductTypeMutation,
        VariantStock,
        StockQuery,
        StockMutation,
        StockSubscription,
    ]


@hookimpl
def routes(engine: "Engine") -> Sequence[ControllerRouterHandler]:
    return [
        create_static_files_router(
            "/media/demo", [_DEMO / "media"], name="demo-media", cache_control=_CACHE
        ),
        stock_report(engine),
    ]


@hookimpl
def permissions() -> Sequence[Permission]:
    return PERMISSIONS


@hookimpl
def scheduled_jobs() -> Sequence[Job]:
    return JOBS


@hookimpl
def importers() -> Sequence[Importer[Any]]:
    return [PRODUCT_TYPES, PRODUCTS]


@hookimpl
def exporters() -> Sequence[Exporter[Any]]:
    return [TYPE_EXPORTS, EXPORTS]


@hookimpl
def ready_operations() -> Sequence[Operation]:
    return OPERATIONS


@hookimpl
def message_kinds() -> Sequence[MessageKind]:
    return KINDS


@hookimpl
async def startup(context: Context) -> None:
    finder_of(context).start()


@hookimpl
async def shutdown(context: Context) -> None:
    await finder_of(context).stop()


@hookimpl
async def demo_requested(context: Context) -> None:
    await import_file(PRODUCTS, context, _DEMO / "products.jsonl", on_tally=lambda _tally: None)


@hookimpl
async def products_saved(context: Context, product_ids: Sequence[str]) -> None:
    await follow_products(context, product_ids)
    await follow_saved(context, product_ids)


@hookimpl
async def seller_state_changed(context: Context, seller: str) -> None:
    await follow_seller(context, seller)


@hookimpl
async def products_removed(context: Context, variant_ids: Sequence[str]) -> None:
    await follow_removals(context, variant_ids)


@hookimpl
async def stock_changed(context: Context, changes: Sequence[StockFigures]) -> None:
    await publish_figures(context, changes)


@hookimpl
async def ticket_subjects(context: Context, ids: Sequence[str]) -> Sequence[TicketSubject] | None:
    return await tickets.subjects(context, ids)


@hookimpl
async def ticket_facts(context: Context, ids: Sequence[str]) -> Sequence[TicketFact] | None:
    return await tickets.facts(context, ids)
