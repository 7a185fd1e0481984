"""The parts of a mail: its text, its HTML, its files."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import compat32

from mercat_tickets.inbound import headers
from mercat_tickets.inbound.cleaning import file_name, lines
from mercat_tickets.inbound.mails import Attachment, MailLimits

_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}")
_UNKNOWN_TYPE = "application/octet-stream"
_TNEF = {"application/ms-tnef", "application/vnd.ms-tnef"}
_TNEF_NAME = "winmail.dat"
_TEXT = "text/plain"
_HTML = "text/html"
_FORWARDED = "message/rfc822"

_LEGACY = {"ascii": "cp1252", "iso8859-1": "cp1252", "gb2312": "gb18030", "gbk": "gb18030"}
"""What senders mean who name these (WHATWG Encoding, 4.2)."""

_NO_CHARSETS = {"punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined"}
"""Python's codecs of text that no mail is written in; the first takes quadratic time."""

_BROKEN = (*headers.BROKEN, AssertionError, TypeError)


@dataclass(slots=True)
class Content:
    """What the parts of a mail come to; `cut` says that some of it is left out."""

    texts: list[str] = field(default_factory=list)
    htmls: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    cut: bool = False


def content_of(message: EmailMessage, limits: MailLimits) -> Content:
    """The texts, the HTML and the files of a mail, in its order."""
    content = Content()
    for count, (part, depth) in enumerate(_walked(message)):
        if count >= limits.parts or depth > limits.depth:
            content.cut = True
            break
        if not _is_container(part):
            _take(content, part, limits)
    return content


def _walked(message: EmailMessage) -> Iterator[tuple[EmailMessage, int]]:
    waiting = [(message, 0)]
    while waiting:
        part, depth = waiting.pop()
        yield part, depth
        if _is_container(part):
            children = part.get_payload()
            waiting += [(one, depth + 1) for one in reversed(children)]  # type: ignore[arg-type]


def _is_container(part: EmailMessage) -> bool:
    return part.is_multipart() and part.get_content_maintype() == "multipart"


def _take(content: Content, part: EmailMessage, limits: MailLimits) -> None:
    type_ = _type_of(part)
    name = _name_of(part)
    if type_ in _TNEF or name.lower() == _TNEF_NAME:
        return
    attached = headers.value(part, "content-disposition").lower().startswith("attachment")
    if type_ in (_TEXT, _HTML) and not attached and not name:
        _add(content, content.texts if type_ == _TEXT else content.htmls, part, limits)
    elif len(content.attachments) >= limits.attachments:
        content.cut = True
    else:
        _attach(content, part, type_, name)


def _add(content: Content, texts: list[str], part: EmailMessage, limits: MailLimits) -> None:
    room = limits.characters - sum(map(len, texts))
    found = lines(_text_of(part))
    content.cut = content.cut or len(found) > room
    if room > 0 and found.strip():
        texts.append(found[:room])


def _attach(content: Content, part: EmailMessage, type_: str, name: str) -> None:
    data = _forwarded(part) if type_ == _FORWARDED else _data(part)
    if not data and not name:
        return
    if type_ == _FORWARDED and not name:
        name = "message.eml"
    content_id = headers.first_id(part, "content-id")
    content.attachments.append(Attachment(file_name(name), type_, data, content_id))


def _type_of(part: EmailMessage) -> str:
    found = part.get_content_type()
    return found if _TYPE.fullmatch(found) else _UNKNOWN_TYPE


def _name_of(part: EmailMessage) -> str:
    """The name that a file was sent with (RFC 2231, and RFC 2047 where it shouldn't be)."""
    try:
        return headers.decoded(part.get_filename() or "")
    except _BROKEN:
        return ""


def _text_of(part: EmailMessage) -> str:
    data = _data(part)
    try:
        named = part.get_content_charset() or "utf-8"
        codec = codecs.lookup(named).name
        if codec in _NO_CHARSETS:
            return headers.text_of(data)
        if codec in _LEGACY and _is_utf8(data):
            codec = "utf-8"
        return data.decode(_LEGACY.get(codec, codec), errors="replace")
    except _BROKEN:
        return headers.text_of(data)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _data(part: EmailMessage) -> bytes:
    try:
        found = part.get_payload(decode=True)
    except _BROKEN:
        return b""
    return found if isinstance(found, bytes) else b""


def _forwarded(part: EmailMessage) -> bytes:
    """The mail that is a file of this one, as it was sent but for the folding of its headers."""
    try:
        inner = part.get_payload(0)
        return inner.as_bytes(policy=compat32) if isinstance(inner, EmailMessage) else b""
    except _BROKEN:
        return b""
