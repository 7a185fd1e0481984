"""A mail is made anew each time that it is sent, of what is so then."""

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr

from mercat.context import Context
from mercat.notifications import Message
from mercat.storage import Record
from mercat.storage.encryption import encryption_of
from mercat_notifications.choices import is_wanted, unsubscribe_url
from mercat_notifications.kinds import kinds_of
from mercat_notifications.rendering import Rendered, templates_of
from mercat_notifications.settings import NotificationSettings

_NOBODY = "shop@localhost"


@dataclass(frozen=True, slots=True)
class Mail:
    """A whole mail, and where it goes. It may hold secrets: it is stored and logged nowhere."""

    to: str
    sender: str
    message: EmailMessage


async def make(context: Context, record: Record) -> Mail | None:
    """The mail of a row; None where it is not to be sent any more. Raises TemplateFaultError."""
    kind = kinds_of(context).find(record["kind"])
    if not kind.is_transactional and not await is_wanted(context, record):
        return None
    to = str(await encryption_of(context).unseal(record["to"]))
    about = Message(record["key"], record["kind"], record["subject"], to, record["locale"])
    facts = await kind.facts(context, about, record["locale"])
    if facts is None:
        return None
    leave = None if kind.is_transactional else unsubscribe_url(context, record)
    given = {**facts, "unsubscribe_url": leave}
    rendered = templates_of(context).render(kind, record["locale"], given)
    sender = context.settings(NotificationSettings).sender or _NOBODY
    message = composed(rendered, sender, to, record["created_at"])
    domain = parseaddr(sender)[1].rpartition("@")[2]
    message["Message-ID"] = f"<{record['_id']}@{_ascii(domain)}>"
    if leave is not None:
        message["List-Unsubscribe"] = f"<{leave}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return Mail(to, parseaddr(sender)[1], message)


def composed(rendered: Rendered, sender: str, to: str, moment: datetime) -> EmailMessage:
    """A mail with both parts (RFC 2046, 5.1.4), which no robot answers (RFC 3834, 5)."""
    name, address = parseaddr(sender)
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(name, addr_spec=address)
    message["To"] = Address(addr_spec=to)
    message["Subject"] = rendered.subject
    message["Date"] = moment
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(rendered.text)
    message.add_alternative(rendered.html, subtype="html")
    return message


def _ascii(domain: str) -> str:
    return domain.encode("idna").decode("ascii")
