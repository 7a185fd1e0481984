"""A mail is made anew each time that it is sent, of what is so then."""

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr

from mercat.context import Context
from mercat.emails import key_of
from mercat.notifications import Message
from mercat.storage import Record
from mercat.storage.encryption import encryption_of
from mercat_notifications.choices import is_wanted, unsubscribe_url
from mercat_notifications.kinds import kinds_of
from mercat_notifications.rendering import Rendered, templates_of
from mercat_notifications.settings import NotificationSettings

_NOBODY = "shop@localhost"
# Up to RFC 5322's limit (2.1.1): what is folded before that is an address in List-Unsubscribe, too,
# which becomes an encoded word that no mail program reads.
_POLICY = SMTP.clone(max_line_length=998, cte_type="7bit")


@dataclass(frozen=True, slots=True)
class Mail:
    """A whole mail, and where it goes. It may hold secrets: it is stored and logged nowhere."""

    to: str
    sender: str
    message: EmailMessage

    @property
    def raw(self) -> bytes:
        return self.message.as_bytes()

    @property
    def needs_utf8(self) -> bool:
        """Whether the server has to know RFC 6531."""
        return not self.to.isascii()


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
    name, address = parseaddr(sender)
    mailbox = _mailbox(to)
    message = composed(rendered, _mailbox(address, name), mailbox, record["created_at"])
    message["Message-ID"] = f"<{record['_id']}@{_mailbox(address).domain}>"
    if facts.get("reply_to"):
        message["Reply-To"] = _mailbox(facts["reply_to"])
    if leave is not None:
        message["List-Unsubscribe"] = f"<{leave}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return Mail(mailbox.addr_spec, _mailbox(address).addr_spec, message)


def composed(rendered: Rendered, sender: Address, to: Address, moment: datetime) -> EmailMessage:
    """A mail with both parts (RFC 2046, 5.1.4), which no robot answers (RFC 3834, 5)."""
    message = EmailMessage(policy=_POLICY.clone(utf8=not to.username.isascii()))
    message["From"] = sender
    message["To"] = to
    message["Subject"] = rendered.subject
    message["Date"] = moment
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(rendered.text)
    message.add_alternative(rendered.html, subtype="html")
    return message


def _mailbox(address: str, name: str = "") -> Address:
    """An address with its domain in ASCII (RFC 5890), so that any server takes it."""
    local, _, domain = address.rpartition("@")
    key = key_of(address)
    return Address(name, local, domain if key is None else key.rpartition("@")[2])
