"""Opening tickets: by customers and guests, and by staff for somebody else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId

from mercat import support
from mercat.context import Context
from mercat.emails import email_of
from mercat.errors import InvalidError, NotFoundError
from mercat.guessing import begin_try
from mercat.notifications import Message, tell
from mercat.storage import Record, Session, stored_now
from mercat.storage.encryption import encryption_of
from mercat.storage.idempotency import Result
from mercat.storage.pages import next_number
from mercat.texts import line_of, text_of
from mercat_auth.documents import UserDocument
from mercat_tickets.settings import TicketSettings
from mercat_tickets.sla.clocks import new_clocks
from mercat_tickets.tickets import feed
from mercat_tickets.tickets.access import tickets
from mercat_tickets.tickets.changing import Entry, Request, run, write_entries
from mercat_tickets.tickets.documents import COUNTER
from mercat_tickets.tickets.sight import Author, is_staff
from mercat_tickets.tickets.subjects import found_subjects, seller_of, stored_subject
from mercat_tickets.tickets.words import words_of

LONGEST_SUBJECT = 200
LONGEST_TEXT = 20_000
LONGEST_TAG = 40
MOST_TAGS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What somebody asks. `user`, `channel`, `priority` and `tags` are for staff."""

    subject: str
    text: str
    about: Sequence[str] = ()
    email: str | None = None
    name: str | None = None
    user: str | None = None
    channel: str | None = None
    priority: str | None = None
    tags: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Requester:
    """Whose a ticket is: a user's, or a guest's by their address."""

    user: str | None = None
    guest: str | None = None
    email: str | None = None
    name: str | None = None
    locale: str | None = None


async def open_ticket(context: Context, wanted: Opening, key: str | None) -> Record:
    """Open a ticket, once for each idempotency key.

    Raises InvalidError, NotFoundError for what it is about, ConflictError, RateLimitedError.
    """
    of_staff = await is_staff(context)
    if not of_staff:
        _check_is_for_everybody(wanted)
    requester = await _requester(context, wanted, of_staff=of_staff)
    ticket = await new_ticket(context, wanted, requester)
    text = text_of(wanted.text, ("text",), most=LONGEST_TEXT, least=1)
    author: Author = "STAFF" if of_staff and requester.user != context.viewer.user else "CUSTOMER"
    entry = Entry("OPENED", text=text, facts={"channel": ticket["channel"]})
    return await place(context, ticket, entry, author, _request(context, wanted, key))


async def place(
    context: Context, ticket: Record, entry: Entry, author: Author, request: Request
) -> Record:
    """Store a new ticket with its first message, once for each key; the one that is there then."""
    words = words_of(str(ticket["number"]), ticket["subject"], entry.text or "")
    new = {**ticket, "words": words, "public_words": words}

    async def work(session: Session) -> Result:
        await tickets(context).insert_one(new, session=session)
        await write_entries(
            context, session, ticket["_id"], 1, [entry], author, ticket["opened_at"]
        )
        found = str(ticket["_id"])
        await context.engine.outbox.add(session, support.ticket_opened, context, found)
        for kind in ("tickets.opened", "tickets.waiting"):
            await tell(context, session, Message(f"{found}:1", kind, found))
        return {"ticket": found}

    done = await run(context, work, request)
    found: Record | None = await tickets(context).find_one({"_id": ObjectId(done["ticket"])})
    if found is None:
        raise NotFoundError("this ticket is gone by now")
    await feed.publish(context, found)
    return found


def checked_tags(given: Sequence[str]) -> list[str]:
    """Tags as they are stored: small letters, each once. Raises InvalidError."""
    found = [line_of(tag, ("tags",), most=LONGEST_TAG, least=1).casefold() for tag in given]
    if len(found) > MOST_TAGS:
        raise InvalidError(f"a ticket has {MOST_TAGS} tags at most", field=("tags",))
    return list(dict.fromkeys(found))


