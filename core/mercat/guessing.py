"""How many codes a caller may guess: counted in Redis, in this process while Redis is away."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from redis.exceptions import RedisError

from mercat.context import Context
from mercat.engine import Engine
from mercat.errors import RateLimitedError
from mercat.reach import network
from mercat.storage.encryption import encryption_of

_WINDOW_SECONDS = 600
_ANSWER_SECONDS = 0.5
_RETRY_SECONDS = 2.0
_MOST_CALLERS = 20_000

_logger = logging.getLogger(__name__)


class Tries:
    """One engine's counts. A try counts from before it is looked at until it turns out right."""

    def __init__(self, engine: Engine) -> None:
        self._redis = engine.storage.redis
        self._own: dict[str, tuple[int, float]] = {}
        self._away_until = 0.0

    async def begin(self, caller: str) -> tuple[int, int]:
        """Count a try: how many there are now, and for how many seconds that is remembered."""
        return await self._ask(lambda: self._begin(caller), lambda: self._add(caller, 1))

    async def forgive(self, caller: str) -> None:
        """Take back a try that was right."""
        await self._ask(lambda: self._forgive(caller), lambda: self._add(caller, -1))

    async def _begin(self, caller: str) -> tuple[int, int]:
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.incr(caller)
            pipeline.expire(caller, _WINDOW_SECONDS, nx=True)
            pipeline.ttl(caller)
            number, _, seconds = await pipeline.execute()
        return int(number), int(seconds)

    async def _forgive(self, caller: str) -> tuple[int, int]:
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.decr(caller)
            pipeline.expire(caller, _WINDOW_SECONDS, nx=True)  # it may have run out meanwhile
            number, _ = await pipeline.execute()
        return int(number), 0

    def _add(self, caller: str, number: int) -> tuple[int, int]:
        now = time.monotonic()
        if len(self._own) >= _MOST_CALLERS:
            self._own = {one: known for one, known in self._own.items() if known[1] > now}
        count, until = self._own.get(caller, (0, now + _WINDOW_SECONDS))
        if until <= now:
            count, until = 0, now + _WINDOW_SECONDS
        if caller not in self._own and len(self._own) >= _MOST_CALLERS:
            return _MOST_CALLERS, _WINDOW_SECONDS  # nobody tries uncounted
        self._own[caller] = count + number, until
        return count + number, max(1, round(until - now))

    async def _ask(
        self,
        shared: Callable[[], Awaitable[tuple[int, int]]],
        own: Callable[[], tuple[int, int]],
    ) -> tuple[int, int]:
        if time.monotonic() >= self._away_until:
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    return await shared()
            except (RedisError, OSError, TimeoutError) as error:
                self._away_until = time.monotonic() + _RETRY_SECONDS
                _logger.warning(
                    "tries of codes are counted in this process alone; Redis does not answer: %s",
                    type(error).__name__,
                )
        return own()


async def begin_try(
    context: Context, what: str, most: int, problem: str = "there were too many wrong codes"
) -> None:
    """Count a try of a code of some kind. Raises RateLimitedError for one more than `most`."""
    number, seconds = await _tries(context).begin(_caller(context, what))
    if number > most:
        raise RateLimitedError(f"{problem}; try again in {seconds} s", retry_after=seconds)


async def forgive_try(context: Context, what: str) -> None:
    """Take back the last try: it was no guess."""
    await _tries(context).forgive(_caller(context, what))


def _tries(context: Context) -> Tries:
    return context.engine.own(Tries, context.engine)


def _caller(context: Context, what: str) -> str:
    """The name of a counter: of the user, else of the network address, an IPv6 one by its /64.

    Nobody can tell from it whose it is.
    """
    if context.viewer.user is not None:
        said = f"user {context.viewer.user}"
    else:
        said = f"at {network(context.credentials.address if context.credentials else None)}"
    code = encryption_of(context).digest(said)
    return f"mercat:{context.storage.database.name}:{what}:{code}"
