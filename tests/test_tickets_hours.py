"""Business hours are counted by the clock on the wall, on days when it is changed too."""

import tomllib
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mercat_tickets.hours.calendars import (
    BusinessCalendar,
    NeverDueError,
    around_the_clock,
    instant,
)
from mercat_tickets.hours.intervals import Interval
from mercat_tickets.hours.settings import BusinessHours

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = """
timezone = "Europe/Berlin"
monday = ["13:30-18:00", "09:00-12:30"]
tuesday = ["09:00-17:00"]
friday = ["09:00-12:00", "12:00-24:00"]
saturday = ["00:00-02:00"]
holidays = ["2026-12-25", 2027-01-01]
"""


def office() -> BusinessCalendar:
    return BusinessHours.model_validate(tomllib.loads(OFFICE)).calendar()


def berlin(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).astimezone(UTC)


def hours(zone: ZoneInfo, text: str, day: int = 6) -> BusinessCalendar:
    names = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    return BusinessHours.model_validate({"timezone": zone.key, names[day]: text.split()}).calendar()


@pytest.mark.parametrize(
    ("start", "minutes", "due"),
    [
        ("2026-11-23T09:00", 30, "2026-11-23T09:30"),
        ("2026-11-23T07:00", 30, "2026-11-23T09:30"),  # before it opens
        ("2026-11-23T12:15", 30, "2026-11-23T13:45"),  # over lunch
        ("2026-11-23T09:00", 210, "2026-11-23T12:30"),  # when it closes, not when it opens again
        ("2026-11-23T18:00", 1, "2026-11-24T09:01"),
        ("2026-11-24T17:00", 1, "2026-11-27T09:01"),  # two days that it's closed
        ("2026-11-27T11:59", 2, "2026-11-27T12:01"),  # hours that touch
        ("2026-11-27T23:59", 2, "2026-11-28T00:01"),  # over midnight
        ("2026-11-28T01:59", 2, "2026-11-30T09:01"),
        ("2026-12-24T12:00", 1, "2026-12-26T00:01"),  # a holiday
        ("2026-11-25T12:00", 0, "2026-11-25T12:00"),
    ],
)
def test_what_is_due_is_due_in_business_hours(start: str, minutes: int, due: str) -> None:
    found = office().due_at(berlin(start), minutes)
    assert found == berlin(due)
    assert found.tzinfo is UTC


def test_it_is_open_from_the_first_minute_until_before_the_last() -> None:
    times = ["09:00", "12:29", "12:30", "13:29", "13:30", "18:00"]
    found = [office().is_open(berlin(f"2026-11-23T{one}")) for one in times]
    assert found == [True, True, False, False, True, False]
    assert not office().is_open(berlin("2026-12-25T10:00"))


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("00:00-24:00", 23 * 60),
        ("00:00-02:30", 120),  # 02:00 to 03:00 is skipped
        ("02:30-04:00", 60),
        ("02:10-02:50", 0),
        ("03:00-04:00", 60),
        ("00:00-02:15 02:45-04:00", 180),
    ],
)
def test_the_hour_that_is_skipped_in_spring_does_not_count(text: str, minutes: int) -> None:
    calendar = hours(BERLIN, text)
    day = berlin("2026-03-29T00:00"), berlin("2026-03-30T00:00")
    assert calendar.business_minutes(*day) == minutes


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("00:00-24:00", 25 * 60),
        ("00:00-02:30", 150),  # until the first 02:30
        ("02:30-04:00", 150),  # from the first 02:30
        ("03:00-04:00", 60),
        ("00:00-02:15 02:45-04:00", 135 + 135),
    ],
)
def test_the_hour_that_comes_twice_in_autumn_counts_twice(text: str, minutes: int) -> None:
    calendar = hours(BERLIN, text)
    day = berlin("2026-10-25T00:00"), berlin("2026-10-26T00:00")
    assert calendar.business_minutes(*day) == minutes
    assert calendar.due_at(day[0], minutes) <= day[1]


