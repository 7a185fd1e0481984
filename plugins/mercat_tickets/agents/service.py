"""Who is given tickets."""

import contextlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pymongo import ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.errors import InvalidError, NotFoundError
from mercat.storage import Record
from mercat_tickets.agents.documents import TicketAgentDocument
from mercat_tickets.tickets.access import tickets
from mercat_tickets.tickets.acting import check_answers, checked_team
from mercat_tickets.tickets.opening import checked_tags
from mercat_tickets.tickets.sight import check_manages
from mercat_tickets.tickets.states import WORKING

MOST_AGENTS = 1_000
_MOST_TICKETS = 10_000
_NEVER = datetime(2000, 1, 1, tzinfo=UTC)


def agents(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(TicketAgentDocument)


async def all_agents(context: Context) -> list[Record]:
    """Everybody who is given tickets. Raises UnauthenticatedError, ForbiddenError."""
    await check_manages(context)
    return await agents(context).find().sort("_id", 1).to_list(MOST_AGENTS)


async def set_agent(context: Context, user: str, given: Mapping[str, Any]) -> Record:
    """Say what somebody is given: `team`, `skills`, `capacity` and `is_available`.

    Raises InvalidError for who answers no tickets.
    """
    await check_manages(context)
    await check_answers(context, user, ("userId",))
    values = {name: _CHECKS[name](value) for name, value in given.items()}
    with contextlib.suppress(DuplicateKeyError):
        await agents(context).insert_one({"_id": user, **_new()})
    found: Record | None = await agents(context).find_one_and_update(
        {"_id": user},
        {"$set": values, "$inc": {"version": 1}} if values else {"$inc": {"version": 1}},
        return_document=ReturnDocument.AFTER,
    )
    if found is None:
        raise NotFoundError("somebody removed them meanwhile", field=("userId",))
    return found


async def remove_agent(context: Context, user: str) -> None:
    """Give somebody no tickets any more; those they have they keep. Raises NotFoundError."""
    await check_manages(context)
    done = await agents(context).delete_one({"_id": user})
    if not done.deleted_count:
        raise NotFoundError("nobody with this id is given tickets", field=("userId",))


async def loads(context: Context, users: Sequence[str]) -> dict[str, int]:
    """How many tickets each of them has that aren't done."""
    steps: list[Record] = [
        {"$match": {"assignee": {"$in": list(users)}, "state": {"$in": list(WORKING)}}},
        {"$group": {"_id": "$assignee", "count": {"$sum": 1}}},
    ]
    counted = await (await tickets(context).aggregate(steps)).to_list()
    return {**dict.fromkeys(users, 0), **{one["_id"]: one["count"] for one in counted}}


def _new() -> Record:
    return {
        "team": None,
        "skills": [],
        "capacity": 0,
        "is_available": True,
        "given_at": _NEVER,
        "version": 0,
    }


def _capacity(given: int) -> int:
    if not 0 <= given <= _MOST_TICKETS:
        raise InvalidError(f"this is from 0 to {_MOST_TICKETS}", field=("capacity",))
    return given


_CHECKS: Mapping[str, Any] = {
    "team": checked_team,
    "skills": checked_tags,
    "capacity": _capacity,
    "is_available": bool,
}
