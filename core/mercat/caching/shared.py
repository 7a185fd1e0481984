"""Answers that processes share in Redis, so that one that has just started finds them made.

An answer comes with the moment up to which its data was told of changes. Another process takes it
only where it was itself told of every change from that moment on and none was of what the answer is
about: two clocks are never compared, and what Redis forgets, or keeps too long, does no harm.
"""

import logging
import time
from hashlib import blake2b

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from mercat.caching.kept import Kept, Key, etag_of

_KEPT_SECONDS = 300
_PAUSE_SECONDS = 5.0

_logger = logging.getLogger(__name__)


class SharedAnswers:
    """The answers of one shop; `name` tells shops, schemas and settings apart.

    A Redis that doesn't answer is left alone for 5 s: nobody waits for it meanwhile.
    """

    def __init__(self, name: str, max_answer_bytes: int) -> None:
        self._name = name
        self._max_answer_bytes = max_answer_bytes
        self._silent_until = 0.0

    async def get(self, redis: Redis, key: Key) -> Kept | None:
        """What some process put there; None where there is nothing, or Redis doesn't answer."""
        if time.monotonic() < self._silent_until:
            return None
        try:
            raw = await redis.get(self._address(key))
        except (RedisError, OSError) as error:
            self._leave_alone(error)
            return None
        return _read(raw) if isinstance(raw, bytes) else None

    async def put(self, redis: Redis, key: Key, kept: Kept) -> None:
        """Keep an answer for others, unless it is too large."""
        if len(kept.body) > self._max_answer_bytes or time.monotonic() < self._silent_until:
            return
        head = orjson.dumps({"moment": kept.moment, "tags": sorted(kept.tags)})
        try:
            await redis.set(self._address(key), head + b"\n" + kept.body, ex=_KEPT_SECONDS)
        except (RedisError, OSError) as error:
            self._leave_alone(error)

    def _leave_alone(self, error: Exception) -> None:
        _logger.warning("answers are not shared: Redis: %s", type(error).__name__)
        self._silent_until = time.monotonic() + _PAUSE_SECONDS

    def _address(self, key: Key) -> str:
        digest = blake2b(digest_size=20)
        for part in (key.query, key.operation or "", key.role, key.locale):
            digest.update(part.encode(errors="surrogatepass") + b"\0")
        digest.update(key.variables)
        return f"{self._name}:{digest.hexdigest()}"


def _read(raw: bytes) -> Kept | None:
    head, _, body = raw.partition(b"\n")
    try:
        said = orjson.loads(head)
        first, second = said["moment"]
        return Kept(body, etag_of(body), frozenset(said["tags"]), (first, second))
    except (ValueError, KeyError, TypeError):
        return None
