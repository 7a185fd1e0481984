"""The kinds of messages about tickets."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bson import ObjectId

from mercat.context import Context
from mercat.notifications import Message, MessageKind, Recipient, recipients_of
from mercat.storage import Record
from mercat.storage.encryption import encryption_of
from mercat_auth.documents import UserDocument
from mercat_tickets.inbound.receiving import reply_address
from mercat_tickets.tickets.access import entries, page_of, tickets

_TEMPLATES = Path(__file__).with_name("templates")


async def _requester(context: Context, message: Message) -> Sequence[Recipient]:
    """Whose ticket it is; nobody once that is erased."""
    ticket = await _ticket(context, message)
    if ticket is None:
        return ()
    if ticket["user"] is not None:
        return await _user(context, ticket["user"])
    if ticket["email"] is None:
        return ()
    email = await encryption_of(context).unseal(ticket["email"])
    return (Recipient(email, ticket["locale"]),)


async def _answerers(context: Context, message: Message) -> Sequence[Recipient]:
    """Who waits for what was asked: the seller's staff, and whoever of the shop's has it."""
    ticket = await _ticket(context, message)
    if ticket is None:
        return ()
    found = list(await recipients_of(context, ticket["seller"])) if ticket["seller"] else []
    assigned = await _user(context, ticket["assignee"]) if ticket["assignee"] else ()
    known = {one.to for one in found}
    return [*found, *(one for one in assigned if one.to not in known)]


async def _user(context: Context, user: str) -> Sequence[Recipient]:
    if not ObjectId.is_valid(user):
        return ()
    users = context.storage.collection(UserDocument)
    found = await users.find_one({"_id": ObjectId(user), "state": "active"})
    if found is None or not found.get("email"):
        return ()
    return (Recipient(found["email"], found.get("locale") or context.shop.locale, user),)


async def _facts(context: Context, message: Message, _locale: str) -> Mapping[str, Any] | None:
    ticket = await _ticket(context, message)
    if ticket is None:
        return None
    number = int(message.subject.partition(":")[2] or 1)
    entry = await entries(context).find_one({"ticket": ticket["_id"], "number": number})
    if entry is None or entry["is_internal"]:
        return None
    return {
        "reply_to": reply_address(context, ticket),
        "number": str(ticket["number"]),
        "subject": ticket["subject"],
        "text": entry["text"] or "",
        "author": entry["author"],
        "url": page_of(context, ticket),
    }


async def _answerers_facts(
    context: Context, message: Message, locale: str
) -> Mapping[str, Any] | None:
    """Without the page's address: with its secret one is the requester."""
    found = await _facts(context, message, locale)
    return None if found is None else {**found, "url": None, "reply_to": None}


async def _ticket(context: Context, message: Message) -> Record | None:
    key = ObjectId(message.subject.partition(":")[0])
    found: Record | None = await tickets(context).find_one({"_id": key})
    return found


def _sample(_locale: str) -> Mapping[str, Any]:
    return {
        "number": "1017",
        "subject": "Where is my parcel?",
        "text": "It should have come on Monday.\n\nCan you look?",
        "author": "STAFF",
        "url": "https://shop.example/tickets/1017",
        "at": datetime(2030, 5, 17, 9, 30, tzinfo=UTC),
    }


_REQUESTERS = {
    "opened": "A ticket was opened",
    "replied": "A ticket was answered",
    "solved": "A ticket was solved",
}

KINDS = (
    *(
        MessageKind(
            name=f"tickets.{name}",
            title=title,
            templates=_TEMPLATES,
            recipients=_requester,
            facts=_facts,
            sample=_sample,
        )
        for name, title in _REQUESTERS.items()
    ),
    MessageKind(
        name="tickets.waiting",
        title="Somebody waits for an answer",
        templates=_TEMPLATES,
        recipients=_answerers,
        facts=_answerers_facts,
        sample=_sample,
    ),
)
