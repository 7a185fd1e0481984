from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from beanie import Document
from litestar.types import ControllerRouterHandler

from mercat.auth import Permission
from mercat.context import Context
from mercat.hooks import hookimpl
from mercat.lifecycle import Job, SealedFields
from mercat.notifications import MessageKind
from mercat_tickets.agents import assigning
from mercat_tickets.agents.documents import TicketAgentDocument
from mercat_tickets.agents.schema import TicketAgentMutation, TicketAgentQuery
from mercat_tickets.inbound.routes import inbound_route
from mercat_tickets.macros.documents import TicketMacroDocument
from mercat_tickets.macros.schema import TicketMacroMutation, TicketMacroQuery
from mercat_tickets.messages.kinds import KINDS
from mercat_tickets.permissions import PERMISSIONS
from mercat_tickets.queue.schema import TicketQueueSubscription
from mercat_tickets.queue.watching import watch_of
from mercat_tickets.reports.routes import report_route
from mercat_tickets.reports.schema import TicketReportQuery
from mercat_tickets.sla import breaches
from mercat_tickets.tickets import closing, forgetting
from mercat_tickets.tickets.documents import TicketDocument, TicketEntryDocument
from mercat_tickets.tickets.mutations import TicketMutation
from mercat_tickets.tickets.schema import TicketQuery, UserTickets
from mercat_tickets.tickets.streams import TicketSubscription
from mercat_tickets.views.documents import TicketViewDocument
from mercat_tickets.views.schema import TicketViewMutation, TicketViewQuery

if TYPE_CHECKING:
    from mercat.engine import Engine


@hookimpl
def documents() -> Sequence[type[Document]]:
    return [
        TicketDocument,
        TicketEntryDocument,
        TicketAgentDocument,
        TicketMacroDocument,
        TicketViewDocument,
    ]


@hookimpl
def sealed_fields() -> Sequence[SealedFields]:
    return [SealedFields(TicketDocument, ("email", "name"))]


@hookimpl
def schema() -> Sequence[type]:
    return [
        TicketQuery,
        UserTickets,
        TicketMutation,
        TicketSubscription,
        TicketQueueSubscription,
        TicketAgentQuery,
        TicketAgentMutation,
        TicketMacroQuery,
        TicketMacroMutation,
        TicketReportQuery,
        TicketViewQuery,
        TicketViewMutation,
    ]


@hookimpl
def routes(engine: "Engine") -> Sequence[ControllerRouterHandler]:
    return [report_route(engine), inbound_route(engine)]


@hookimpl
def permissions() -> Sequence[Permission]:
    return PERMISSIONS


@hookimpl
def scheduled_jobs() -> Sequence[Job]:
    return (*closing.JOBS, *breaches.JOBS)


@hookimpl
def message_kinds() -> Sequence[MessageKind]:
    return KINDS


@hookimpl
async def shutdown(context: Context) -> None:
    await watch_of(context).stop()


@hookimpl
async def ticket_opened(context: Context, ticket_id: str) -> None:
    await assigning.give(context, ticket_id)


@hookimpl
async def signed_in(context: Context, user_id: str, guest: str | None) -> None:
    await forgetting.take_over(context, user_id, guest)


@hookimpl
async def user_erased(context: Context, user_id: str) -> None:
    await forgetting.erase(context, user_id)


@hookimpl
async def personal_data(context: Context, user_id: str) -> Mapping[str, Any] | None:
    found = await forgetting.told_of(context, user_id)
    return {"tickets": found} if found else None