def test_the_second_of_two_hours_is_after_the_first() -> None:
    calendar = hours(BERLIN, "00:00-24:00")
    assert calendar.due_at(berlin("2026-10-25T02:30"), 60) == berlin("2026-10-25T02:30", fold=1)
    assert calendar.due_at(berlin("2026-03-29T01:30"), 60) == berlin("2026-03-29T03:30")


@pytest.mark.parametrize(
    ("zone", "day", "minutes"),
    [
        ("America/Sao_Paulo", date(2018, 11, 4), 23 * 60),  # midnight is skipped
        ("America/Havana", date(2026, 11, 1), 25 * 60),  # midnight comes twice
        ("Australia/Lord_Howe", date(2026, 4, 5), 24 * 60 + 30),
        ("Pacific/Apia", date(2011, 12, 30), 0),  # a day that wasn't
        ("Asia/Kathmandu", date(2026, 4, 5), 24 * 60),
    ],
)
def test_a_day_has_the_minutes_that_it_has_there(zone: str, day: date, minutes: int) -> None:
    place = ZoneInfo(zone)
    found = hours(place, "00:00-24:00", day.weekday())
    start = instant(day, 0, place) - timedelta(hours=30)
    assert found.business_minutes(start, start + timedelta(days=3)) == minutes


def test_around_the_clock_every_minute_counts() -> None:
    start = datetime(2026, 3, 1, 12, 34, 56, tzinfo=ZoneInfo("Asia/Tokyo"))
    for calendar in (around_the_clock(), around_the_clock(BERLIN)):
        assert calendar.due_at(start, 100_000) == start + timedelta(minutes=100_000)
        assert calendar.business_minutes(start, start + timedelta(days=300)) == 300 * 24 * 60
    closed = around_the_clock(holidays=frozenset({date(2026, 3, 2)}))
    assert closed.due_at(start, 24 * 60) == start + timedelta(days=2)
    assert not closed.is_open(datetime(2026, 3, 2, 12, tzinfo=UTC))


def test_what_is_not_due_within_a_year_is_refused() -> None:
    calendar = hours(BERLIN, "10:00-10:01")
    start = berlin("2026-01-01T00:00")
    assert calendar.due_at(start, 52) == berlin("2026-12-27T10:01")
    with pytest.raises(NeverDueError, match="there aren't 54 minutes of business hours within a"):
        calendar.due_at(start, 54)
    end = datetime.max.replace(tzinfo=UTC)
    with pytest.raises(NeverDueError):
        calendar.due_at(end - timedelta(days=400), 54)


