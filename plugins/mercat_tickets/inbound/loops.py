"""Mails that no person wrote: an answer to one could be answered by a machine, without end."""

import re
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum

from mercat_tickets.inbound.mails import InboundMail
from mercat_tickets.inbound.parsing import LOOP_HEADER


class LoopReason(StrEnum):
    """Why a mail must not be answered by a machine."""

    OWN_MAIL = "own_mail"
    DELIVERY_REPORT = "delivery_report"
    EMPTY_RETURN_PATH = "empty_return_path"
    AUTO_SUBMITTED = "auto_submitted"
    AUTO_RESPONSE = "auto_response"
    SUPPRESSED = "suppressed"
    """A person may have written it, but asks for no answer by a machine."""

    MAILING_LIST = "mailing_list"
    PRECEDENCE = "precedence"
    SYSTEM_SENDER = "system_sender"


_PRECEDENCES = {"bulk", "junk", "list", "auto_reply", "auto-reply"}
_RESPONDERS = ("x-autoreply", "x-autorespond")
_SUPPRESSED = {"all", "autoreply", "oof"}
_LISTS = ("list-id", "list-unsubscribe")
_SYSTEMS = {
    "bounce",
    "bounces",
    "donotreply",
    "mailerdaemon",
    "noreply",
    "nepasrepondre",
    "postmaster",
}


def loop_reason(
    mail: InboundMail,
    *,
    own_domains: Collection[str] = (),
    own_addresses: Collection[str] = (),
) -> LoopReason | None:
    """Why a mail is no person's; None for what seems to be one's.

    `own_domains` are those of the Message-IDs that the shop makes, `own_addresses` those it sends
    from, all of them in lower case. After RFC 3834 (2 and 5), RFC 3462 for reports of delivery,
    RFC 2919 and 2369 for lists, and [MS-OXCMAIL] 2.1.3.2.20 for X-Auto-Response-Suppress.
    """
    if _is_own(mail, own_domains, own_addresses):
        return LoopReason.OWN_MAIL
    return next((reason for reason, holds in _SIGNS.items() if holds(mail)), None)


def _is_own(mail: InboundMail, domains: Collection[str], addresses: Collection[str]) -> bool:
    if LOOP_HEADER in mail.headers:
        return True
    if (mail.message_id or "").rpartition("@")[2].lower() in domains:
        return True
    return mail.sender is not None and _untagged(mail.sender.address) in addresses


def _is_report(mail: InboundMail) -> bool:
    return _word(mail, "content-type") == "multipart/report"


def _is_without_return(mail: InboundMail) -> bool:
    return _word(mail, "return-path") == "<>"


def _is_automatic(mail: InboundMail) -> bool:
    return _word(mail, "auto-submitted") not in ("", "no")


def _is_response(mail: InboundMail) -> bool:
    return any(_word(mail, name) not in ("", "no") for name in _RESPONDERS)


def _is_suppressed(mail: InboundMail) -> bool:
    words = mail.headers.get("x-auto-response-suppress", "").lower().split(",")
    return any(word.strip() in _SUPPRESSED for word in words)


def _is_of_list(mail: InboundMail) -> bool:
    return any(name in mail.headers for name in _LISTS)


def _is_bulk(mail: InboundMail) -> bool:
    return _word(mail, "precedence") in _PRECEDENCES


def _is_system(mail: InboundMail) -> bool:
    if mail.sender is None:
        return False
    local = _untagged(mail.sender.address).partition("@")[0]
    return re.sub(r"[-_.]", "", local) in _SYSTEMS


def _untagged(address: str) -> str:
    local, at, domain = address.lower().rpartition("@")
    name = (local if at else domain).partition("+")[0]
    return f"{name}@{domain}" if at else name


def _word(mail: InboundMail, name: str) -> str:
    """The first word of a header, without parameters and comments."""
    found = re.split(r"[\s;,(]", mail.headers.get(name, "").strip().lower(), maxsplit=1)
    return found[0]


_SIGNS: Mapping[LoopReason, Callable[[InboundMail], bool]] = {
    LoopReason.DELIVERY_REPORT: _is_report,
    LoopReason.EMPTY_RETURN_PATH: _is_without_return,
    LoopReason.AUTO_SUBMITTED: _is_automatic,
    LoopReason.AUTO_RESPONSE: _is_response,
    LoopReason.MAILING_LIST: _is_of_list,
    LoopReason.PRECEDENCE: _is_bulk,
    LoopReason.SYSTEM_SENDER: _is_system,
    LoopReason.SUPPRESSED: _is_suppressed,
}
"""The surest first: only of the last one a person may have written the mail."""
