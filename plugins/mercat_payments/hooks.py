from collections.abc import Mapping, Sequence
from typing import Any

from beanie import Document
from litestar.types import ControllerRouterHandler

from mercat.auth import Permission
from mercat.checkout import (
    CaptureStatus,
    CaptureWanted,
    Cart,
    PaymentMethod,
    PaymentStatus,
    PaymentWanted,
    RefundStatus,
    RefundWanted,
)
from mercat.context import Context
from mercat.engine import Engine
from mercat.hooks import hookimpl
from mercat.lifecycle import Job, SealedFields
from mercat.payments import Event
from mercat.support import TicketFact, TicketSubject
from mercat_payments import (
    capturing,
    inbox,
    offering,
    refunding,
    settling,
    starting,
    tickets,
    vault,
)
from mercat_payments.documents import (
    PaymentCustomerDocument,
    PaymentDocument,
    PaymentEventDocument,
    PaymentOperationDocument,
)
from mercat_payments.keeping import SavedMethodMutation, SavedMethodQuery
from mercat_payments.mutations import PaymentMutation
from mercat_payments.permissions import PERMISSIONS
from mercat_payments.providers import providers_of
from mercat_payments.routes import webhook_route
from mercat_payments.schema import PaymentQuery, PaymentSubscription
from mercat_payments.sealing import FIELDS
from mercat_payments.types import OrderPayments


@hookimpl
def documents() -> Sequence[type[Document]]:
    return [
        PaymentCustomerDocument,
        PaymentDocument,
        PaymentEventDocument,
        PaymentOperationDocument,
    ]


@hookimpl
def sealed_fields() -> Sequence[SealedFields]:
    return [SealedFields(PaymentDocument, FIELDS)]


@hookimpl
def schema() -> Sequence[type]:
    return [
        PaymentQuery,
        PaymentMutation,
        PaymentSubscription,
        OrderPayments,
        SavedMethodQuery,
        SavedMethodMutation,
    ]


@hookimpl
def permissions() -> Sequence[Permission]:
    return PERMISSIONS


@hookimpl
def routes(engine: Engine) -> Sequence[ControllerRouterHandler]:
    providers_of(engine.context())  # what is wrong with them stops the boot
    return [webhook_route(engine)]


@hookimpl
def scheduled_jobs() -> Sequence[Job]:
    return settling.JOBS


@hookimpl
async def payment_methods(context: Context, cart: Cart, total: int) -> Sequence[PaymentMethod]:
    return await offering.methods(context, cart, total)


@hookimpl
async def payment_start(context: Context, wanted: PaymentWanted) -> PaymentStatus | None:
    return await starting.start(context, wanted)


@hookimpl
async def payment_status(context: Context, key: str) -> PaymentStatus | None:
    return await settling.status(context, key)


@hookimpl
async def payment_end(context: Context, key: str, reason: str) -> PaymentStatus | None:
    return await settling.end(context, key, reason)


@hookimpl
async def payment_events(context: Context, provider: str, events: Sequence[Event]) -> None:
    await inbox.take(context, provider, events)


@hookimpl
async def payment_capture(context: Context, wanted: CaptureWanted) -> CaptureStatus | None:
    return await capturing.capture(context, wanted)


@hookimpl
async def payment_refund(context: Context, wanted: RefundWanted) -> RefundStatus | None:
    return await refunding.refund(context, wanted)


@hookimpl
async def user_erased(context: Context, user_id: str) -> None:
    await vault.forget(context, user_id)


@hookimpl
async def personal_data(context: Context, user_id: str) -> Mapping[str, Any] | None:
    found = await vault.told_of(context, user_id)
    return {"payment_customers": found} if found else None


@hookimpl
async def ticket_subjects(context: Context, ids: Sequence[str]) -> Sequence[TicketSubject] | None:
    return await tickets.subjects(context, ids)


@hookimpl
async def ticket_facts(context: Context, ids: Sequence[str]) -> Sequence[TicketFact] | None:
    return await tickets.facts(context, ids)
