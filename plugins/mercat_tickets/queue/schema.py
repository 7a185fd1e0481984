"""How the queue of tickets is followed."""

# mypy: allow-untyped-decorators

import contextlib
from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry

from mercat.auth import Subject, check_allowed
from mercat.context import Context
from mercat.errors import InvalidError
from mercat.graphql.context import Info
from mercat.graphql.extend import Subscription, extend
from mercat_tickets.permissions import SELL
from mercat_tickets.queue.watching import watch_of
from mercat_tickets.tickets.inputs import TicketFilter
from mercat_tickets.tickets.reading import Wanted, condition_of, matches
from mercat_tickets.tickets.sight import check_manages, is_staff, sight_of
from mercat_tickets.tickets.types import Ticket


@strawberry.type(description="A ticket of a queue that changed.")
class TicketQueueChange:
    is_in: bool = strawberry.field(
        description="Whether the filter finds it now; where not, it isn't in the queue any more."
    )
    ticket: Ticket = strawberry.field(description="The ticket as it is now.")


@extend(Subscription)
class TicketQueueSubscription:
    @strawberry.subscription(
        description="Tickets that a filter finds, or found until now, whenever one of them changes:"
        " everybody's with `tickets.manage`, and with `sellerId` those that one's own seller"
        " answers. What changed twice since the last look is told once."
    )
    @staticmethod
    async def ticket_queue_changed(
        info: Info,
        filter: Annotated[  # noqa: A002
            TicketFilter | None, strawberry.argument(description="Which ones.")
        ] = None,
    ) -> AsyncGenerator[TicketQueueChange, None]:
        context = info.context
        wanted = Wanted() if filter is None else filter.wanted()
        await _check(context, wanted)
        await condition_of(context, wanted)  # says what can't be looked for
        async with contextlib.aclosing(watch_of(context).changes()) as moments:
            async for changed in moments:
                by_staff = await _check(context, wanted)
                for ticket, before in changed:
                    is_in = matches(wanted, ticket, by_staff=by_staff)
                    was_in = (
                        ticket["version"] > 1
                        if before is None
                        else matches(wanted, before, by_staff=by_staff)
                    )
                    sight = await sight_of(context, ticket) if is_in or was_in else None
                    if sight is not None:
                        shown = Ticket(record=ticket, sight=sight)
                        yield TicketQueueChange(is_in=is_in, ticket=shown)


async def _check(context: Context, wanted: Wanted) -> bool:
    """Whether the viewer is of the shop's staff; asked anew at each change.

    Raises UnauthenticatedError, ForbiddenError, and InvalidError for an address.
    """
    if wanted.email is not None:
        raise InvalidError("a queue isn't followed by address", field=("filter", "email"))
    seller = context.viewer.seller
    if await is_staff(context):
        return True
    if wanted.seller is None or wanted.seller != seller:
        await check_manages(context)
    await check_allowed(context, SELL, Subject("Ticket", seller=seller))
    return False
