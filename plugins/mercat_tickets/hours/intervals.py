import re
from dataclasses import dataclass
from itertools import pairwise

DAY_MINUTES = 24 * 60

_INTERVAL = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """Hours of a day by the clock on the wall, in minutes since midnight; the end is not in it."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end <= DAY_MINUTES:
            raise ValueError("hours begin before they end, from 00:00 to 24:00")


def interval_of(text: str) -> Interval:
    """The hours of a text such as `09:00-17:30`. Raises ValueError."""
    found = _INTERVAL.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text}' is no hours such as 09:00-17:30")
    start, end = (int(found[i]) * 60 + int(found[i + 1]) for i in (1, 3))
    if not start < end <= DAY_MINUTES:
        raise ValueError(f"'{text}' ends before it begins, or after 24:00: split it by days")
    return Interval(start, end)


def merged(intervals: tuple[Interval, ...]) -> tuple[Interval, ...]:
    """Intervals in order, those that touch as one. Raises ValueError for some that overlap."""
    ordered = sorted(intervals)
    if any(after.start < before.end for before, after in pairwise(ordered)):
        raise ValueError("hours of a day overlap")
    found: list[Interval] = []
    for one in ordered:
        if found and found[-1].end == one.start:
            found[-1] = Interval(found[-1].start, one.end)
        else:
            found.append(one)
    return tuple(found)
