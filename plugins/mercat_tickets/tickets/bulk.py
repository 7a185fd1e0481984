"""Doing the same with many tickets: each by itself, so that one that can't holds up none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bson import ObjectId

from mercat.context import Context
from mercat.errors import DomainError, InvalidError
from mercat.storage import Record
from mercat_tickets.tickets.acting import assign, transition, update
from mercat_tickets.tickets.changing import seen
from mercat_tickets.tickets.opening import checked_tags
from mercat_tickets.tickets.sight import check_manages

MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What becomes of each; None, and nothing in `given`, leaves it as it is."""

    state: str | None = None
    assignee: str | None = None
    is_assigned: bool = False
    add_tags: Sequence[str] = ()
    remove_tags: Sequence[str] = ()
    given: Mapping[str, Any]


async def change_all(
    context: Context, keys: Sequence[ObjectId], wanted: Wanted
) -> list[Record | DomainError]:
    """The tickets in order as they are then, or why one can't be so. Raises InvalidError."""
    await check_manages(context)
    if not 1 <= len(keys) <= MOST:
        raise InvalidError(f"name 1 to {MOST} tickets", field=("ids",))
    add, remove = checked_tags(wanted.add_tags), set(checked_tags(wanted.remove_tags))
    found: list[Record | DomainError] = []
    for key in keys:
        try:
            found.append(await _change(context, key, wanted, add, remove))
        except DomainError as error:
            found.append(error)
    return found


async def _change(
    context: Context, key: ObjectId, wanted: Wanted, add: Sequence[str], remove: set[str]
) -> Record:
    ticket, _ = await seen(context, key)
    given = dict(wanted.given)
    if add or remove:
        tags = dict.fromkeys((*ticket["tags"], *add))
        given["tags"] = [tag for tag in tags if tag not in remove]
    if given:
        ticket = await update(context, key, given, None)
    if wanted.is_assigned:
        ticket = await assign(context, key, wanted.assignee, ticket["assignee"])
    if wanted.state is not None:
        ticket = await transition(context, key, wanted.state)
    return ticket
