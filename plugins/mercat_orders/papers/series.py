"""How numbers of invoices are written, and which are counted together."""

import re
from dataclasses import dataclass
from datetime import date

PLACES = re.compile(r"\{(?:(seller|year|month)|number(?::0?([1-9]|1[0-9])d)?)\}")
"""What stands in a format for something else: `{number:06d}` has six digits at least."""


@dataclass(frozen=True, slots=True)
class Series:
    """What is counted together: `issuer` is a seller's key, or empty for the shop.

    `form` is how its numbers are written, with only `{number}` left open.
    """

    issuer: str
    form: str

    @classmethod
    def of(cls, issuer: str, form: str, code: str, day: date) -> "Series":
        known = {"seller": code, "year": f"{day.year:04d}", "month": f"{day.month:02d}"}
        return cls(issuer, PLACES.sub(lambda place: known.get(place[1], place[0]), form))

    @property
    def key(self) -> str:
        """What the count is kept under: it goes on where only the number of digits changes."""
        return f"{self.issuer}:{PLACES.sub('{}', self.form)}"

    def written(self, number: int) -> str:
        return PLACES.sub(lambda place: f"{number:0{place[2] or 1}d}", self.form)
