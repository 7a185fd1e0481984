"""What becomes of mutations of tickets, and what can be wrong with them."""

from collections.abc import Awaitable
from enum import Enum

import strawberry

from mercat.context import Context
from mercat.errors import DomainError
from mercat.graphql.errors import UserError, input_path
from mercat.storage import Record
from mercat_tickets.tickets.sight import sight_of
from mercat_tickets.tickets.types import Ticket


@strawberry.enum(description="What can be wrong with a ticket.")
class TicketErrorCode(Enum):
    INVALID = strawberry.enum_value("INVALID", description="A value is not what it must be.")
    NOT_FOUND = strawberry.enum_value("NOT_FOUND", description="There is no such thing.")
    STALE = strawberry.enum_value(
        "STALE", description="Somebody else changed it since it was read; read it again."
    )
    CLOSED = strawberry.enum_value("CLOSED", description="It takes no replies any more.")
    TRANSITION = strawberry.enum_value(
        "TRANSITION", description="It doesn't go from the state it is in to that one."
    )
    TAKEN = strawberry.enum_value("TAKEN", description="Somebody else has it.")
    CONFLICT = strawberry.enum_value(
        "CONFLICT", description="The idempotency key came with something else before."
    )


@strawberry.type(description="What is wrong with a ticket.")
class TicketError(UserError):
    code: TicketErrorCode = strawberry.field(description="What kind of error it is.")


@strawberry.type(description="The outcome of changing a ticket.")
class TicketPayload:
    ticket: Ticket | None = strawberry.field(description="The ticket; null where it failed.")
    user_errors: list[TicketError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="The outcome of `ticketOpen`.")
class TicketOpenPayload:
    ticket: Ticket | None = strawberry.field(description="The ticket; null where it failed.")
    secret: str | None = strawberry.field(
        description="With this a guest reads and answers it; who has it can do so too. Null for who"
        " is signed in."
    )
    user_errors: list[TicketError] = strawberry.field(description="What the caller can mend.")


@strawberry.type(description="What became of one of many tickets.")
class TicketBulkResult:
    ticket: Ticket | None = strawberry.field(description="The ticket; null where it failed.")
    user_errors: list[TicketError] = strawberry.field(description="Why it failed.")


@strawberry.type(description="The outcome of doing something with many tickets.")
class TicketBulkPayload:
    results: list[TicketBulkResult] = strawberry.field(
        description="One for each id, in order; none where nothing was tried."
    )
    user_errors: list[TicketError] = strawberry.field(description="What the caller can mend.")


async def payload(
    context: Context, work: Awaitable[Record], secret: str | None = None
) -> TicketPayload:
    try:
        ticket = await work
    except DomainError as error:
        return TicketPayload(ticket=None, user_errors=[to_error(error)])
    return TicketPayload(ticket=await shown(context, ticket, secret), user_errors=[])


async def to_result(context: Context, found: Record | DomainError) -> TicketBulkResult:
    if isinstance(found, DomainError):
        return TicketBulkResult(ticket=None, user_errors=[to_error(found)])
    return TicketBulkResult(ticket=await shown(context, found), user_errors=[])


async def shown(context: Context, ticket: Record, secret: str | None = None) -> Ticket | None:
    """A ticket as the viewer sees it, where they do."""
    sight = await sight_of(context, ticket, secret)
    return None if sight is None else Ticket(record=ticket, sight=sight)


def to_error(error: DomainError) -> TicketError:
    code = TicketErrorCode(error.code)
    return TicketError(field=input_path(error.field), message=str(error), code=code)
