"""Counting in Redis, and in this process while Redis doesn't answer."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.exceptions import RedisError

from mercat.context import Context
from mercat.engine import Engine
from mercat_auth.limits.memory import MemoryCounters
from mercat_auth.limits.places import Place
from mercat_auth.limits.rules import Rule
from mercat_auth.limits.shared import SharedCounters

T = TypeVar("T")

_ANSWER_SECONDS = 0.5
_RETRY_SECONDS = 2.0

_logger = logging.getLogger(__name__)


class Counters:
    """One engine's. It fails closed: while Redis is away each process counts by the same rules."""

    def __init__(self, engine: Engine) -> None:
        self._shared = SharedCounters(engine.storage.redis)
        self._own = MemoryCounters()
        self._away_until = 0.0

    async def attempt(self, place: Place, rule: Rule, *, is_known: bool = False) -> float:
        """How many seconds an attempt has to wait; counts one that has not, where it counts."""
        counts = rule.counts_first
        return await self._ask(
            lambda: self._shared.attempt(place, rule, is_known=is_known, counts=counts),
            lambda: self._own.attempt(place, rule, is_known=is_known, counts=counts),
        )

    async def count(self, place: Place, rule: Rule) -> None:
        """Count an attempt that failed."""
        await self._ask(
            lambda: self._shared.count(place, rule, is_known=False),
            lambda: self._own.count(place, rule, is_known=False),
        )

    async def forgive(self, place: Place, rule: Rule, *others: str) -> None:
        """Take back an attempt that succeeded; `others` are counters to be forgotten too."""
        await self._ask(
            lambda: self._shared.forgive(place, rule, *others),
            lambda: self._own.forgive(place, rule, *others),
        )

    async def _ask(self, shared: Callable[[], Awaitable[T]], own: Callable[[], T]) -> T:
        if time.monotonic() >= self._away_until:
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    return await shared()
            except (RedisError, OSError, TimeoutError) as error:
                self._away_until = time.monotonic() + _RETRY_SECONDS
                _logger.warning(
                    "attempts are counted in this process alone; Redis does not answer: %s",
                    type(error).__name__,
                )
        return own()


def counters_of(context: Context) -> Counters:
    """The counters of the context's engine."""
    return context.engine.own(Counters, context.engine)
