"""What is read of a mail that came in, and how much of it is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mercat.errors import InvalidError


class UnreadableMailError(InvalidError):
    """What came in is no mail, or is larger than a mail may be; the text says which."""


@dataclass(frozen=True, slots=True)
class MailLimits:
    """How much of a mail is read.

    A mail of more `bytes` is refused, whereas of more parts, attachments or text what is over is
    left out, and the mail is marked as `cut`.
    """

    bytes: int = 25 * 1024 * 1024
    parts: int = 500
    depth: int = 20
    attachments: int = 50
    characters: int = 1_000_000
    """Of the text and of the HTML, each."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Who a mail is from. `address` is as it was written, but for the case of its domain.

    It need not be a good one: that of a bounce is sometimes just `MAILER-DAEMON`.
    """

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a mail. `name` is a file name without a folder, fit to be stored and shown.

    `content_type` is what the sender claims. `content_id` is what the HTML has after `cid:`.
    """

    name: str
    content_type: str
    data: bytes = field(repr=False)
    content_id: str | None = None


@dataclass(frozen=True, slots=True)
class InboundMail:
    """A mail that came in.

    Ids are without their angle brackets. `html` is as it was sent: never show it before
    `sanitised` made it safe. `date` is in UTC, and as true as the sender's clock. `headers` are
    those that tell loops (RFC 3834 and others), by their names in lower case.
    """

    message_id: str | None
    in_reply_to: str | None
    references: tuple[str, ...]
    sender: Mailbox | None
    to: tuple[str, ...]
    cc: tuple[str, ...]
    delivered_to: tuple[str, ...]
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    attachments: tuple[Attachment, ...]
    date: datetime | None
    headers: Mapping[str, str] = field(repr=False)
    cut: bool = False

    @property
    def recipients(self) -> tuple[str, ...]:
        """Every address it was sent to, those that the mail server named first."""
        return tuple(dict.fromkeys(self.delivered_to + self.to + self.cc))
