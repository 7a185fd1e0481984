"""Raw mails, as they are read."""

import re
from collections.abc import Mapping
from email.message import EmailMessage
from email.parser import BytesParser
from types import MappingProxyType
from typing import cast

from mercat_tickets.inbound import headers
from mercat_tickets.inbound.cleaning import line
from mercat_tickets.inbound.mails import InboundMail, MailLimits, UnreadableMailError
from mercat_tickets.inbound.parts import content_of

LOOP_HEADER = "x-mercat-loop"
"""What the shop's own mails about tickets have, so that it never answers itself."""

LOOP_HEADERS = (
    "auto-submitted",
    "content-type",
    "list-id",
    "list-unsubscribe",
    "precedence",
    "return-path",
    "x-auto-response-suppress",
    "x-autoreply",
    "x-autorespond",
    LOOP_HEADER,
)

_DELIVERED = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to")
_ORIGIN = ("from", "to", "subject", "date", "message-id", "received", "return-path")
_LONGEST_SUBJECT = 250

_MOST_LINES = 600_000
_MOST_BOUNDARIES = 20_000
_MOST_CONTAINERS = 50
_BOUNDARY = re.compile(rb"(?:^|[\r\n])--")
_CONTAINER = re.compile(rb"content-type[ \t]*:\s*(?:multipart|message)/", re.IGNORECASE)

DEFAULT_LIMITS = MailLimits()

_PARSER = BytesParser(policy=headers.TolerantPolicy())


def read_mail(raw: bytes, limits: MailLimits = DEFAULT_LIMITS) -> InboundMail:
    """The mail of its bytes (RFC 5322, MIME), as broken as it may be.

    It takes some 40 ms a MB, and up to 3 s for what is made to take long: call it in a thread.
    Raises UnreadableMailError, and nothing else, for what is no mail or larger than it may be.
    """
    _check_size(raw, limits)
    try:
        # An EmailPolicy makes no other messages.
        return _mail(cast("EmailMessage", _PARSER.parsebytes(raw)), limits)
    except (*headers.BROKEN, AssertionError, TypeError):
        raise UnreadableMailError("this mail is too broken to be read") from None


def _check_size(raw: bytes, limits: MailLimits) -> None:
    """Raises UnreadableMailError for what would take too much memory or time to parse."""
    if len(raw) > limits.bytes:
        raise UnreadableMailError(f"a mail has at most {limits.bytes} bytes")
    if raw.count(b"\n") + raw.count(b"\r") > 2 * _MOST_LINES:
        raise UnreadableMailError(f"a mail has at most {_MOST_LINES} lines")
    if _more(_BOUNDARY, raw, _MOST_BOUNDARIES):
        raise UnreadableMailError(f"a mail has at most {_MOST_BOUNDARIES} parts")
    if _more(_CONTAINER, raw, _MOST_CONTAINERS):
        raise UnreadableMailError(f"a mail has at most {_MOST_CONTAINERS} parts that have parts")


def _more(pattern: re.Pattern[bytes], raw: bytes, most: int) -> bool:
    return any(count >= most for count, _ in enumerate(pattern.finditer(raw)))


def _mail(message: EmailMessage, limits: MailLimits) -> InboundMail:
    if not any(name in message for name in _ORIGIN):
        raise UnreadableMailError("this is no mail: it has none of the headers of one")
    content = content_of(message, limits)
    delivered = [one for name in _DELIVERED for one in headers.trace_addresses(message, name)]
    return InboundMail(
        message_id=headers.first_id(message, "message-id"),
        in_reply_to=headers.first_id(message, "in-reply-to"),
        references=headers.ids(message, "references"),
        sender=headers.sender(message),
        to=headers.addresses(message, "to"),
        cc=headers.addresses(message, "cc"),
        delivered_to=tuple(dict.fromkeys(delivered)),
        subject=line(str(message.get("subject", "")), _LONGEST_SUBJECT),
        text="\n".join(content.texts),
        html="\n".join(content.htmls),
        attachments=tuple(content.attachments),
        date=headers.date(message),
        headers=_loop_headers(message),
        cut=content.cut,
    )


def _loop_headers(message: EmailMessage) -> Mapping[str, str]:
    found = {name: headers.value(message, name) for name in LOOP_HEADERS if name in message}
    return MappingProxyType(found)
