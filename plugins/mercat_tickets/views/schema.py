"""How filters of tickets are kept by a name."""

# mypy: allow-untyped-decorators

from collections.abc import Sequence
from typing import Annotated, Self

import strawberry

from mercat.errors import DomainError
from mercat.graphql.connections import After, Before, Connection, First, Last
from mercat.graphql.context import Info
from mercat.graphql.extend import Mutation, Query, extend
from mercat.graphql.records import stored
from mercat.graphql.schema import Node
from mercat.ids import encode_id, object_id
from mercat.storage import Record
from mercat_tickets.tickets.inputs import TicketFilter
from mercat_tickets.tickets.outcomes import TicketError, to_error
from mercat_tickets.tickets.schema import TicketSort, listed
from mercat_tickets.tickets.types import Ticket
from mercat_tickets.views import service

TYPE = "TicketView"
_IS_SHARED = "Whether it is everybody's of the shop's staff."


@strawberry.type(description="A filter of tickets that is kept by a name.")
class TicketView(Node):
    id: strawberry.ID = stored(
        "_id",
        "Opaque, and unique in the whole shop.",
        convert=lambda key: strawberry.ID(encode_id(TYPE, key)),
    )
    name: str = stored("name", "What it is called.")
    record: strawberry.Private[Record]

    @strawberry.field(description=_IS_SHARED)
    def is_shared(self) -> bool:
        return self.record["user"] is None

    @strawberry.field(description="The tickets that it finds now.")
    async def tickets(
        self,
        info: Info,
        sort: Annotated[
            TicketSort, strawberry.argument(description="In which order.")
        ] = TicketSort.NEWEST,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Ticket]:
        kind = f"ticketView:{self.record['_id']}:{sort.name}"
        wanted = service.wanted_of(self.record)
        return await listed(info, wanted, kind, sort, (first, after, last, before))

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        found = await service.views_by_key(info.context, keys)
        return [cls(record=found[key]) if key in found else None for key in keys]


@strawberry.input(description="A filter to be kept.")
class TicketViewSaveInput:
    name: str = strawberry.field(description="What it is called, 100 characters at most.")
    filter: TicketFilter = strawberry.field(description="What it finds.")
    is_shared: bool = strawberry.field(default=False, description=_IS_SHARED)


@strawberry.input(description="A view to be forgotten.")
class TicketViewDeleteInput:
    id: strawberry.ID = strawberry.field(description="The id of the view.")


@strawberry.type(description="The outcome of keeping a filter.")
class TicketViewPayload:
    view: TicketView | None = strawberry.field(
        description="The view; null where it failed, and once it is forgotten."
    )
    user_errors: list[TicketError] = strawberry.field(description="What the caller can mend.")


@extend(Query)
class TicketViewQuery:
    @strawberry.field(
        description="The viewer's own views and everybody's, by name; needs `tickets.manage`."
    )
    @staticmethod
    async def ticket_views(info: Info) -> list[TicketView]:
        return [TicketView(record=one) for one in await service.own_views(info.context)]


@extend(Mutation)
class TicketViewMutation:
    @strawberry.field(description="Keep a filter by a name; needs `tickets.manage`.")
    @staticmethod
    async def ticket_view_save(
        info: Info,
        input: Annotated[TicketViewSaveInput, strawberry.argument(description="What it finds.")],  # noqa: A002
    ) -> TicketViewPayload:
        try:
            wanted, is_shared = input.filter.wanted(), input.is_shared
            found = await service.save(info.context, input.name, wanted, is_shared=is_shared)
        except DomainError as error:
            return TicketViewPayload(view=None, user_errors=[to_error(error)])
        return TicketViewPayload(view=TicketView(record=found), user_errors=[])

    @strawberry.field(description="Forget a filter; needs `tickets.manage`.")
    @staticmethod
    async def ticket_view_delete(
        info: Info,
        input: Annotated[TicketViewDeleteInput, strawberry.argument(description="Which one.")],  # noqa: A002
    ) -> TicketViewPayload:
        try:
            await service.delete(info.context, object_id(input.id, TYPE, ("id",)))
        except DomainError as error:
            return TicketViewPayload(view=None, user_errors=[to_error(error)])
        return TicketViewPayload(view=None, user_errors=[])
