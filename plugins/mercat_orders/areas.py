"""Parts of the world that something holds for, such as a tax or a way to deliver."""

from dataclasses import dataclass

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
        region, postal_code = place.region.casefold(), _plain(place.postal_code)
        if self.countries and place.country not in self.countries:
            return False
        if region and region in map(str.casefold, self.except_regions):
            return False
        if postal_code.startswith(tuple(map(_plain, self.except_postal_codes))):
            return False
        if self.regions and region not in map(str.casefold, self.regions):
            return False
        starts = tuple(map(_plain, self.postal_codes))
        return not starts or postal_code.startswith(starts)


def _plain(postal_code: str) -> str:
    """Postal codes are written with and without spaces and hyphens."""
    return postal_code.replace(" ", "").replace("-", "").casefold()
