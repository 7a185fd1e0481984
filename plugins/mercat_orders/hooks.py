from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
from beanie import Document
from litestar.types import ControllerRouterHandler

from mercat import checkout
from mercat.auth import Permission
from mercat.context import Context
from mercat.hooks import hookimpl
from mercat.lifecycle import Job, Operation, SealedFields
from mercat.notifications import MessageKind
from mercat.support import TicketFact, TicketSubject
from mercat_orders import tickets
from mercat_orders.carts.documents import CartDocument
from mercat_orders.carts.leaving import JOBS, remove_of_user, told_of
from mercat_orders.carts.merging import merge_guest
from mercat_orders.carts.personal import FIELDS
from mercat_orders.carts.schema import CartMutation, CartQuery
from mercat_orders.checkout import reconciling
from mercat_orders.checkout.schema import CartPaying, CheckoutMutation
from mercat_orders.delivery.documents import ShippingMethodDocument
from mercat_orders.delivery.memory import kept_methods
from mercat_orders.delivery.schema import ShippingMethodMutation, ShippingMethodQuery
from mercat_orders.drafts.documents import DraftOrderDocument
from mercat_orders.drafts.schema import DraftOrderMutation, DraftOrderQuery
from mercat_orders.edits.schema import OrderEditMutation
from mercat_orders.messages.kinds import KINDS
from mercat_orders.operations import OPERATIONS
from mercat_orders.orders import forgetting
from mercat_orders.orders.changes import confirming, settling
from mercat_orders.orders.changes.mutations import OrderMutation
from mercat_orders.orders.documents import OrderDocument
from mercat_orders.orders.forgetting import ErasureDocument
from mercat_orders.orders.schema import OrderQuery
from mercat_orders.orders.streams.schema import OrderSubscription
from mercat_orders.orders.types.orders import OrderEventOrders
from mercat_orders.orders.types.refunds import OrderMoney, SellerOrderMoney
from mercat_orders.papers import issuing
from mercat_orders.papers.documents import InvoiceDocument, SeriesDocument
from mercat_orders.papers.routes import invoice_route, packing_slip_route
from mercat_orders.papers.schema import OrderPapers, SellerOrderPapers
from mercat_orders.payments.schema import OrderPaying, PaymentMutation
from mercat_orders.permissions import PERMISSIONS
from mercat_orders.reports import counting
from mercat_orders.reports.commands import report
from mercat_orders.reports.documents import ReportDayDocument
from mercat_orders.reports.routes import sales_route
from mercat_orders.reports.schema import ReportQuery
from mercat_orders.returns.mutations import ReturnMutation
from mercat_orders.returns.types import SellerOrderReturns
from mercat_orders.taxation.documents import TaxZoneDocument
from mercat_orders.taxation.memory import kept_zones
from mercat_orders.taxation.schema import TaxZoneMutation, TaxZoneQuery

if TYPE_CHECKING:
    from mercat.engine import Engine


@hookimpl
def documents() -> Sequence[type[Document]]:
    return [
        CartDocument,
        DraftOrderDocument,
        ErasureDocument,
        OrderDocument,
        ShippingMethodDocument,
        TaxZoneDocument,
        InvoiceDocument,
        SeriesDocument,
        ReportDayDocument,
    ]


@hookimpl
def sealed_fields() -> Sequence[SealedFields]:
    return [
        SealedFields(CartDocument, FIELDS),
        SealedFields(OrderDocument, FIELDS),
        SealedFields(InvoiceDocument, FIELDS),
    ]


@hookimpl
def schema() -> Sequence[type]:
    return [
        CartQuery,
        CartMutation,
        CartPaying,
        CheckoutMutation,
        DraftOrderQuery,
        DraftOrderMutation,
        ShippingMethodQuery,
        ShippingMethodMutation,
        TaxZoneQuery,
        TaxZoneMutation,
        OrderQuery,
        OrderEventOrders,
        OrderSubscription,
        OrderMutation,
        OrderMoney,
        OrderEditMutation,
        OrderPaying,
        PaymentMutation,
        ReturnMutation,
        SellerOrderMoney,
        SellerOrderReturns,
        OrderPapers,
        SellerOrderPapers,
        ReportQuery,
    ]


@hookimpl
def routes(engine: "Engine") -> Sequence[ControllerRouterHandler]:
    return [invoice_route(engine), packing_slip_route(engine), sales_route(engine)]


@hookimpl
def commands() -> Sequence[click.Command]:
    return [report]


@hookimpl
async def order_placed(context: Context, order_id: str) -> None:
    await issuing.follow(context, order_id)


@hookimpl
async def order_changed(context: Context, order_id: str) -> None:
    await issuing.follow(context, order_id)


@hookimpl
def permissions() -> Sequence[Permission]:
    return PERMISSIONS


@hookimpl
def message_kinds() -> Sequence[MessageKind]:
    return KINDS


@hookimpl
async def startup(context: Context) -> None:
    kept_methods(context).listen(context)
    kept_zones(context).listen(context)
    if not issuing.is_automatic(context):
        context.engine.outbox.spare("orders", checkout.order_placed, checkout.order_changed)


@hookimpl
def ready_operations() -> Sequence[Operation]:
    return OPERATIONS


@hookimpl
def scheduled_jobs() -> Sequence[Job]:
    return (
        *JOBS,
        *reconciling.JOBS,
        *settling.JOBS,
        *confirming.JOBS,
        *counting.JOBS,
        *forgetting.JOBS,
    )


@hookimpl
async def payment_changed(context: Context, key: str) -> None:
    await reconciling.follow_payment(context, key)
    await settling.follow_payment(context, key)


@hookimpl
async def signed_in(context: Context, user_id: str, guest: str | None) -> None:
    if guest is not None:
        await merge_guest(context, user_id, guest)


@hookimpl
async def user_erased(context: Context, user_id: str) -> None:
    await remove_of_user(context, user_id)
    await forgetting.erase(context, user_id)


@hookimpl
async def personal_data(context: Context, user_id: str) -> Mapping[str, Any] | None:
    found = {
        "carts": await told_of(context, user_id),
        "orders": await forgetting.told_of(context, user_id),
    }
    return {name: entries for name, entries in found.items() if entries} or None


@hookimpl
async def ticket_subjects(context: Context, ids: Sequence[str]) -> Sequence[TicketSubject] | None:
    return await tickets.subjects(context, ids)


@hookimpl
async def ticket_facts(context: Context, ids: Sequence[str]) -> Sequence[TicketFact] | None:
    return await tickets.facts(context, ids)
