"""How tickets are asked for."""

from enum import Enum
from typing import Annotated

import strawberry

from mercat.auth import Subject, check_allowed
from mercat.errors import InvalidError
from mercat.graphql.connections import (
    After,
    Before,
    Connection,
    First,
    Last,
    connection,
    page_request,
)
from mercat.graphql.context import Info
from mercat.graphql.extend import Query, extend
from mercat.ids import object_id
from mercat_auth.schema import User
from mercat_tickets.permissions import MANAGE
from mercat_tickets.tickets import reading
from mercat_tickets.tickets.inputs import TicketFilter
from mercat_tickets.tickets.outcomes import shown
from mercat_tickets.tickets.reading import Wanted
from mercat_tickets.tickets.types import TYPE, Ticket

_TICKETS = "tickets"


@strawberry.enum(description="In which order tickets are listed.")
class TicketSort(Enum):
    NEWEST = strawberry.enum_value("NEWEST", description="Those opened last first.")
    OLDEST = strawberry.enum_value("OLDEST", description="Those opened first first.")


@extend(Query)
class TicketQuery:
    @strawberry.field(
        description="A ticket, by its id or its number, for its requester, who answers it, and for"
        " whoever has its secret; null where there is none."
    )
    @staticmethod
    async def ticket(
        info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Its id.")] = None,  # noqa: A002
        number: Annotated[str | None, strawberry.argument(description="Its number.")] = None,
        secret: Annotated[
            str | None,
            strawberry.argument(
                description="What its page has in its address, for who isn't signed in."
            ),
        ] = None,
    ) -> Ticket | None:
        if (id is None) == (number is None):
            raise InvalidError("give either `id` or `number`")
        key = None if id is None else object_id(id, TYPE)
        found = await reading.find_ticket(info.context, key=key, number=number, secret=secret)
        return None if found is None else Ticket(record=found[0], sight=found[1])

    @strawberry.field(
        description="The viewer's own tickets, with `tickets.manage` everybody's, and with"
        " `sellerId` those that a seller answers."
    )
    @staticmethod
    async def tickets(
        info: Info,
        filter: Annotated[  # noqa: A002
            TicketFilter | None, strawberry.argument(description="Which ones.")
        ] = None,
        sort: Annotated[
            TicketSort, strawberry.argument(description="In which order.")
        ] = TicketSort.NEWEST,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Ticket]:
        wanted = Wanted() if filter is None else filter.wanted()
        kind = f"{_TICKETS}:{sort.name}"
        return await listed(info, wanted, kind, sort, (first, after, last, before))


@extend(User)
class UserTickets:
    @strawberry.field(
        description="The tickets of the user, the newest first; for themselves, and with"
        " `tickets.manage`."
    )
    @staticmethod
    async def tickets(
        user: strawberry.Parent[User],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Ticket]:
        key = str(user.record["_id"])
        wanted = Wanted()
        if key != info.context.viewer.user:
            await check_allowed(info.context, MANAGE, Subject(TYPE, owner=key))
            wanted = Wanted(requester=key)
        return await listed(
            info, wanted, f"{_TICKETS}:{key}", TicketSort.NEWEST, (first, after, last, before)
        )


async def listed(
    info: Info,
    wanted: Wanted,
    kind: str,
    sort: TicketSort,
    place: tuple[int | None, str | None, int | None, str | None],
) -> Connection[Ticket]:
    """A page of tickets; `place` are the connection's arguments."""
    context, request = info.context, page_request(kind, *place)
    is_newest_first = sort is TicketSort.NEWEST
    page = await reading.ticket_page(context, wanted, request, newest_first=is_newest_first)

    async def count() -> int:
        return await reading.count_tickets(context, wanted)

    found = [await shown(context, one) for one in page.records]
    return connection(kind, page, [one for one in found if one is not None], count)
