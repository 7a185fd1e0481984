"""Money: an integer of minor units and an ISO 4217 code, everywhere."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import NamedTuple

from mercat.errors import InvalidError

# ISO 4217 (SIX Group, list one, 2026-01-01): code -> digits after the decimal point.
_TWO_DIGITS = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF "
    "CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD "
    "HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA "
    "MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN "
    "QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP "
    "TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)
_NO_DIGITS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_DIGITS = "BHD IQD JOD KWD LYD OMR TND"
CURRENCIES: dict[str, int] = {
    **dict.fromkeys(_TWO_DIGITS.split(), 2),
    **dict.fromkeys(_NO_DIGITS.split(), 0),
    **dict.fromkeys(_THREE_DIGITS.split(), 3),
}
_LARGEST = 10**15
_MOST_PLACES = 20


class Amount(NamedTuple):
    """An exact sum: `minor` counts the currency's smallest unit (cents for EUR, yen for JPY)."""

    minor: int
    currency: str

    @property
    def decimal(self) -> str:
        """The sum as a decimal string in the currency's own digits: `12.50`, `1250`, `1.250`."""
        return format_minor(self.minor, self.currency)


def digits(currency: str, field: tuple[str, ...] | None = None) -> int:
    """How many digits follow the decimal point.

    Raises InvalidError, about `field`, for an unknown code.
    """
    try:
        return CURRENCIES[currency]
    except KeyError:
        raise InvalidError(f"'{currency}' is not an ISO 4217 currency code", field=field) from None


def format_minor(minor: int, currency: str) -> str:
    """Minor units as a decimal string: `(1250, "EUR")` is `"12.50"`."""
    places = digits(currency)
    if places == 0:
        return str(minor)
    sign = "-" if minor < 0 else ""
    whole, part = divmod(abs(minor), 10**places)
    return f"{sign}{whole}.{part:0{places}}"


def parse_amount(
    text: str | int | Decimal, currency: str, field: tuple[str, ...] | None = None
) -> Amount:
    """Read an exact amount.

    Raises InvalidError, about `field`, where `text` is no plain decimal number, has more digits
    than the currency, or is 10**15 minor units or more; nothing is ever rounded.
    """
    places = digits(currency, field)
    try:
        value = Decimal(text)
    except (InvalidOperation, ValueError):
        raise InvalidError(f"'{str(text)[:40]}' is not an amount", field=field) from None
    if not value.is_finite() or not -_MOST_PLACES <= value.adjusted() <= _MOST_PLACES:
        raise InvalidError(f"'{str(text)[:40]}' is not an amount", field=field)
    minor = value.scaleb(places)
    if minor != minor.to_integral_value():
        words = f"{currency} has {places} digits after the point, not '{value}'"
        raise InvalidError(words, field=field)
    if abs(minor) >= _LARGEST:
        raise InvalidError(f"'{str(text)[:40]}' is too large an amount", field=field)
    return Amount(int(minor), currency)


def share_of(amount: int, rate: Decimal | Fraction) -> int:
    """A share of some minor units, such as a tax of 0.19, rounded half away from zero."""
    exact = abs(amount) * Fraction(rate)
    rounded = int(exact + Fraction(1, 2))
    return rounded if amount >= 0 else -rounded


def allocate(amount: int, weights: Sequence[int]) -> list[int]:
    """Divide minor units in proportion to weights that aren't negative, to the last one.

    By the method of the largest remainder: the parts add up to `amount`, none is further than one
    from its exact share, and of equal remainders the first ones get more. Where all weights are
    zero they count as equal. Raises ValueError for an amount and nothing to divide it by.
    """
    if not weights:
        if amount:
            raise ValueError("there is nothing to divide an amount by")
        return []
    total = sum(weights)
    if not total:
        weights, total = [1] * len(weights), len(weights)
    whole = abs(amount)
    parts = [whole * weight // total for weight in weights]
    missing = whole - sum(parts)
    if missing:
        remainders = [whole * weight % total for weight in weights]
        order = sorted(range(len(parts)), key=remainders.__getitem__, reverse=True)
        for index in order[:missing]:  # equal ones keep their order
            parts[index] += 1
    return parts if amount >= 0 else [-part for part in parts]
