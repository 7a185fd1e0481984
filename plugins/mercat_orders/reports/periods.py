"""Periods of whole days in somebody's time zone, and how they are cut into days, weeks, months."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mercat.errors import InvalidError

MOST_DAYS = 731
"""Two years."""

Unit = Literal["DAY", "WEEK", "MONTH"]

_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,30}(/[A-Za-z0-9_+-]{1,30}){0,2}\Z")
_EARLIEST, _LATEST = 1970, 2999
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """From its first to its last day, both in it, as they begin and end in a time zone."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def length(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    @property
    def days(self) -> Sequence[date]:
        return [self.first + _DAY * index for index in range(self.length)]

    @property
    def begin(self) -> datetime:
        """The first moment of it, in UTC."""
        return beginning(self.first, self.zone)

    @property
    def end(self) -> datetime:
        """The first moment after it, in UTC."""
        return beginning(self.last + _DAY, self.zone)

    @property
    def before(self) -> "Period":
        """The days right before it, as many."""
        days = timedelta(days=self.length)
        return Period(self.first - days, self.last - days, self.zone)


class Calendar:
    """Which day, week or month of a period a moment is in."""

    def __init__(self, period: Period, unit: Unit) -> None:
        self._begins = [beginning(day, period.zone) for day in period.days]
        self._keys = [key_of(day, unit) for day in period.days]

    @property
    def keys(self) -> Sequence[str]:
        """All of them, in order."""
        return list(dict.fromkeys(self._keys))

    def key_at(self, moment: datetime) -> str:
        """The one of a moment in the period."""
        return self._keys[bisect_right(self._begins, moment) - 1]


def period_of(first: date, last: date, zone: str) -> Period:
    """The period from a day to another, both in it.

    Raises InvalidError for an unknown zone, an end before the beginning, and more than two years.
    """
    found = zone_of(zone)
    for day, name in ((first, "from"), (last, "to")):
        if not _EARLIEST < day.year < _LATEST:
            raise InvalidError(f"the year is from {_EARLIEST + 1} to {_LATEST - 1}", field=(name,))
    if last < first:
        raise InvalidError("`to` is before `from`", field=("to",))
    if (last - first).days >= MOST_DAYS:
        raise InvalidError("a report is of two years at most", field=("to",))
    return Period(first, last, found)


def zone_of(name: str) -> ZoneInfo:
    """A time zone of the IANA's database, such as `Europe/Berlin`. Raises InvalidError."""
    if _ZONE.match(name) is not None:
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    raise InvalidError("that is no time zone such as `Europe/Berlin`", field=("timeZone",))


def beginning(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins somewhere, in UTC; where it has no midnight, at its first moment."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def key_of(day: date, unit: Unit) -> str:
    """A day as `2026-10-31`, its week of ISO 8601 as `2026-W44`, its month as `2026-10`."""
    if unit == "WEEK":
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02}"
    return day.isoformat() if unit == "DAY" else f"{day:%Y-%m}"
