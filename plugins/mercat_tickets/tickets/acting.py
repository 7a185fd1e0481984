"""What is done with a ticket beside writing in it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bson import ObjectId

from mercat.context import Context
from mercat.errors import InvalidError, NotFoundError
from mercat.storage import Record, Session, stored_now
from mercat.texts import line_of, text_of
from mercat_auth.documents import UserDocument
from mercat_auth.roles.service import permissions_of
from mercat_tickets.errors import ClosedError, TakenError
from mercat_tickets.permissions import MANAGE
from mercat_tickets.settings import TicketSettings
from mercat_tickets.tickets import feed
from mercat_tickets.tickets.access import entries, tickets
from mercat_tickets.tickets.changing import (
    MESSAGES,
    Change,
    Entry,
    change,
    check_version,
    missing,
    seen,
    write,
)
from mercat_tickets.tickets.opening import LONGEST_SUBJECT, checked_tags
from mercat_tickets.tickets.replying import MOST_ENTRIES, state_entry
from mercat_tickets.tickets.sight import check_manages
from mercat_tickets.tickets.states import check_transition, moments
from mercat_tickets.tickets.words import with_words

_LONGEST_COMMENT = 2_000
_BEST = 5
_LONGEST_TEAM = 40


async def transition(
    context: Context,
    key: ObjectId,
    state: str,
    version: int | None = None,
    secret: str | None = None,
) -> Record:
    """Bring a ticket into a state. Raises NotFoundError, TransitionError, ClosedError, StaleError.

    Whoever answers may do so, and its requester may solve it and open it again.
    """
    _, sight = await seen(context, key, secret)
    days = context.settings(TicketSettings).reopen_days

    def decide(ticket: Record, now: datetime) -> Change | None:
        check_version(ticket, version)
        if ticket["state"] == state:
            return None
        check_transition(ticket, state, sight, now, days)
        return Change([state_entry(ticket["state"], state)], moments(ticket, state, now))

    return await change(context, key, sight.author, decide)


async def assign(
    context: Context, key: ObjectId, assignee: str | None, was: str | None = None
) -> Record:
    """Give a ticket to somebody, or to nobody with None, from whom it was with.

    Of two who take a ticket at once one has it. Raises NotFoundError, TakenError, ClosedError, and
    InvalidError for who answers no tickets.
    """
    await check_manages(context, key)
    if assignee is not None:
        await check_answers(context, assignee, ("assigneeId",))

    def decide(ticket: Record, _now: datetime) -> Change | None:
        _check_is_open(ticket)
        before = ticket["assignee"]
        if before == assignee:
            return None
        if before != was:
            raise TakenError("somebody else has this ticket", field=("assigneeId",))
        return assignment(ticket, assignee)

    return await change(context, key, "STAFF", decide)


def assignment(ticket: Record, to: str | None) -> Change:
    """A ticket that is given to somebody."""
    facts = {"from": ticket["assignee"], "to": to}
    return Change([Entry("ASSIGNED", is_internal=True, facts=facts)], {"assignee": to})


async def update(
    context: Context, key: ObjectId, given: Mapping[str, Any], version: int | None
) -> Record:
    """Change `subject`, `priority`, `tags` and `team`.

    Raises NotFoundError, InvalidError, ClosedError, StaleError.
    """
    await check_manages(context, key)
    values = {name: _CHECKS[name](value) for name, value in given.items()}

    def decide(ticket: Record, _now: datetime) -> Change | None:
        check_version(ticket, version)
        _check_is_open(ticket)
        changed = {name: one for name, one in values.items() if ticket[name] != one}
        if not changed:
            return None
        facts = {name: _shown(value) for name, value in changed.items()}
        return Change([Entry("UPDATED", is_internal=True, facts=facts)], changed)

    return await change(context, key, "STAFF", decide)


async def rate(
    context: Context, key: ObjectId, rating: int, comment: str, secret: str | None = None
) -> Record:
    """Say from 1 to 5 how good the help was, once the ticket is solved; a later word replaces it.

    Raises NotFoundError, InvalidError.
    """
    _, sight = await seen(context, key, secret)
    if not sight.is_requester:
        raise missing()
    if not 1 <= rating <= _BEST:
        raise InvalidError(f"this is from 1 to {_BEST}", field=("rating",))
    comment = text_of(comment, ("comment",), most=_LONGEST_COMMENT)

    def decide(ticket: Record, _now: datetime) -> Change | None:
        if ticket["state"] not in {"SOLVED", "CLOSED"}:
            raise InvalidError("rate the ticket once it is solved", field=("id",))
        values = {"rating": rating, "rating_comment": comment}
        if all(ticket[name] == value for name, value in values.items()):
            return None
        return Change([Entry("RATED", text=None, facts=values)], values)

    return await change(context, key, "CUSTOMER", decide)


async def merge(context: Context, source: ObjectId, target: ObjectId) -> Record:
    """Put what is written in one ticket behind what is in another of the same person, and close it.

    Raises NotFoundError, InvalidError, ClosedError.
    """
    await check_manages(context, source)
    if source == target:
        raise InvalidError("a ticket isn't merged with itself", field=("targetId",))

    async def work(session: Session) -> tuple[Record, Record]:
        loser = await _stored(context, session, source, "sourceId")
        winner = await _stored(context, session, target, "targetId")
        _check_can_merge(loser, winner)
        written = await _messages(context, session, loser)
        if winner["version"] + len(written) >= MOST_ENTRIES:
            raise InvalidError("both are too long to be one ticket", field=("targetId",))
        now = stored_now()
        merged = Entry("MERGED_FROM", is_internal=True, facts={"number": str(loser["number"])})
        into = Entry("MERGED", facts={"number": str(winner["number"])})
        gone = {**moments(loser, "CLOSED", now), "merged_into": target}
        words = {name: with_words(winner[name], loser[name]) for name in ("words", "public_words")}
        more, end = Change([merged, *written], words), Change([into], gone)
        done = await write(context, session, winner, more, "STAFF", now)
        if not done or not await write(context, session, loser, end, "STAFF", now):
            raise InvalidError("both tickets are being changed; try again")
        return loser, winner

    for one in await context.storage.transaction(work):
        await feed.publish(context, one)
    found, _ = await seen(context, target)
    return found


async def check_answers(context: Context, user: str, field: tuple[str, ...]) -> None:
    """Raise InvalidError where somebody can't have tickets."""
    users = context.storage.collection(UserDocument)
    key = ObjectId(user) if ObjectId.is_valid(user) else None
    found = None if key is None else await users.find_one({"_id": key, "state": "active"})
    if found is None or MANAGE not in await permissions_of(context, found["roles"]):
        raise InvalidError("this account doesn't answer tickets", field=field)


