"""How many attempts are free, and how long the next one waits.

After OWASP's Authentication Cheat Sheet ("Login Throttling"), ASVS 5.0, 6.1.1 and 6.3.1, and "Slow
Down Online Guessing Attacks with Device Cookies" (owasp.org): guessing is slowed down for each
place that it comes from, and an account's owner has a place of their own, so that nobody else's
guesses shut them out.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from mercat_auth.settings import AuthSettings

Action: TypeAlias = Literal["login", "mfa", "reset", "register", "verify", "refresh"]

WINDOW_SECONDS = 3_600
_MOST_DOUBLINGS = 30
# A code has few digits; each request for a link or an account is a message to somebody.
_SHARES = {"mfa": 0.3, "reset": 0.1, "register": 0.1}
# What is tried there can't be guessed, and whoever is right comes often.
_AFTERWARDS = {"verify", "refresh"}
_PROVING = {"login", "mfa"}


@dataclass(frozen=True, slots=True)
class Rule:
    """The limits of one action.

    `free` attempts on an account from one place don't wait, then each waits twice as long as the
    one before, up to `longest` seconds. `strangers` is how many attempts on an account come from
    unknown places in an hour, `address` how many from one address before these wait too. With
    `counts_first` an attempt counts until it has succeeded, so that many at once are no way round.
    A success makes a place known where `proves`.
    """

    free: int
    longest: int
    strangers: int
    address: int
    counts_first: bool
    proves: bool
    known_seconds: int


def rule_of(settings: AuthSettings, action: str) -> Rule:
    """The rule of an action."""
    share = _SHARES.get(action, 1.0)
    return Rule(
        free=settings.free_attempts,
        longest=60 * settings.longest_wait_minutes,
        strangers=max(1, round(share * settings.stranger_attempts_per_hour)),
        address=settings.address_attempts_per_hour,
        counts_first=action not in _AFTERWARDS,
        proves=action in _PROVING,
        known_seconds=86_400 * settings.known_address_days,
    )


def delay(number: int, free: int, longest: int) -> int:
    """Seconds that the next attempt waits after so many: 0, then 1, 2, 4 and so on."""
    if number < free:
        return 0
    return int(min(longest, 2 ** min(number - free, _MOST_DOUBLINGS)))
