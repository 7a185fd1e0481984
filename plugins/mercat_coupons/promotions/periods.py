"""From when until when a promotion holds, as people write it.

Moments are as ISO 8601 writes them. A time on the clock that a change of clocks leaves out is read
with the offset before it, and of one that comes twice the first counts (RFC 5545, 3.3.5).
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from mercat.errors import InvalidError
from mercat_orders.reports.periods import beginning, zone_of

Field = tuple[str, ...]

_EARLIEST, _LATEST = 1970, 2999
_LONGEST = 40
_DAY = timedelta(days=1)


def time_zone(name: str) -> str:
    """The name of a time zone of IANA's. Raises InvalidError."""
    return zone_of(name).key


def start(text: str, zone: str, field: Field) -> datetime:
    """The first moment of it, in UTC: that of the day where it is a date. Raises InvalidError."""
    found = _read(text, field)
    return _moment(found, ZoneInfo(zone))


def end(text: str, zone: str, field: Field) -> datetime:
    """The first moment after it, in UTC; a date is the last day of it. Raises InvalidError."""
    found = _read(text, field)
    return _moment(found if isinstance(found, datetime) else found + _DAY, ZoneInfo(zone))


def _moment(found: date, zone: ZoneInfo) -> datetime:
    if not isinstance(found, datetime):
        return beginning(found, zone)
    known = found if found.tzinfo is not None else found.replace(tzinfo=zone)
    # To the millisecond, as it is stored.
    return known.replace(microsecond=known.microsecond // 1000 * 1000).astimezone(UTC)


def _read(text: str, field: Field) -> date:
    found = _parsed(text)
    if found is None:
        raise InvalidError(
            f"'{text[:_LONGEST]}' is no time such as 2026-11-27T09:00, and no date such as"
            " 2026-11-27",
            field=field,
        )
    if not _EARLIEST < found.year < _LATEST:
        raise InvalidError(f"the year is from {_EARLIEST + 1} to {_LATEST - 1}", field=field)
    return found


def _parsed(text: str) -> date | None:
    """A date, or a time; None for neither."""
    if len(text) > _LONGEST:
        return None
    for kind in (date, datetime):
        try:
            return kind.fromisoformat(text)
        except ValueError:
            continue
    return None
