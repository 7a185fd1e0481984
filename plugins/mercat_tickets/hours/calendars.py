"""Business hours: which instants are in them, and how much of a time is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from mercat_tickets.hours.intervals import DAY_MINUTES, Interval, merged

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_WEEKDAYS = 7
_LONGEST_SEARCH = 366  # days

ALL_DAY = (Interval(0, DAY_MINUTES),)


class NeverDueError(ValueError):
    """A calendar isn't open for so long within a year."""


@dataclass(frozen=True)
class BusinessCalendar:
    """The hours that a team is at work: those of each weekday from Monday on, but for holidays.

    Hours are by the clock on the wall of the zone. A time that a clock skips in spring is when it
    skips; one that comes twice in autumn is the first of the two. So a day has the hours that it
    really has: 23, 24 or 25. Raises ValueError for a calendar that is never open, that hasn't
    seven days, or whose hours overlap.
    """

    zone: ZoneInfo
    week: tuple[tuple[Interval, ...], ...]
    holidays: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if len(self.week) != _WEEKDAYS:
            raise ValueError("a week has seven days")
        if not any(self.week):
            raise ValueError("the calendar is never open: give hours of at least one weekday")
        object.__setattr__(self, "week", tuple(map(merged, self.week)))

    def is_open(self, at: datetime) -> bool:
        """Whether an instant is in business hours. Raises ValueError for a time without a zone."""
        moment = _utc(at)
        return any(start <= moment < end for start, end in self._open(moment, moment + _MINUTE))

    def due_at(self, start: datetime, minutes: int) -> datetime:
        """The first instant by which so many minutes of business hours went by, in UTC.

        That is `start` itself for 0 minutes. Raises NeverDueError where it's more than a year off,
        and ValueError for a time without a zone and for minutes below 0.
        """
        if minutes < 0:
            raise ValueError("minutes can't be below 0")
        moment, left = _utc(start), minutes * _MINUTE
        if not left:
            return moment
        for opened, closed in self._open(moment, _later(moment, _LONGEST_SEARCH * _DAY)):
            if left <= closed - opened:
                return opened + left
            left -= closed - opened
        raise NeverDueError(f"there aren't {minutes} minutes of business hours within a year")

    def business_time(self, start: datetime, end: datetime) -> timedelta:
        """How much of a time is in business hours; none where it ends before it starts.

        It takes time in proportion to the days. Raises ValueError for times without a zone.
        """
        spans = self._open(_utc(start), _utc(end))
        return sum((closed - opened for opened, closed in spans), timedelta())

    def business_minutes(self, start: datetime, end: datetime) -> int:
        """As `business_time`, in whole minutes, rounded down."""
        return self.business_time(start, end) // _MINUTE

    def _open(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The spans of business hours between two instants in UTC, in order, none empty."""
        if end <= start:
            return
        day, last = _day(start, self.zone) - _DAY, _day(end, self.zone)
        while day <= last:
            for one in self._hours(day):
                opened = max(start, instant(day, one.start, self.zone))
                closed = min(end, instant(day, one.end, self.zone))
                if opened < closed:
                    yield opened, closed
            day += _DAY

    def _hours(self, day: date) -> Sequence[Interval]:
        return () if day in self.holidays else self.week[day.weekday()]


def around_the_clock(
    zone: ZoneInfo | None = None, holidays: frozenset[date] = frozenset()
) -> BusinessCalendar:
    """A calendar that is open all day, every day but holidays; in UTC where no zone is given."""
    return BusinessCalendar(zone or ZoneInfo("UTC"), (ALL_DAY,) * _WEEKDAYS, holidays)


def instant(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """When the clock on the wall first shows a minute of a day, or skips it; in UTC."""
    wall = datetime.combine(day, time(), zone) + minute * _MINUTE
    first = wall.replace(fold=0).astimezone(UTC)
    second = wall.replace(fold=1).astimezone(UTC)
    return first if first <= second else _transition(second, first, zone)


def _transition(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """When the clock is put forward between two instants, to the second."""
    offset = after.astimezone(zone).utcoffset()
    low, high = int(before.timestamp()), int(after.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return datetime.fromtimestamp(high, UTC)


def _day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()


def _utc(at: datetime) -> datetime:
    if at.utcoffset() is None:
        raise ValueError("a time without a zone is no instant")
    return at.astimezone(UTC)


def _later(at: datetime, by: timedelta) -> datetime:
    return min(at, datetime.max.replace(tzinfo=UTC) - by - _DAY) + by
