"""Headers of mails, which may be broken in any way."""

import re
from datetime import UTC, datetime
from email.errors import MessageError
from email.header import decode_header, make_header
from email.headerregistry import Address, AddressHeader, DateHeader
from email.message import EmailMessage
from email.policy import EmailPolicy
from typing import Any

from mercat_tickets.inbound.cleaning import line
from mercat_tickets.inbound.mails import Mailbox

_LONGEST = 4096
"""Characters of a header that are read: the parser's time grows with the square of their number."""

_PARSED = {"from", "to", "cc", "subject", "date"}
BROKEN = (MessageError, ArithmeticError, AttributeError, LookupError, RecursionError, ValueError)
"""What the standard library's parser raises, against its word, for headers that are broken."""

_ID = re.compile(r"<([^<>\s]{1,500})>")
_BARE_ID = re.compile(r"[^<>\s@]{1,250}@[^<>\s@]{1,250}")
_ADDRESS = re.compile(r"[^\s<>,;:()\"@]{1,64}@[^\s<>,;:()\"@]{1,255}")
_MOST_IDS = 100
_MOST_ADDRESSES = 100
_LONGEST_NAME = 200


class TolerantPolicy(EmailPolicy):
    """Headers as texts; those that people read are parsed, and stay texts where that fails.

    Bytes above 127 are UTF-8 (RFC 6532), or else Windows-1252.
    """

    def header_fetch_parse(self, name: str, value: str) -> Any:
        """The value of a header, of which no more is read than is safe."""
        text = _unfolded(value)[:_LONGEST]
        if name.lower() not in _PARSED:
            return text
        try:
            return super().header_fetch_parse(name, text)
        except BROKEN:
            return decoded(text)


def _unfolded(value: str) -> str:
    raw = "".join(value.splitlines()).strip().encode(errors="surrogateescape")
    return text_of(raw)


def text_of(raw: bytes) -> str:
    """Bytes of which nothing says what they are."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def decoded(text: str) -> str:
    """A text with encoded words (RFC 2047), as wrong as they are."""
    try:
        return str(make_header(decode_header(text)))
    except BROKEN:
        return text


def value(message: EmailMessage, name: str) -> str:
    """The first header of a name, as one clean line; empty where there is none."""
    return line(str(message.get(name, "")), _LONGEST)


def first_id(message: EmailMessage, name: str) -> str | None:
    """The first message id of a header, without its angle brackets (RFC 5322, 3.6.4)."""
    return next(iter(ids(message, name)), None)


def ids(message: EmailMessage, name: str) -> tuple[str, ...]:
    """The message ids of a header. Of more than a hundred the last ones are kept: the nearest."""
    found = value(message, name)
    return tuple((_ID.findall(found) or _BARE_ID.findall(found))[-_MOST_IDS:])


def sender(message: EmailMessage) -> Mailbox | None:
    """Who the mail is from: the first address of the first From."""
    header = message.get("from")
    parsed = header.addresses if isinstance(header, AddressHeader) else ()
    for one in parsed:
        if address := _spelt(one):
            return Mailbox(address, line(one.display_name, _LONGEST_NAME))
    found = _ADDRESS.search(str(header or ""))
    return Mailbox(_lowered(found[0])) if found else None


def addresses(message: EmailMessage, name: str) -> tuple[str, ...]:
    """The addresses of the first header of a name (RFC 5322, 3.6: there is no other)."""
    header = message.get(name)
    if isinstance(header, AddressHeader):
        return tuple(filter(None, map(_spelt, header.addresses)))[:_MOST_ADDRESSES]
    return _bare(str(header or ""))


def trace_addresses(message: EmailMessage, name: str) -> tuple[str, ...]:
    """The addresses of all headers of a name that each server on the way may have added."""
    return _bare(" ".join(map(str, message.get_all(name, [])[:_MOST_ADDRESSES])))


def _bare(text: str) -> tuple[str, ...]:
    return tuple(map(_lowered, _ADDRESS.findall(text)[:_MOST_ADDRESSES]))


def _spelt(one: Address) -> str:
    return _lowered(line(one.addr_spec, _LONGEST)) if one.username else ""


def _lowered(address: str) -> str:
    local, at, domain = address.rpartition("@")
    return local + at + domain.lower() if at else domain


def date(message: EmailMessage) -> datetime | None:
    """When its sender says that it was written, in UTC."""
    header = message.get("date")
    found = header.datetime if isinstance(header, DateHeader) else None
    if found is None:
        return None
    try:
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (OverflowError, ValueError):
        return None
