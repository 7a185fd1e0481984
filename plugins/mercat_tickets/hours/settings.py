from datetime import date
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from mercat_tickets.hours.calendars import BusinessCalendar, around_the_clock
from mercat_tickets.hours.intervals import Interval, interval_of, merged


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"'{value}' is no time zone such as Europe/Berlin") from None
    return value


def _hours(value: tuple[str, ...]) -> tuple[str, ...]:
    _intervals(value)
    return value


def _intervals(value: tuple[str, ...]) -> tuple[Interval, ...]:
    return merged(tuple(map(interval_of, value)))


Hours = Annotated[tuple[str, ...], Field(max_length=24), AfterValidator(_hours)]


class BusinessHours(BaseModel):
    """Business hours as they stand in the settings, such as `monday = ["09:00-12:30"]`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    """Where the clock hangs that the hours are by."""

    around_the_clock: bool = False
    """Whether it's open all day, every day; no hours are given then."""

    monday: Hours = ()
    tuesday: Hours = ()
    wednesday: Hours = ()
    thursday: Hours = ()
    friday: Hours = ()
    saturday: Hours = ()
    sunday: Hours = ()
    holidays: Annotated[frozenset[date], Field(max_length=1000)] = frozenset()
    """Days on which it's closed."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.around_the_clock and any(self._week):
            raise ValueError("give hours of weekdays, or around_the_clock, but not both")
        if not self.around_the_clock and not any(self._week):
            raise ValueError("the calendar is never open: give hours of at least one weekday")
        return self

    @property
    def _week(self) -> tuple[tuple[str, ...], ...]:
        early = (self.monday, self.tuesday, self.wednesday, self.thursday)
        return (*early, self.friday, self.saturday, self.sunday)

    def calendar(self) -> BusinessCalendar:
        """The calendar of these hours."""
        zone = ZoneInfo(self.timezone)
        if self.around_the_clock:
            return around_the_clock(zone, self.holidays)
        return BusinessCalendar(zone, tuple(map(_intervals, self._week)), self.holidays)
