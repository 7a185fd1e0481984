"""Asking a provider: never longer than it may take, and never believing what can't be."""

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime, timedelta
from typing import get_args

from mercat.money import Amount
from mercat.payments import (
    ActionRequired,
    Declined,
    Done,
    Event,
    EventKind,
    Method,
    MethodQuestion,
    Outcome,
    PaymentProvider,
    Pending,
    Unsupported,
)
from mercat.storage import Record

SECONDS = 20.0
_METHODS_SECONDS = 5.0
_KINDS = (Done, Pending, ActionRequired, Declined)
_EVENTS = frozenset(get_args(EventKind))

_logger = logging.getLogger(__name__)


class AnswerError(Exception):
    """A provider answered what the protocol doesn't have."""


async def ask(
    provider: PaymentProvider, key: str, currency: str, call: Awaitable[Outcome]
) -> Outcome | None:
    """What a provider says, or None where it can't be known; nothing is raised.

    What it raises is logged by its type alone, since its words may hold what is secret.
    """
    try:
        async with asyncio.timeout(SECONDS):
            outcome = await call
        _check(isinstance(outcome, _KINDS))
        check_events(outcome.events, currency)
    except Unsupported:
        return Declined("unsupported", "this can't be done with this way to pay")
    except Exception as error:  # noqa: BLE001  whatever it raises, money may have moved
        _logger.warning("%s, %s: %s", provider.code, key, type(error).__name__)
        return None
    return outcome


async def ask_to_save(code: str, key: str, call: Awaitable[Outcome]) -> Outcome | None:
    """What a provider says of something to be kept, or None where it can't be known."""
    try:
        async with asyncio.timeout(SECONDS):
            outcome = await call
        _check(isinstance(outcome, _KINDS))
    except Exception as error:  # noqa: BLE001  its words may hold what is secret
        _logger.warning("%s, %s: %s", code, key, type(error).__name__)
        return None
    return outcome


def is_known(provider: PaymentProvider, asked: Record) -> bool:
    """Whether a provider still knows the key of what was asked; else it would be done anew."""
    since: datetime = asked["created_at"]
    return datetime.now(UTC) - since < timedelta(hours=provider.capabilities.key_hours)


async def events_of(provider: PaymentProvider, ref: str, currency: str) -> Sequence[Event]:
    """What a provider knows of a payment; nothing where it doesn't answer."""
    try:
        async with asyncio.timeout(SECONDS):
            events = await provider.fetch(ref)
        check_events(events, currency)
    except Unsupported:
        return ()
    except Exception as error:  # noqa: BLE001  it is asked again
        _logger.warning("%s, %s: %s", provider.code, ref, type(error).__name__)
        return ()
    return events


async def methods_of(
    provider: PaymentProvider, money: Amount, country: str | None = None
) -> Sequence[Method]:
    """The ways to pay that a provider offers; none where it doesn't answer."""
    try:
        async with asyncio.timeout(_METHODS_SECONDS):
            return await provider.methods(MethodQuestion(money, country))
    except Exception as error:  # noqa: BLE001  the others are offered all the same
        _logger.warning("%s offers nothing: %s", provider.code, type(error).__name__)
        return ()


def check_events(events: Sequence[Event], currency: str) -> None:
    """Raise AnswerError for what can't be, or is about another currency."""
    for event in events:
        _check(isinstance(event, Event) and event.kind in _EVENTS)
        _check(event.money.currency == currency and event.money.minor >= 0)


def _check(is_sound: bool) -> None:
    if not is_sound:
        raise AnswerError
