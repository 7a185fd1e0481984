"""E-mail addresses: checked, and brought into one form, so that a mailbox has one account.

After Unicode TR 36 (2.10, NFKC) and UTS 46, as email-validator applies them: fullwidth letters are
plain ones, the domain is compared in its ASCII form, everything without regard to case. What people
can't see, or letters of several alphabets that look alike, is refused.
"""

import re
import unicodedata
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from mercat.errors import InvalidError

LONGEST = 254
"""Characters of an address (RFC 5321, 4.5.3.1.3, with erratum 1690)."""

_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}
_MARKS = {"Mn", "Me"}
_ALPHABETS = re.compile(r"LATIN|GREEK|CYRILLIC|ARMENIAN|CHEROKEE|COPTIC|GEORGIAN")
_TURKISH = "\u0130\u0131"  # i without its dot and I with one: two letters, or one, by the language


@dataclass(frozen=True, slots=True)
class Email:
    """An address as it is shown and written to, and the key that accounts are found by."""

    shown: str
    key: str


def email_of(text: str, field: tuple[str, ...] = ("email",)) -> Email:
    """The address of a text. Raises InvalidError for what is none, or is deceptive."""
    if len(text) > LONGEST:
        raise InvalidError(f"an address has at most {LONGEST} characters", field=field)
    folded = unicodedata.normalize("NFKC", text.strip())
    if _is_deceptive(folded):
        raise InvalidError("an address can't have such characters", field=field)
    try:
        found = validate_email(folded, check_deliverability=False, strict=True)
    except EmailNotValidError:
        raise InvalidError("this is no e-mail address", field=field) from None
    shown = f"{found.local_part}@{found.domain}"
    key = f"{_folded(found.local_part)}@{found.ascii_domain.casefold()}"
    if max(len(shown.encode()), len(key.encode())) > LONGEST:
        raise InvalidError(f"an address has at most {LONGEST} characters", field=field)
    return Email(shown, key)


def key_of(text: str) -> str | None:
    """The key of an address; None for what is none."""
    try:
        return email_of(text).key
    except InvalidError:
        return None


def _folded(local: str) -> str:
    return unicodedata.normalize("NFKC", local.casefold())


def _is_deceptive(text: str) -> bool:
    if any(unicodedata.category(one) in _UNSEEN or one in _TURKISH for one in text):
        return True
    return any(_is_mixed(label) for label in re.split(r"[@.]", text))


def _is_mixed(label: str) -> bool:
    """Whether letters of several alphabets look like those of one, or wear loose accents."""
    found = _alphabets(label)
    marked = any(unicodedata.category(one) in _MARKS for one in label)
    return len(found) > 1 or (bool(found) and marked)


def _alphabets(text: str) -> set[str]:
    """The alphabets of a text that have letters in common shapes (Unicode TS 39, 5.1)."""
    names = (unicodedata.name(one, "") for one in text if one.isalpha())
    return {found[0] for name in names if (found := _ALPHABETS.match(name))}
