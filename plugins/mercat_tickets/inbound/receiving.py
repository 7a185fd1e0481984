"""What becomes of a mail that comes in: a reply, a new ticket, or nothing."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from mercat.context import Context
from mercat.emails import email_of
from mercat.emails import key_of as email_key
from mercat.errors import InvalidError
from mercat.storage import Record, stored_now
from mercat.storage.encryption import encryption_of
from mercat_auth.documents import UserDocument
from mercat_tickets.errors import ClosedError
from mercat_tickets.inbound import addresses
from mercat_tickets.inbound.loops import loop_reason
from mercat_tickets.inbound.mails import InboundMail, MailLimits
from mercat_tickets.inbound.parsing import read_mail
from mercat_tickets.inbound.quoting import new_part
from mercat_tickets.inbound.sanitising import sanitised, text_of
from mercat_tickets.inbound.settings import InboundSettings
from mercat_tickets.inbound.signatures import secret_of, verify
from mercat_tickets.settings import TicketSettings
from mercat_tickets.tickets.access import tickets
from mercat_tickets.tickets.changing import Change, Entry, Request, change
from mercat_tickets.tickets.opening import (
    LONGEST_SUBJECT,
    LONGEST_TEXT,
    Opening,
    Requester,
    digest_of,
    new_ticket,
    place,
)
from mercat_tickets.tickets.replying import asked_again

_WINDOW = timedelta(minutes=10)
_MOST_MERGED = 5
_LONGEST_HTML = 200_000
_NO_SUBJECT = "(no subject)"
_NO_TEXT = "(no text)"

_logger = logging.getLogger(__name__)


async def receive(
    context: Context, settings: InboundSettings, raw: bytes, headers: Mapping[str, str]
) -> str:
    """Take a signed mail in, once however often it comes; in a word what became of it.

    Raises SignatureError, and UnreadableMailError for what is no mail.
    """
    secrets = [secret_of(one.get_secret_value()) for one in settings.secrets]
    message = verify(raw, headers, secrets)
    limits = MailLimits(bytes=settings.max_bytes)
    mail = await asyncio.to_thread(read_mail, raw, limits)
    reason = loop_reason(mail, own_addresses={settings.mailbox.lower()})
    if reason is not None:
        return _ignored(str(reason))
    try:
        sender = email_of(mail.sender.address if mail.sender else "").shown
    except InvalidError:
        return _ignored("no_sender")
    return await _take(context, settings, mail, sender, mail.message_id or message)


async def _take(
    context: Context, settings: InboundSettings, mail: InboundMail, sender: str, message: str
) -> str:
    entry = await asyncio.to_thread(_entry, mail)
    request = Request(f"ticket mail {digest_of(context, sender)}", message[:255], "mail")
    ticket = await _addressed(context, settings, mail)
    if ticket is not None:
        try:
            found = await _reply(context, ticket, entry, sender, request)
        except ClosedError:
            _logger.info("a mail to a closed ticket opens another one")
        else:
            return f"replied {found['number']}"
    if await _has_many(context, sender):
        return _ignored("too_many")
    opened = await _open(context, mail, entry, sender, request)
    return f"opened {opened['number']}"


async def _reply(
    context: Context, ticket: Record, entry: Entry, sender: str, request: Request
) -> Record:
    days = context.settings(TicketSettings).reopen_days
    own = await _is_requesters(context, ticket, sender)
    message = Entry(
        "MESSAGE",
        text=entry.text,
        html=entry.html,
        facts={**entry.facts, "fromRequester": str(own).lower()},
    )

    def decide(stored: Record, now: datetime) -> Change:
        return asked_again(stored, message, now, days)

    return await change(context, ticket["_id"], "CUSTOMER", decide, request)


async def _open(
    context: Context, mail: InboundMail, entry: Entry, sender: str, request: Request
) -> Record:
    """A ticket of a guest: who a mail says that it is from is no proof of who has an account."""
    name = mail.sender.name[:LONGEST_SUBJECT] if mail.sender else ""
    requester = Requester(email=sender, name=name or None)
    subject = mail.subject.strip()[:LONGEST_SUBJECT] or _NO_SUBJECT
    wanted = Opening(subject=subject, text=entry.text or "", channel="EMAIL")
    ticket = await new_ticket(context, wanted, requester)
    first = Entry("OPENED", text=entry.text, html=entry.html, facts=entry.facts)
    return await place(context, ticket, first, "CUSTOMER", request)


def _entry(mail: InboundMail) -> Entry:
    """What is written in it; the text of its HTML where it has no other."""
    whole = mail.text.strip() or text_of(mail.html)
    text = new_part(whole).strip()[:LONGEST_TEXT] or _NO_TEXT
    html = sanitised(mail.html) if mail.html and len(mail.html) <= _LONGEST_HTML else None
    facts = {"channel": "EMAIL"}
    if mail.attachments:
        facts["attachments"] = ", ".join(one.name for one in mail.attachments)[:1_000]
    return Entry("MESSAGE", text=text, html=html or None, facts=facts)


async def _addressed(
    context: Context, settings: InboundSettings, mail: InboundMail
) -> Record | None:
    """The ticket whose address it was sent to; the one that it was merged into, where it was."""
    number = addresses.read(mail.recipients, settings.mailbox, [key_of(context)])
    if number is None:
        return None
    ticket: Record | None = await tickets(context).find_one({"number": number})
    for _ in range(_MOST_MERGED):
        if ticket is None or ticket["merged_into"] is None:
            break
        ticket = await tickets(context).find_one({"_id": ticket["merged_into"]})
    return ticket


async def _is_requesters(context: Context, ticket: Record, sender: str) -> bool:
    """Whether a mail says that it is from whose ticket it is."""
    if ticket["user"] is None:
        return bool(ticket["email_digest"] == digest_of(context, sender))
    users = context.storage.collection(UserDocument)
    found = await users.find_one({"email_key": email_key(sender)}, {"_id": 1})
    return found is not None and str(found["_id"]) == ticket["user"]


async def _has_many(context: Context, sender: str) -> bool:
    """Whether an address opened as many tickets lately as a guest may."""
    lately = {
        "email_digest": digest_of(context, sender),
        "opened_at": {"$gt": stored_now() - _WINDOW},
    }
    most = context.settings(TicketSettings).guest_tickets
    return int(await tickets(context).count_documents(lately)) >= most


def key_of(context: Context) -> bytes:
    """What addresses of replies are signed with; stored nowhere."""
    return encryption_of(context).digest("ticket reply addresses").encode()


def reply_address(context: Context, ticket: Record) -> str | None:
    """Where a reply to a ticket is sent to; None where no mails come in."""
    settings = context.settings(TicketSettings).inbound
    if settings is None:
        return None
    return addresses.make(ticket["number"], key_of(context), settings.mailbox)


def _ignored(reason: str) -> str:
    _logger.info("a mail was ignored: %s", reason)
    return f"ignored: {reason}"
