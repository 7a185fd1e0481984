"""Changing a ticket: its values, and what its history says of it, in one transaction."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument

from mercat import notifications, support
from mercat.context import SYSTEM, Context
from mercat.errors import NotFoundError, StaleError
from mercat.notifications import Message
from mercat.storage import Record, Session, stored_now
from mercat.storage.idempotency import Result, idempotent
from mercat_tickets.sla import clocks
from mercat_tickets.tickets import feed
from mercat_tickets.tickets.access import entries, tickets
from mercat_tickets.tickets.sight import Author, Sight, sight_of

MESSAGES = ("OPENED", "MESSAGE", "NOTE", "COPIED")
"""The kinds of entries that have a text."""

_MOST_TRIES = 20


@dataclass(frozen=True, slots=True)
class Entry:
    """What the history says; the shop's staff alone sees what is internal.

    `origin` is the entry of another ticket that this one is a copy of.
    """

    kind: str
    is_internal: bool = False
    text: str | None = None
    html: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    origin: Record | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a ticket."""

    entries: Sequence[Entry]
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """An idempotency key, with what tells one request from another."""

    scope: str
    key: str | None
    asked: object


Decide = Callable[[Record, datetime], Change | None]
"""What becomes of a stored ticket; None where it is so already. Raises a DomainError."""


async def seen(context: Context, key: ObjectId, secret: str | None = None) -> tuple[Record, Sight]:
    """A ticket, and as what the viewer sees it. Raises NotFoundError."""
    ticket: Record | None = await tickets(context).find_one({"_id": key})
    sight = None if ticket is None else await sight_of(context, ticket, secret)
    if ticket is None or sight is None:
        raise missing()
    return ticket, sight


def missing() -> NotFoundError:
    return NotFoundError("there is no such ticket", field=("id",))


def check_version(ticket: Record, version: int | None) -> None:
    """Raise StaleError where somebody changed it since."""
    if version is not None and version != ticket["version"]:
        raise StaleError("somebody else changed the ticket; read it again", field=("version",))


async def change(
    context: Context,
    key: ObjectId,
    author: Author,
    decide: Decide,
    request: Request | None = None,
) -> Record:
    """Change a ticket as `decide` says of what is stored, which it may be asked more than once.

    Raises what it raises, NotFoundError, and ConflictError for a key that came with something else.
    """

    async def work(session: Session) -> Result:
        for _ in range(_MOST_TRIES):
            ticket = await tickets(context).find_one({"_id": key}, session=session)
            if ticket is None:
                raise missing()
            now = stored_now()
            wanted = decide(ticket, now)
            if wanted is None or await write(context, session, ticket, wanted, author, now):
                return {"ticket": str(key)}
        raise StaleError("too many change this ticket at once; try again")

    await run(context, work, request)
    found: Record | None = await tickets(context).find_one({"_id": key})
    if found is None:
        raise missing()
    await feed.publish(context, found)
    return found


async def run(
    context: Context, work: Callable[[Session], Awaitable[Result]], request: Request | None
) -> Result:
    """Work in a transaction, once for each key where there is one."""
    if request is None or request.key is None:
        return await context.storage.transaction(work)
    return await idempotent(
        context.storage, scope=request.scope, key=request.key, request=request.asked, work=work
    )


async def write(
    context: Context,
    session: Session,
    ticket: Record,
    wanted: Change,
    author: Author,
    now: datetime,
) -> bool:
    """Write a change of a ticket as it was read; False where it is another by now."""
    changed = await tickets(context).find_one_and_update(
        {"_id": ticket["_id"], "version": ticket["version"]},
        {
            "$set": {
                **wanted.values,
                **clocks.after(context, ticket, wanted.values, now),
                "updated_at": now,
            },
            "$inc": {"version": len(wanted.entries)},
        },
        return_document=ReturnDocument.AFTER,
        session=session,
    )
    if changed is None:
        return False
    first = ticket["version"] + 1
    await write_entries(context, session, ticket["_id"], first, wanted.entries, author, now)
    await _tell(context, session, ticket, wanted, author)
    return True


async def write_entries(
    context: Context,
    session: Session,
    ticket: ObjectId,
    first: int,
    wanted: Iterable[Entry],
    author: Author,
    now: datetime,
) -> None:
    """Add to a ticket's history, from that number on."""
    viewer = context.viewer
    by = {
        "at": now,
        "author": "SYSTEM" if viewer == SYSTEM else author,
        "user": viewer.user,
    }
    rows = [
        {
            "_id": ObjectId(),
            "ticket": ticket,
            "number": number,
            "kind": one.kind,
            **(by if one.origin is None else {name: one.origin[name] for name in by}),
            "is_internal": one.is_internal,
            "text": one.text,
            "html": one.html,
            "facts": dict(one.facts),
        }
        for number, one in enumerate(wanted, first)
    ]
    await entries(context).insert_many(rows, session=session)


async def _tell(
    context: Context, session: Session, before: Record, wanted: Change, author: Author
) -> None:
    """Have others told of it through the outbox."""
    engine, key = context.engine, str(before["_id"])
    for number, one in enumerate(wanted.entries, before["version"] + 1):
        if one.kind == "MESSAGE":
            await engine.outbox.add(session, support.ticket_replied, context, key, number)
    if wanted.values.get("state") == "CLOSED":
        await engine.outbox.add(session, support.ticket_closed, context, key)
    kind, number = _message(wanted, author)
    if kind is not None:
        about = f"{key}:{before['version'] + number}"
        await notifications.tell(context, session, Message(about, kind, about))


def _message(wanted: Change, author: Author) -> tuple[str | None, int]:
    """Which message people get of a change, and which of its entries it is about."""
    kinds = [one.kind for one in wanted.entries]
    is_answer = author in {"STAFF", "SELLER"}
    if is_answer and wanted.values.get("state") == "SOLVED":
        return "tickets.solved", 1
    if "MESSAGE" not in kinds:
        return None, 0
    return "tickets.replied" if is_answer else "tickets.waiting", kinds.index("MESSAGE") + 1
