"""The answers that one process keeps, within a bound of bytes."""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

from mercat.caching.journal import Moment

_PROTECTED = 0.8
_BYTES_AN_ANSWER = 1_500  # measured: tests/test_caching.py compares it with tracemalloc
_BYTES_A_TAG = 250


class Key(NamedTuple):
    """What an answer depends on besides what it is about."""

    query: str
    operation: str | None
    variables: bytes
    role: str
    locale: str


@dataclass(slots=True, eq=False)
class Kept:
    """An answer's body. `moment` says what its data was told of; `shared_at` is monotonic."""

    body: bytes
    etag: str
    tags: frozenset[str]
    moment: Moment | None = None
    shared_at: float = 0.0

    def cost(self, key: Key) -> int:
        """About how many bytes of memory it takes, beside the query's text."""
        tags = _BYTES_A_TAG * len(self.tags)
        return _BYTES_AN_ANSWER + len(self.body) + len(key.variables) + tags


def etag_of(body: bytes) -> str:
    """The opaque part of a strong entity tag (RFC 9110, 8.8.3)."""
    return blake2b(body, digest_size=12).hexdigest()


class KeptAnswers:
    """Answers by their keys, and by what they are about.

    Segmented LRU: what is asked again moves to a protected part of 80 %, so that any number of
    questions asked once push out only each other.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._probation: OrderedDict[Key, Kept] = OrderedDict()
        self._protected: OrderedDict[Key, Kept] = OrderedDict()
        self._protected_bytes = 0
        self._about: defaultdict[str, set[Key]] = defaultdict(set)
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._probation) + len(self._protected)

    def get(self, key: Key) -> Kept | None:
        """The answer, which has been asked for once more."""
        found = self._protected.get(key)
        if found is not None:
            self._protected.move_to_end(key)
            return found
        found = self._probation.pop(key, None)
        if found is not None:
            self._protect(key, found)
        return found

    def put(self, key: Key, kept: Kept) -> None:
        """Keep an answer, unless it alone is more than a tenth of the bound."""
        self._remove(key)
        cost = kept.cost(key)
        if cost * 10 > self._max_bytes:
            return
        self._probation[key] = kept
        self.bytes += cost
        for tag in kept.tags:
            self._about[tag].add(key)
        while self.bytes > self._max_bytes:
            self._remove(next(iter(self._probation or self._protected)))

    def forget(self, tags: Iterable[str]) -> int:
        """Let go of the answers about any of these; how many there were."""
        keys = set().union(*(self._about.get(tag, ()) for tag in tags))
        for key in keys:
            self._remove(key)
        return len(keys)

    def clear(self) -> int:
        """Let go of all; how many there were."""
        count = len(self)
        self._probation.clear()
        self._protected.clear()
        self._about.clear()
        self.bytes = self._protected_bytes = 0
        return count

    def _protect(self, key: Key, kept: Kept) -> None:
        self._protected[key] = kept
        self._protected_bytes += kept.cost(key)
        while self._protected_bytes > _PROTECTED * self._max_bytes:
            oldest, demoted = self._protected.popitem(last=False)
            self._protected_bytes -= demoted.cost(oldest)
            self._probation[oldest] = demoted

    def _remove(self, key: Key) -> None:
        kept = self._probation.pop(key, None)
        if kept is None:
            kept = self._protected.pop(key, None)
            if kept is None:
                return
            self._protected_bytes -= kept.cost(key)
        self.bytes -= kept.cost(key)
        for tag in kept.tags:
            about = self._about[tag]
            about.discard(key)
            if not about:
                del self._about[tag]
