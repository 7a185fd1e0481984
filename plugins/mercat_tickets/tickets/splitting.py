"""Making two tickets out of one that is about two things."""

from collections.abc import Sequence

from bson import ObjectId

from mercat import support
from mercat.context import Context
from mercat.errors import InvalidError, StaleError
from mercat.storage import Record, Session, stored_now
from mercat.storage.pages import next_number
from mercat.texts import line_of
from mercat_tickets.sla.clocks import new_clocks
from mercat_tickets.tickets import feed
from mercat_tickets.tickets.access import entries, tickets
from mercat_tickets.tickets.changing import (
    MESSAGES,
    Change,
    Entry,
    missing,
    write,
    write_entries,
)
from mercat_tickets.tickets.documents import COUNTER
from mercat_tickets.tickets.opening import LONGEST_SUBJECT, new_moments
from mercat_tickets.tickets.sight import check_manages
from mercat_tickets.tickets.words import words_of

_MOST = 100
_SAME = (
    *("user", "guest", "email", "name", "email_digest", "locale", "channel", "priority"),
    *("team", "seller", "subjects", "tags"),
)


async def split(context: Context, key: ObjectId, numbers: Sequence[int], subject: str) -> Record:
    """Open a ticket of the same person with copies of these messages, by their numbers.

    Raises NotFoundError, InvalidError, StaleError.
    """
    await check_manages(context, key)
    wanted = sorted(set(numbers))
    if not 1 <= len(wanted) <= _MOST:
        raise InvalidError(f"name 1 to {_MOST} messages", field=("numbers",))
    name = line_of(subject, ("subject",), most=LONGEST_SUBJECT, least=1)
    number = await next_number(context.storage, COUNTER)

    async def work(session: Session) -> Record:
        source = await tickets(context).find_one({"_id": key}, session=session)
        if source is None:
            raise missing()
        found = await _messages(context, session, key, wanted)
        ticket = _ticket(context, source, found, name, number)
        now = ticket["opened_at"]
        copies = [_copy(one, source, is_first=one is found[0]) for one in found]
        gone = Entry("SPLIT", is_internal=True, facts={"number": str(number)})
        await tickets(context).insert_one(ticket, session=session)
        await write_entries(context, session, ticket["_id"], 1, copies, "STAFF", now)
        if not await write(context, session, source, Change([gone]), "STAFF", now):
            raise StaleError("somebody else changed the ticket; try again")
        told = str(ticket["_id"])
        await context.engine.outbox.add(session, support.ticket_opened, context, told)
        return ticket

    made = await context.storage.transaction(work)
    for one in (made, {"_id": key}):
        await feed.publish(context, one)
    return made


async def _messages(
    context: Context, session: Session, key: ObjectId, numbers: Sequence[int]
) -> list[Record]:
    wanted = {"ticket": key, "number": {"$in": list(numbers)}, "kind": {"$in": list(MESSAGES)}}
    found = await entries(context).find(wanted, session=session).sort("number", 1).to_list()
    if len(found) != len(numbers):
        raise InvalidError("the ticket has no message with one of these", field=("numbers",))
    if found[0]["is_internal"]:
        raise InvalidError("the first one can't be a note", field=("numbers",))
    return found


def _ticket(
    context: Context, source: Record, found: Sequence[Record], subject: str, number: int
) -> Record:
    public = [one["text"] for one in found if not one["is_internal"]]
    every = [one["text"] for one in found]
    ticket = {
        **{name: source[name] for name in _SAME},
        "_id": ObjectId(),
        "number": number,
        "subject": subject,
        "state": "OPEN",
        "assignee": None,
        "words": words_of(str(number), subject, *every),
        "public_words": words_of(str(number), subject, *public),
        "rating": None,
        "rating_comment": "",
        "merged_into": None,
        **new_moments(stored_now()),
        "version": len(found),
    }
    return {**ticket, **new_clocks(context, ticket, ticket["opened_at"])}


def _copy(message: Record, source: Record, *, is_first: bool) -> Entry:
    kind = "OPENED" if is_first else "NOTE" if message["is_internal"] else "COPIED"
    facts = {"number": str(source["number"])}
    internal = message["is_internal"]
    return Entry(
        kind,
        is_internal=internal,
        text=message["text"],
        html=message.get("html"),
        facts=facts,
        origin=message,
    )