def _check_is_open(ticket: Record) -> None:
    if ticket["state"] == "CLOSED":
        raise ClosedError("this ticket is closed", field=("id",))


def _check_can_merge(loser: Record, winner: Record) -> None:
    _check_is_open(loser)
    _check_is_open(winner)
    whose = ("user", "email_digest", "guest")
    if any(loser[name] != winner[name] for name in whose):
        raise InvalidError("tickets of two people can't be one", field=("targetId",))
    if loser["seller"] != winner["seller"]:
        raise InvalidError("tickets of two sellers can't be one", field=("targetId",))


async def _stored(context: Context, session: Session, key: ObjectId, name: str) -> Record:
    found: Record | None = await tickets(context).find_one({"_id": key}, session=session)
    if found is None:
        raise NotFoundError("there is no such ticket", field=(name,))
    return found


async def _messages(context: Context, session: Session, ticket: Record) -> list[Entry]:
    """What is written in a ticket, as it goes into another one."""
    wanted = {"ticket": ticket["_id"], "kind": {"$in": list(MESSAGES)}}
    found = entries(context).find(wanted, session=session).sort("number", 1)
    return [
        Entry(
            "NOTE" if one["is_internal"] else "COPIED",
            is_internal=one["is_internal"],
            text=one["text"],
            html=one.get("html"),
            facts={**one["facts"], "number": str(ticket["number"])},
            origin=one,
        )
        async for one in found
    ]


def _shown(value: object) -> str:
    return " ".join(value) if isinstance(value, list) else str(value)


def _subject(given: str) -> str:
    return line_of(given, ("subject",), most=LONGEST_SUBJECT, least=1)


def _priority(given: str) -> str:
    return given


def _tags(given: Sequence[str]) -> list[str]:
    return checked_tags(given)


def checked_team(given: str | None) -> str | None:
    """The name of a team in small letters; None for none. Raises InvalidError."""
    if given is None:
        return None
    return line_of(given, ("team",), most=_LONGEST_TEAM, least=1).casefold()


_CHECKS: Mapping[str, Any] = {
    "subject": _subject,
    "priority": _priority,
    "tags": _tags,
    "team": checked_team,
}