def test_times_without_a_zone_and_minutes_below_none_are_refused() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    naive = now.replace(tzinfo=None)
    with pytest.raises(ValueError, match="without a zone"):
        office().due_at(naive, 1)
    with pytest.raises(ValueError, match="without a zone"):
        office().business_minutes(now, naive)
    with pytest.raises(ValueError, match="below 0"):
        office().due_at(now, -1)
    assert office().business_minutes(now, now - timedelta(days=9)) == 0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "never open"),
        ({"holidays": ["2026-12-25"]}, "never open"),
        ({"around_the_clock": True, "monday": ["09:00-10:00"]}, "not both"),
        ({"monday": ["9-17"]}, "'9-17' is no hours such as 09:00-17:30"),
        ({"monday": ["09:00-24:01"]}, "after 24:00"),
        ({"monday": ["22:00-06:00"]}, "ends before it begins"),
        ({"monday": ["09:00-09:00"]}, "ends before it begins"),
        ({"monday": ["09:00-12:00", "11:00-13:00"]}, "overlap"),
        ({"timezone": "Mars/Base", "monday": ["09:00-12:00"]}, "'Mars/Base' is no time zone"),
        ({"timezone": "../etc", "monday": ["09:00-12:00"]}, "'../etc' is no time zone"),
        ({"timezone": "Europe", "monday": ["09:00-12:00"]}, "'Europe' is no time zone"),
        ({"monady": ["09:00-12:00"]}, "Extra inputs"),
        ({"monday": ["09:00-12:00"], "holidays": ["25.12.2026"]}, "date"),
    ],
)
def test_hours_that_make_no_sense_are_refused_with_a_sentence(
    settings: dict[str, object], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        BusinessHours.model_validate(settings)


def test_a_calendar_is_checked_wherever_it_comes_from() -> None:
    with pytest.raises(ValueError, match="never open"):
        BusinessCalendar(BERLIN, ((),) * 7)
    with pytest.raises(ValueError, match="seven days"):
        BusinessCalendar(BERLIN, ((Interval(0, 1),),))
    with pytest.raises(ValueError, match="begin before they end"):
        Interval(5, 5)
    with pytest.raises(ValueError, match="overlap"):
        BusinessCalendar(BERLIN, ((Interval(0, 9), Interval(5, 10)),) * 7)


@st.composite
def intervals(draw: st.DrawFn) -> tuple[Interval, ...]:
    points = sorted(draw(st.sets(st.integers(0, 96), max_size=6)))
    spans = list(pairwise(points))[:: draw(st.sampled_from([1, 2]))]
    return tuple(Interval(a * 15, b * 15) for a, b in spans)


ZONES = st.sampled_from(
    ["Europe/Berlin", "America/New_York", "America/Havana", "Australia/Lord_Howe", "Asia/Kolkata"]
).map(ZoneInfo)
WEEKS = st.tuples(*[intervals()] * 7).filter(any)
CALENDARS = st.builds(
    BusinessCalendar,
    ZONES,
    WEEKS,
    st.frozensets(st.dates(date(2026, 3, 1), date(2026, 4, 30)), max_size=3),
)
NEAR_CHANGES = st.sampled_from(
    [datetime(2026, *day, tzinfo=UTC) for day in ((3, 6), (3, 27), (10, 23))]
)
SECONDS = st.integers(0, 14 * 24 * 3600)
INSTANTS = st.builds(
    lambda base, seconds: base + timedelta(seconds=seconds),
    NEAR_CHANGES,
    SECONDS,
)


@given(CALENDARS, INSTANTS, st.integers(0, 700))
def test_as_many_minutes_go_by_as_were_asked_for(
    calendar: BusinessCalendar, start: datetime, minutes: int
) -> None:
    due = calendar.due_at(start, minutes)
    assert calendar.business_time(start, due) == timedelta(minutes=minutes)
    assert calendar.business_minutes(start, due) == minutes
    if minutes:  # and no earlier instant would do
        before = due - timedelta(seconds=1)
        assert calendar.business_minutes(start, before) == minutes - 1
        assert calendar.is_open(before)


@given(CALENDARS, INSTANTS, INSTANTS, INSTANTS)
def test_business_time_adds_up_and_is_that_of_the_open_minutes(
    calendar: BusinessCalendar, first: datetime, second: datetime, third: datetime
) -> None:
    a, b, c = sorted([first, second, third])
    whole = calendar.business_time(a, c)
    assert whole == calendar.business_time(a, b) + calendar.business_time(b, c)
    assert timedelta() <= calendar.business_time(a, b) <= whole <= c - a
    if not calendar.business_time(b, c):
        assert not calendar.is_open(b) or b == c
    elif calendar.is_open(b):
        step = min(timedelta(seconds=1), c - b)
        assert calendar.business_time(b, b + step) == step


@given(CALENDARS, INSTANTS, INSTANTS, st.integers(0, 300), st.integers(0, 300))
def test_what_starts_later_or_takes_longer_is_not_due_earlier(
    calendar: BusinessCalendar, first: datetime, second: datetime, few: int, more: int
) -> None:
    start, later = sorted([first, second])
    assert calendar.due_at(start, few) <= calendar.due_at(start, few + more)
    assert calendar.due_at(start, few) <= calendar.due_at(later, few)
    middle = calendar.due_at(start, few)
    assert calendar.due_at(middle, more) == calendar.due_at(start, few + more) or not more
