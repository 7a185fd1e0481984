"""The report of tickets, as it is asked for."""

from datetime import datetime
from typing import Annotated

import strawberry

from mercat.graphql.context import Info
from mercat.graphql.extend import Query, extend
from mercat_auth.schema import User
from mercat_tickets.reports.figures import Durations, Figures, Period, report
from mercat_tickets.tickets.types import TicketState, users_of


@strawberry.type(description="How long something took.")
class TicketDurations:
    count: int = strawberry.field(description="Of how many tickets it is known.")
    p50: int | None = strawberry.field(description="Within how many seconds half had it.")
    p90: int | None = strawberry.field(description="Within how many seconds 90 % had it.")


@strawberry.type(description="What became of some tickets.")
class TicketFigures:
    opened: int = strawberry.field(description="How many were opened.")
    solved: int = strawberry.field(description="How many of them are solved.")
    breached: int = strawberry.field(description="How many of them were late with something.")
    first_response: TicketDurations = strawberry.field(
        description="From their opening to the first answer."
    )
    resolution: TicketDurations = strawberry.field(
        description="From their opening until they were solved."
    )
    ratings: int = strawberry.field(description="How many were rated.")
    rating: float | None = strawberry.field(description="The mean of the ratings.")


@strawberry.type(description="How many tickets are in a state now.")
class TicketBacklog:
    state: TicketState = strawberry.field(description="The state.")
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="The tickets of a member of staff.")
class TicketAgentFigures:
    user: User | None = strawberry.field(
        description="Who has them; null for nobody, and for whom the viewer may not see."
    )
    figures: TicketFigures = strawberry.field(description="What became of them.")


@strawberry.type(description="The tickets with a tag; one with two tags counts with each.")
class TicketTagFigures:
    tag: str = strawberry.field(description="The tag.")
    figures: TicketFigures = strawberry.field(description="What became of them.")


@strawberry.type(description="How tickets are answered.")
class TicketReport:
    backlog: list[TicketBacklog] = strawberry.field(
        description="What isn't done now, whenever it was opened."
    )
    total: TicketFigures = strawberry.field(description="All that were opened then.")
    by_agent: list[TicketAgentFigures] = strawberry.field(description="By who has them now.")
    by_tag: list[TicketTagFigures] = strawberry.field(description="By tag.")


@strawberry.input(description="Which tickets a report is about.")
class TicketReportInput:
    from_: datetime = strawberry.field(name="from", description="Those opened then or later.")
    to: datetime = strawberry.field(description="Those opened before then; 366 days later at most.")


@extend(Query)
class TicketReportQuery:
    @strawberry.field(
        description="How quickly tickets are answered and solved; needs `tickets.manage`. As a"
        " table it is at `/reports/tickets.csv`."
    )
    @staticmethod
    async def ticket_report(
        info: Info,
        input: Annotated[TicketReportInput, strawberry.argument(description="Which tickets.")],  # noqa: A002
    ) -> TicketReport:
        found = await report(info.context, Period.of(input.from_, input.to))
        agents = list(found.by_agent)
        users = await users_of(info, agents)
        return TicketReport(
            backlog=[
                TicketBacklog(state=TicketState[name], count=count)
                for name, count in found.backlog.items()
            ],
            total=_shown(found.total),
            by_agent=[
                TicketAgentFigures(user=user, figures=_shown(found.by_agent[key]))
                for key, user in zip(agents, users, strict=True)
            ],
            by_tag=[
                TicketTagFigures(tag=tag, figures=_shown(some))
                for tag, some in found.by_tag.items()
            ],
        )


def _shown(found: Figures) -> TicketFigures:
    return TicketFigures(
        opened=found.opened,
        solved=found.solved,
        breached=found.breached,
        first_response=_durations(found.first_response),
        resolution=_durations(found.resolution),
        ratings=found.ratings,
        rating=found.rating,
    )


def _durations(found: Durations) -> TicketDurations:
    return TicketDurations(count=found.count, p50=found.p50, p90=found.p90)
