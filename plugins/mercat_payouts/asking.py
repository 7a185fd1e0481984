"""Asking a provider: never longer than it may take, and never believing what can't be."""

import asyncio
import logging
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from mercat.payments import Declined, Done, Pending, Unsupported
from mercat.payouts import (
    Account,
    InformationNeeded,
    PayoutOutcome,
    PayoutProvider,
    Ready,
    Refused,
)
from mercat.storage import Record

T = TypeVar("T")

SECONDS = 20.0
FIRST_PAUSE = timedelta(seconds=30)
"""Longer than a call may take, so that nobody else makes it at the same time."""
MOST_ASKS = 40
"""How often a provider is asked again, which takes more than a day."""
_LONGEST_PAUSE = timedelta(hours=1)
_OUTCOMES = (Done, Pending, Declined)
_ACCOUNTS = (Ready, InformationNeeded, Refused)

_logger = logging.getLogger(__name__)


async def ask(
    provider: PayoutProvider, key: str, call: Awaitable[PayoutOutcome]
) -> PayoutOutcome | None:
    """What a provider says, or None where it can't be known; nothing is raised.

    What it raises is logged by its type alone, since its words may hold what is secret.
    """
    try:
        outcome = await _within(call, _OUTCOMES)
    except Unsupported:
        return Declined("unsupported", "the provider can't do this")
    except Exception as error:  # noqa: BLE001  whatever it raises, money may have moved
        _logger.warning("%s, %s: %s", provider.code, key, type(error).__name__)
        return None
    return outcome


async def ask_again_of(provider: PayoutProvider, key: str, ref: str) -> PayoutOutcome | None:
    """Where a transfer or a reversal stands, or None where the provider doesn't say.

    What can't be asked for stays unknown: it was begun, so it isn't declined.
    """
    try:
        return await _within(provider.fetch(ref), _OUTCOMES)
    except Exception as error:  # noqa: BLE001  it is asked again
        _logger.warning("%s, %s: %s", provider.code, key, type(error).__name__)
        return None


async def ask_for_account(
    provider: PayoutProvider, seller: str, call: Awaitable[Account]
) -> Account | None:
    """Where an account stands, or None where the provider doesn't say."""
    try:
        return await _within(call, _ACCOUNTS)
    except Exception as error:  # noqa: BLE001  it is asked again
        _logger.warning("%s, account of %s: %s", provider.code, seller, type(error).__name__)
        return None


async def _within(call: Awaitable[T], kinds: tuple[type, ...]) -> T:
    async with asyncio.timeout(SECONDS):
        answer = await call
    if not isinstance(answer, kinds):
        raise TypeError("the provider answered what the protocol doesn't have")
    return answer


def is_known(provider: PayoutProvider, asked: Record) -> bool:
    """Whether a provider still knows the key of what was asked; else it would be done anew."""
    since: datetime = asked["created_at"]
    return datetime.now(UTC) - since < timedelta(hours=provider.capabilities.key_hours)


def pause_after(asks: int) -> timedelta:
    """How long to wait before asking again: a minute, two and so on, to an hour."""
    return min(FIRST_PAUSE * (1 << min(asks, 20)), _LONGEST_PAUSE)
