"""How quickly tickets are answered and solved, of all, by who has them, and by tag."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mercat.context import Context
from mercat.errors import InvalidError
from mercat.storage import Record
from mercat_tickets.tickets.access import tickets
from mercat_tickets.tickets.sight import check_manages
from mercat_tickets.tickets.states import WORKING

MOST_DAYS = 366
MOST_TICKETS = 200_000

_READ = (*("opened_at", "first_replied_at", "solved_at", "assignee", "tags", "rating", "breaches"),)


@dataclass(frozen=True, slots=True)
class Period:
    """Tickets opened from `begin` on, before `end`."""

    begin: datetime
    end: datetime

    @staticmethod
    def of(begin: datetime, end: datetime) -> "Period":
        """Raises InvalidError for times without an offset, and for what isn't a year at most."""
        if begin.tzinfo is None or end.tzinfo is None:
            raise InvalidError("say with an offset when it begins and ends", field=("from",))
        if not timedelta() < end - begin <= timedelta(days=MOST_DAYS):
            raise InvalidError(f"a report is about {MOST_DAYS} days at most", field=("to",))
        return Period(begin, end)


@dataclass(frozen=True, slots=True)
class Durations:
    """Of how many tickets something is known, and in how many seconds half and 90 % had it."""

    count: int
    p50: int | None
    p90: int | None


@dataclass(frozen=True, slots=True)
class Figures:
    """Of some tickets; `rating` is the mean of the ratings."""

    opened: int
    solved: int
    breached: int
    first_response: Durations
    resolution: Durations
    ratings: int
    rating: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """`backlog` counts what isn't done now by state, whenever it was opened."""

    backlog: dict[str, int]
    total: Figures
    by_agent: dict[str | None, Figures]
    by_tag: dict[str, Figures]


async def report(context: Context, period: Period) -> Report:
    """The figures of a period. Raises UnauthenticatedError, ForbiddenError, InvalidError."""
    await check_manages(context)
    opened = {"opened_at": {"$gte": period.begin, "$lt": period.end}}
    found = await tickets(context).find(opened, dict.fromkeys(_READ, 1)).to_list(MOST_TICKETS + 1)
    if len(found) > MOST_TICKETS:
        raise InvalidError("there are too many tickets for a report; ask for fewer days")
    agents: dict[str | None, list[Record]] = {}
    tags: dict[str, list[Record]] = {}
    for one in found:
        agents.setdefault(one["assignee"], []).append(one)
        for tag in one["tags"]:
            tags.setdefault(tag, []).append(one)
    return Report(
        backlog=await _backlog(context),
        total=figures(found),
        by_agent={key: figures(some) for key, some in agents.items()},
        by_tag={key: figures(tags[key]) for key in sorted(tags)},
    )


def figures(some: Sequence[Record]) -> Figures:
    """The figures of these tickets."""
    ratings = [one["rating"] for one in some if one["rating"] is not None]
    return Figures(
        opened=len(some),
        solved=sum(one["solved_at"] is not None for one in some),
        breached=sum(bool(one.get("breaches")) for one in some),
        first_response=durations(_seconds(some, "first_replied_at")),
        resolution=durations(_seconds(some, "solved_at")),
        ratings=len(ratings),
        rating=round(sum(ratings) / len(ratings), 2) if ratings else None,
    )


def durations(seconds: Iterable[int]) -> Durations:
    """Percentiles by the nearest rank: the smallest that so many are no longer than."""
    ordered = sorted(seconds)
    if not ordered:
        return Durations(0, None, None)
    half, most = (ordered[-(-len(ordered) * share // 100) - 1] for share in (50, 90))
    return Durations(len(ordered), half, most)


def _seconds(some: Sequence[Record], name: str) -> list[int]:
    return [
        int((one[name] - one["opened_at"]).total_seconds()) for one in some if one[name] is not None
    ]


async def _backlog(context: Context) -> dict[str, int]:
    return {state: await tickets(context).count_documents({"state": state}) for state in WORKING}
