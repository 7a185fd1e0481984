"""Counters of one process, for as long as Redis doesn't answer."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from mercat_auth.limits.places import Place
from mercat_auth.limits.rules import WINDOW_SECONDS, Rule, delay

MOST = 20_000
_FULL_SECONDS = 60.0
_SWEEP_SECONDS = 1.0
_COUNTERS_OF_ONE = 3


@dataclass(slots=True)
class _Counter:
    number: int
    until: float
    ends: float


class MemoryCounters:
    """The rules of `shared.SharedCounters`; no place is known to it but those that are proven.

    Where it is full, those that it doesn't know yet wait: nobody tries uncounted.
    """

    def __init__(self, most: int = MOST, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._counters: dict[str, _Counter] = {}
        self._swept = -math.inf

    def attempt(self, place: Place, rule: Rule, *, is_known: bool, counts: bool) -> float:
        """How many seconds an attempt has to wait; counts one that has not."""
        now = self._clock()
        wait = self._wait(place, rule, now, is_known=is_known)
        if wait > 0 or not counts:
            return wait
        return 0.0 if self.count(place, rule, is_known=is_known) else _FULL_SECONDS

    def count(self, place: Place, rule: Rule, *, is_known: bool) -> bool:
        """Count an attempt; whether there was room to."""
        now = self._clock()
        if not self._has_room(place, now):
            return False
        if place.pair is not None:
            pair = self._add(place.pair, rule.free, rule.longest, now)
            pair.ends = now + WINDOW_SECONDS
        if not is_known:
            self._add(place.address, rule.address, rule.longest, now)
            if place.account is not None:
                self._add(place.account, rule.strangers, 0, now)
        return True

    def forgive(self, place: Place, rule: Rule, *others: str) -> None:
        """Take back an attempt that succeeded, and all before it from that place."""
        for name in (place.pair, *others):
            if name is not None:
                self._counters.pop(name, None)
        for name in (place.address, place.account) if rule.counts_first else ():
            counter = self._counters.get(name) if name is not None else None
            if counter is not None and counter.number > 0:
                counter.number -= 1

    def _wait(self, place: Place, rule: Rule, now: float, *, is_known: bool) -> float:
        wait = 0.0
        if (pair := self._find(place.pair, now)) is not None:
            wait = pair.until - now
        if is_known:
            return max(wait, 0.0)
        if (address := self._find(place.address, now)) is not None:
            wait = max(wait, address.until - now)
        account = self._find(place.account, now)
        if account is not None and account.number >= rule.strangers:
            wait = max(wait, account.ends - now)
        return max(wait, 0.0)

    def _find(self, name: str | None, now: float) -> _Counter | None:
        found = self._counters.get(name) if name is not None else None
        return None if found is None or found.ends <= now else found

    def _add(self, name: str, free: int, longest: int, now: float) -> _Counter:
        counter = self._find(name, now) or _Counter(0, 0.0, now + WINDOW_SECONDS)
        self._counters[name] = counter
        counter.number += 1
        if seconds := delay(counter.number, free, longest):
            counter.until = now + seconds
        return counter

    def _has_room(self, place: Place, now: float) -> bool:
        if len(self._counters) + _COUNTERS_OF_ONE <= self._most:
            return True
        if now - self._swept >= _SWEEP_SECONDS:
            self._swept = now
            self._counters = {
                name: counter for name, counter in self._counters.items() if counter.ends > now
            }
        names = [name for name in (place.address, place.pair, place.account) if name is not None]
        missing = sum(name not in self._counters for name in names)
        return len(self._counters) + missing <= self._most
