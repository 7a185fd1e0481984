"""Amounts and times as a language writes them, as CLDR has it, by Babel."""

from datetime import UTC, date, datetime
from decimal import Decimal

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_currency

from mercat.money import digits

_ENGLISH = "en"


def locale_of(name: str) -> Locale:
    """The locale of a name such as `de-AT`; English where nobody knows it."""
    try:
        return Locale.parse(name.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale.parse(_ENGLISH)


def amount_in(locale: Locale, minor: int, currency: str) -> str:
    """An amount with the currency's own number of digits."""
    places = digits(currency)
    known = locale.currency_formats["standard"].pattern
    pattern = known.replace("0.00", f"0.{'0' * places}" if places else "0")
    return format_currency(
        Decimal(minor).scaleb(-places), currency, pattern, locale, currency_digits=False
    )


def day_in(locale: Locale, day: date) -> str:
    """A day in words."""
    return format_date(day, "long", locale)


def moment_in(locale: Locale, moment: datetime) -> str:
    """A day and a time to the minute, in UTC."""
    found = moment.astimezone(UTC)
    return f"{format_date(found, 'long', locale)}, {format_time(found, 'short', locale=locale)} UTC"
