"""What has changed lately, so that an answer made of older data is never kept."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import TypeAlias

Moment: TypeAlias = tuple[int, int]
"""A cluster time of MongoDB: seconds since 1970, and a counter within the second."""

_MOST = 50_000
_NEVER: Moment = (0, 0)


class Journal:
    """The last change of each tag; of those that changed long ago only when all of them had.

    `sequence` grows with each change that this process was told.
    """

    def __init__(self, most: int = _MOST) -> None:
        self.sequence = 0
        self._most = most
        self._last: OrderedDict[str, tuple[int, Moment | None]] = OrderedDict()
        self._floor = 0
        self._floor_moment: Moment | None = None

    def __len__(self) -> int:
        return len(self._last)

    def note(self, tags: Iterable[str], moment: Moment | None) -> None:
        """These changed; `moment` is when they were written, None where nobody knows."""
        self.sequence += 1
        if self._floor_moment is None:
            self._floor_moment = moment
        for tag in tags:
            self._last[tag] = self.sequence, moment
            self._last.move_to_end(tag)
        while len(self._last) > self._most:
            _, (self._floor, forgotten) = self._last.popitem(last=False)
            self._floor_moment = max(self._floor_moment or _NEVER, forgotten or _NEVER)

    def note_everything(self, moment: Moment | None) -> None:
        """Anything may have changed until then; None where nobody knows when that was."""
        self.sequence += 1
        self._last.clear()
        self._floor = self.sequence
        self._floor_moment = moment

    def unchanged(self, tags: Iterable[str], since: int) -> bool:
        """Whether none of them changed since the sequence was that."""
        if since < self._floor:
            return False
        last = self._last
        return all(tag not in last or last[tag][0] <= since for tag in tags)

    def unchanged_after(self, tags: Iterable[str], moment: Moment) -> bool:
        """Whether none of them was changed at that moment or later, as far as was told."""
        if self._floor_moment is None or moment <= self._floor_moment:
            return False
        return all((self._last.get(tag, (0, _NEVER))[1] or moment) < moment for tag in tags)
