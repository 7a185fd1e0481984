"""How it is said who is given tickets."""

# mypy: allow-untyped-decorators

from collections.abc import Sequence
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from mercat.errors import DomainError
from mercat.graphql.batching import batched
from mercat.graphql.context import Info
from mercat.graphql.extend import Mutation, Query, extend
from mercat.graphql.records import stored
from mercat.ids import encode_id, key_of
from mercat.storage import Record
from mercat_auth.schema import User
from mercat_tickets.agents import service
from mercat_tickets.tickets.outcomes import TicketError, to_error
from mercat_tickets.tickets.types import users_of

_USER_ID = "The id of the account."


async def _loads(agents: Sequence["TicketAgent"], info: Info) -> list[int]:
    users = [one.record["_id"] for one in agents]
    found = await service.loads(info.context, users)
    return [found[user] for user in users]


async def _users(agents: Sequence["TicketAgent"], info: Info) -> list[User | None]:
    return await users_of(info, [one.record["_id"] for one in agents])


@strawberry.type(description="Somebody who is given tickets.")
class TicketAgent:
    team: str | None = stored("team", "The team that they are in.")
    skills: list[str] = stored("skills", "What they are good at, such as `refunds` or `de`.")
    capacity: int = stored("capacity", "How many tickets they have at once; 0 for any number.")
    is_available: bool = stored("is_available", "Whether they are given tickets now.")
    version: int = stored("version", "Grows with each change, and each ticket they are given.")
    record: strawberry.Private[Record]

    user = batched("Their account; null for whom the viewer may not see.", _users)
    open_tickets = batched("How many tickets they have that aren't done.", _loads)

    @strawberry.field(description="The id of their account.")
    def user_id(self) -> strawberry.ID:
        return strawberry.ID(encode_id("User", self.record["_id"]))


@strawberry.input(description="What somebody is given; what is left out stays.")
class TicketAgentUpdateInput:
    user_id: strawberry.ID = strawberry.field(description=_USER_ID)
    team: str | None = strawberry.field(default=UNSET, description="The team that they are in.")
    skills: list[str] | None = strawberry.field(
        default=UNSET,
        description="What they are good at: tags, languages, channels, and kinds of what tickets"
        " are about, such as `order`.",
    )
    capacity: int | None = strawberry.field(
        default=UNSET, description="How many tickets at once; 0 for any number."
    )
    is_available: bool | None = strawberry.field(
        default=UNSET, description="Whether they are given tickets now."
    )

    @property
    def given(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "skills": self.skills,
            "capacity": self.capacity,
            "is_available": self.is_available,
        }
        kept = {name: one for name, one in found.items() if one is not None and one is not UNSET}
        return kept if self.team is UNSET else {**kept, "team": self.team}


@strawberry.input(description="Who is given no tickets any more.")
class TicketAgentRemoveInput:
    user_id: strawberry.ID = strawberry.field(description=_USER_ID)


@strawberry.type(description="The outcome of saying who is given tickets.")
class TicketAgentPayload:
    agent: TicketAgent | None = strawberry.field(
        description="Who it is; null where it failed, and once they are removed."
    )
    user_errors: list[TicketError] = strawberry.field(description="What the caller can mend.")


@extend(Query)
class TicketAgentQuery:
    @strawberry.field(description="Everybody who is given tickets; needs `tickets.manage`.")
    @staticmethod
    async def ticket_agents(info: Info) -> list[TicketAgent]:
        return [TicketAgent(record=one) for one in await service.all_agents(info.context)]


@extend(Mutation)
class TicketAgentMutation:
    @strawberry.field(
        description="Have somebody given tickets, and say which; needs `tickets.manage`."
    )
    @staticmethod
    async def ticket_agent_update(
        info: Info,
        input: Annotated[TicketAgentUpdateInput, strawberry.argument(description="Who, what.")],  # noqa: A002
    ) -> TicketAgentPayload:
        try:
            user = key_of(input.user_id, "User", ("userId",))
            found = await service.set_agent(info.context, user, input.given)
        except DomainError as error:
            return TicketAgentPayload(agent=None, user_errors=[to_error(error)])
        return TicketAgentPayload(agent=TicketAgent(record=found), user_errors=[])

    @strawberry.field(
        description="Give somebody no tickets any more; those they have they keep. Needs"
        " `tickets.manage`."
    )
    @staticmethod
    async def ticket_agent_remove(
        info: Info,
        input: Annotated[TicketAgentRemoveInput, strawberry.argument(description="Who.")],  # noqa: A002
    ) -> TicketAgentPayload:
        try:
            await service.remove_agent(info.context, key_of(input.user_id, "User", ("userId",)))
        except DomainError as error:
            return TicketAgentPayload(agent=None, user_errors=[to_error(error)])
        return TicketAgentPayload(agent=None, user_errors=[])
