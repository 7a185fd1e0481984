"""What is written in a ticket: replies of both sides, and notes among the shop's staff."""

from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId

from mercat.context import Context
from mercat.errors import InvalidError
from mercat.storage import Record
from mercat.texts import text_of
from mercat_tickets.settings import TicketSettings
from mercat_tickets.tickets.changing import Change, Entry, Request, change, seen
from mercat_tickets.tickets.opening import LONGEST_TEXT
from mercat_tickets.tickets.sight import Sight, check_manages
from mercat_tickets.tickets.states import check_takes_replies, check_transition, moments
from mercat_tickets.tickets.words import with_words, words_of

MOST_ENTRIES = 5_000
"""How long the history of a ticket gets before another ticket has to be opened."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A message, and the state that the ticket is in afterwards where whoever answers says so."""

    text: str
    state: str | None = None
    secret: str | None = None


async def reply(context: Context, key: ObjectId, wanted: Reply, request: str | None) -> Record:
    """Write a message that both sides see, once for each idempotency key.

    Raises NotFoundError, InvalidError, ClosedError, TransitionError, ConflictError.
    """
    _, sight = await seen(context, key, wanted.secret)
    text = text_of(wanted.text, ("text",), most=LONGEST_TEXT, least=1)
    if wanted.state is not None and not sight.answers:
        raise InvalidError("only who answers says this", field=("state",))
    days = context.settings(TicketSettings).reopen_days

    def decide(ticket: Record, now: datetime) -> Change:
        message = Entry("MESSAGE", text=text)
        return _said(ticket, message, _state_after(wanted, sight), sight, now, days)

    asked = [str(key), text, wanted.state]
    scope = f"ticket reply {context.viewer.user or context.viewer.guest or key}"
    return await change(context, key, sight.author, decide, Request(scope, request, asked))


async def note(context: Context, key: ObjectId, text: str, request: str | None) -> Record:
    """Write a note that the shop's staff alone sees. Raises NotFoundError, InvalidError."""
    await check_manages(context, key)
    await seen(context, key)
    text = text_of(text, ("text",), most=LONGEST_TEXT, least=1)

    def decide(ticket: Record, _now: datetime) -> Change:
        check_has_room(ticket)
        words = with_words(ticket["words"], words_of(text))
        return Change([Entry("NOTE", is_internal=True, text=text)], {"words": words})

    asked = Request(f"ticket note {context.viewer.user}", request, [str(key), text])
    return await change(context, key, "STAFF", decide, asked)


def state_entry(before: str, after: str) -> Entry:
    return Entry("STATE_CHANGED", facts={"from": before, "to": after})


def _state_after(wanted: Reply, sight: Sight) -> str:
    """Whoever asks waits for an answer; whoever answers waits for the other, or says otherwise."""
    return wanted.state or ("OPEN" if sight.author == "CUSTOMER" else "PENDING")


def asked_again(ticket: Record, message: Entry, now: datetime, days: int) -> Change:
    """A ticket with another message of its requester. Raises ClosedError, InvalidError."""
    return _said(ticket, message, "OPEN", Sight(is_requester=True), now, days)


def _said(
    ticket: Record, message: Entry, state: str, sight: Sight, now: datetime, days: int
) -> Change:
    check_takes_replies(ticket, now, days)
    check_has_room(ticket)
    entries, text = [message], message.text or ""
    words = words_of(text)
    values: Record = {
        "words": with_words(ticket["words"], words),
        "public_words": with_words(ticket["public_words"], words),
    }
    if sight.author != "CUSTOMER" and ticket["first_replied_at"] is None:
        values["first_replied_at"] = now
    if state != ticket["state"]:
        if sight.author != "CUSTOMER":
            check_transition(ticket, state, sight, now, days)
        entries.append(state_entry(ticket["state"], state))
        values |= moments(ticket, state, now)
    return Change(entries, values)


def check_has_room(ticket: Record) -> None:
    if ticket["version"] >= MOST_ENTRIES:
        raise InvalidError("this ticket is too long; open another one", field=("id",))
