"""Who carries parcels, and where one is followed by its number."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from mercat.errors import InvalidError
from mercat.texts import line_of

# Each carrier's own page of a parcel, by what it is called in small letters and without spaces.
_PAGES: Mapping[str, str] = {
    "dhl": "https://www.dhl.com/en/express/tracking.html?AWB={number}",
    "ups": "https://www.ups.com/track?tracknum={number}",
    "fedex": "https://www.fedex.com/fedextrack/?trknbr={number}",
    "dpd": "https://tracking.dpd.de/status/en_US/parcel/{number}",
    "gls": "https://gls-group.com/track/{number}",
    "usps": "https://tools.usps.com/go/TrackConfirmAction?tLabels={number}",
    "laposte": "https://www.laposte.fr/outils/suivre-vos-envois?code={number}",
}
_LONGEST = 100
_LONGEST_URL = 2_000


@dataclass(frozen=True, slots=True)
class Tracking:
    """Who carries a parcel and where it is followed; None for what isn't said."""

    carrier: str | None = None
    number: str | None = None
    url: str | None = None

    @property
    def is_given(self) -> bool:
        return any(value is not None for value in (self.carrier, self.number, self.url))


def checked(
    given: Tracking, carrier: str = "", number: str = "", url: str | None = None
) -> Tracking:
    """What is given, beside what was known before; a known carrier's page follows from the number.

    Raises InvalidError.
    """
    found = Tracking(
        carrier if given.carrier is None else line_of(given.carrier, ("carrier",), most=_LONGEST),
        number
        if given.number is None
        else line_of(given.number, ("trackingNumber",), most=_LONGEST),
    )
    if given.url is not None:
        return Tracking(found.carrier, found.number, checked_url(given.url))
    is_same = (found.carrier, found.number) == (carrier, number)
    return Tracking(found.carrier, found.number, url if is_same and url else page_of(found))


def page_of(tracking: Tracking) -> str | None:
    """Where a known carrier shows a parcel with a number."""
    name = "".join((tracking.carrier or "").lower().split())
    page = _PAGES.get(name)
    if page is None or not tracking.number:
        return None
    return page.format(number=quote(tracking.number, safe=""))


def checked_url(given: str) -> str | None:
    """An http or https URL that names no user; nothing for an empty text. Raises InvalidError."""
    field = ("trackingUrl",)
    found = line_of(given, field, most=_LONGEST_URL)
    if not found:
        return None
    try:
        parts = urlsplit(found)
        is_fine = (
            parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc
        )
        _ = parts.port
    except ValueError:
        is_fine = False
    if not is_fine or any(one.isspace() or one in '<>"\\^`{|}' for one in found):
        raise InvalidError("this is no http or https URL", field=field)
    return found