def _check_is_for_everybody(wanted: Opening) -> None:
    for name, value in (
        ("requesterId", wanted.user),
        ("channel", wanted.channel),
        ("priority", wanted.priority),
        ("tags", wanted.tags),
    ):
        if value:
            raise InvalidError("only the shop's staff says this", field=(name,))


async def _requester(context: Context, wanted: Opening, *, of_staff: bool) -> Requester:
    """Whose ticket it is: who asks, or whom staff names."""
    viewer = context.viewer
    if of_staff and wanted.user is not None:
        return Requester(user=await _known_user(context, wanted.user))
    if of_staff and wanted.email is not None:
        return _guest(wanted, None, None)
    if viewer.user is not None:
        if wanted.email is not None:
            raise InvalidError("answers go to your account's address", field=("email",))
        return Requester(user=viewer.user)
    if wanted.email is None:
        raise InvalidError("say to which address the answer goes", field=("email",))
    found = _guest(wanted, viewer.guest, context.locale)
    await begin_try(
        context,
        "tickets",
        context.settings(TicketSettings).guest_tickets,
        "you opened many tickets",
    )
    return found


def _guest(wanted: Opening, guest: str | None, locale: str | None) -> Requester:
    email = email_of(wanted.email or "").shown
    name = line_of(wanted.name or "", ("name",), most=LONGEST_SUBJECT) or None
    return Requester(guest=guest, email=email, name=name, locale=locale)


async def _known_user(context: Context, key: str) -> str:
    users = context.storage.collection(UserDocument)
    known = ObjectId(key) if ObjectId.is_valid(key) else None
    if known is None or not await users.find_one({"_id": known, "state": {"$ne": "erased"}}):
        raise NotFoundError("there is no such account", field=("requesterId",))
    return key


async def new_ticket(context: Context, wanted: Opening, requester: Requester) -> Record:
    """A ticket as it is stored, without words. Raises InvalidError, NotFoundError."""
    subjects = await found_subjects(context, wanted.about)
    ticket = {
        **await _sealed(context, requester),
        "_id": ObjectId(),
        "number": await next_number(context.storage, COUNTER),
        "subject": line_of(wanted.subject, ("subject",), most=LONGEST_SUBJECT, least=1),
        "state": "OPEN",
        "priority": wanted.priority or "NORMAL",
        "channel": wanted.channel or "WEB",
        "tags": checked_tags(wanted.tags),
        "locale": requester.locale or context.shop.locale,
        "assignee": None,
        "team": None,
        "seller": seller_of(context, subjects),
        "subjects": [stored_subject(one) for one in subjects],
        "rating": None,
        "rating_comment": "",
        "merged_into": None,
        **new_moments(stored_now()),
        "version": 1,
    }
    return {**ticket, **new_clocks(context, ticket, ticket["opened_at"])}


async def _sealed(context: Context, requester: Requester) -> Record:
    """Whose it is, as it is stored."""
    encryption = encryption_of(context)
    email, name = requester.email, requester.name
    return {
        "user": requester.user,
        "guest": requester.guest,
        "email": None if email is None else await encryption.seal(email),
        "name": None if name is None else await encryption.seal(name),
        "email_digest": "" if email is None else digest_of(context, email),
    }


def digest_of(context: Context, email: str) -> str:
    """What tickets of a guest's address are found by."""
    return encryption_of(context).digest(email_of(email).key)


def new_moments(now: datetime) -> Record:
    """The dates of a ticket that is opened."""
    return {
        "opened_at": now,
        "updated_at": now,
        "first_replied_at": None,
        "solved_at": None,
        "closed_at": None,
    }


def _request(context: Context, wanted: Opening, key: str | None) -> Request:
    viewer = context.viewer
    asked = [wanted.subject, wanted.text, *wanted.about, wanted.email, wanted.user]
    return Request(f"ticket {viewer.user or viewer.guest or wanted.email}", key, asked)
