"""Parts of the world that something holds for, such as a tax or a way to deliver."""

from dataclasses import dataclass
from functools import lru_cache

from mercat.checkout import Destination


@dataclass(frozen=True, slots=True)
class Area:
    """Countries, or parts of them: all countries where none is named.

    `regions` are what addresses have as their region, such as `CA`; `postal_codes` are the
    beginnings of postal codes. The exceptions are no part of it.
    """

    countries: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    postal_codes: tuple[str, ...] = ()
    except_regions: tuple[str, ...] = ()
    except_postal_codes: tuple[str, ...] = ()

    def covers(self, place: Destination) -> bool:
        if self.countries and place.country not in self.countries:
            return False
        region, postal_code = place.region.casefold(), _plain(place.postal_code)
        if region in _regions(self.except_regions):
            return False
        if postal_code.startswith(_starts(self.except_postal_codes)):
            return False
        if self.regions and region not in _regions(self.regions):
            return False
        return not self.postal_codes or postal_code.startswith(_starts(self.postal_codes))


@lru_cache(maxsize=4_096)  # a question is asked of every zone and method of the shop
def _regions(regions: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(str.casefold, regions))


@lru_cache(maxsize=4_096)
def _starts(postal_codes: tuple[str, ...]) -> tuple[str, ...]:
    """What postal codes begin with; nothing that every one does."""
    return tuple(filter(None, map(_plain, postal_codes)))


def _plain(postal_code: str) -> str:
    """Postal codes are written with and without spaces and hyphens."""
    return postal_code.replace(" ", "").replace("-", "").casefold()
