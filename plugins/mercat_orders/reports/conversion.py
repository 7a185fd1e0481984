"""The conversion report: how many of the carts that were begun became orders. For staff."""

from collections.abc import Mapping
from dataclasses import dataclass

from mercat.auth import Subject, check_allowed
from mercat.context import Context
from mercat_orders.permissions import REPORT
from mercat_orders.reports.counting import Counts, count_living, kept_counts
from mercat_orders.reports.periods import Calendar, Period


@dataclass(frozen=True, slots=True)
class Conversion:
    """The counts of a period, and of each of its days by its key."""

    period: Period
    whole: Counts
    days: Mapping[str, Counts]


async def conversion(context: Context, period: Period) -> Conversion:
    """What became of the carts that were begun in a period.

    Raises UnauthenticatedError and ForbiddenError.
    """
    await check_allowed(context, REPORT, Subject("order"))
    begin, end = period.begin, period.end
    found = {**await count_living(context), **await kept_counts(context, begin, end)}
    calendar, whole = Calendar(period, "DAY"), Counts()
    days = {key: Counts() for key in calendar.keys}
    for moment, counts in found.items():
        if begin <= moment < end:
            whole.add(counts)
            days[calendar.key_at(moment)].add(counts)
    return Conversion(period, whole, days)
