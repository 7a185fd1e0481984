"""What a code is, and which texts are the same one."""

import re
import time
from itertools import groupby

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mercat.codes import checked_code, key_of, random_code
from mercat.errors import InvalidError

FIELD = ("code",)
CODES = st.from_regex(r"[A-Za-z0-9_.-]{1,64}", fullmatch=True)
TYPED = st.text(st.sampled_from("aZ9-_. \t\u00a0\uff21\uff5a\u0421\u0131\u00df\ufb01\u200b"))


@pytest.mark.parametrize(
    "typed",
    [
        "SUMMER-24",
        "summer-24",
        "Summer24",
        "  sum mer - 24\t\n",
        "\u00a0SUMMER\u300024",
        "\uff33\uff35\uff2d\uff2d\uff25\uff32\uff12\uff14",
        "s-u-m-m-e-r-2-4",
        "\u017fummer24",
    ],
)
def test_a_code_is_the_same_however_it_is_typed(typed: str) -> None:
    assert key_of(typed) == "SUMMER24"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " \t",
        "---",
        "A" * 65,
        "\u0421UMMER",
        "S\u0131LVER",
        "\u0399NK",
        "A\u0301",
        "A\u200bB",
        "A/B",
        "\u00bd",
        "\ud800",
        "A\0",
        "\U0001f384",
        "\ufdfa" * 20,
    ],
)
def test_what_only_looks_like_a_code_is_none(typed: str) -> None:
    assert key_of(typed) is None


@given(st.text() | TYPED | CODES)
@example("\u0130\u1e9e\u212a")
def test_a_key_is_its_own_key(typed: str) -> None:
    key = key_of(typed)
    assert key is None or re.fullmatch("[A-Z0-9_.]{1,64}", key)
    assert key is None or key_of(key) == key


@given(CODES)
def test_case_and_dashes_and_spaces_dont_count(code: str) -> None:
    key = key_of(code)
    assert key == key_of(code.lower()) == key_of(code.upper()) == key_of(code.swapcase())
    assert key == key_of("-".join(code)) == key_of(f" {code[:1]} {code[1:]}\n")
    assert key == (code.replace("-", "").upper() or None)


def said_of(typed: str) -> InvalidError | str:
    try:
        return checked_code(typed, FIELD)
    except InvalidError as error:
        return error


@given(st.text() | TYPED | CODES)
def test_what_can_be_made_is_found_as_it_is_shown(typed: str) -> None:
    code = said_of(typed)
    if isinstance(code, str):
        assert key_of(code) == key_of(typed) is not None
        assert checked_code(code, FIELD) == code
    else:
        assert code.field == FIELD
        assert str(code).encode()


def test_a_text_of_a_million_characters_costs_nothing() -> None:
    texts = ["A" * 10_000, "\uff21" * 1_000_000, "\ufdfa" * 1_000_000, " " * 1_000_000]
    began = time.perf_counter()
    assert [key_of(text) for text in texts] == [None] * 4
    for text in texts:
        with pytest.raises(InvalidError, match="at most 64 characters"):
            checked_code(text, FIELD)
    assert time.perf_counter() - began < 0.05


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("\u0421", "'\u0421' is CYRILLIC CAPITAL LETTER ES; a code has A to Z"),
        ("X\u0131", "'\u0131' is LATIN SMALL LETTER DOTLESS I"),
        ("\u00bd", "'\u00bd' is VULGAR FRACTION ONE HALF"),
        ("A\u0301", r"U\+0301 is COMBINING ACUTE ACCENT"),
        ("A\u200bB", r"U\+200B is ZERO WIDTH SPACE"),
        ("A\ud800", r"U\+D800 is U\+D800"),
        ("A/B", "'/' is SOLIDUS"),
        ("A" * 65, "at most 64 characters"),
        ("- -", "a letter or a digit"),
    ],
)
def test_a_code_that_cant_be_is_refused_by_the_name_of_what_is_wrong(typed: str, said: str) -> None:
    with pytest.raises(InvalidError, match=said):
        checked_code(typed, FIELD)


@pytest.mark.parametrize("length", range(10, 31))
def test_a_random_code_reads_well(length: int) -> None:
    code = random_code("XMAS-", length)
    prefix, *groups = code.split("-")
    assert prefix == "XMAS"
    assert len("".join(groups)) == length
    assert {len(group) for group in groups} <= ({4, 5} if length != 11 else {3, 4})
    assert re.fullmatch("[23456789BCDFGHJKLMNPQRSTVWXYZ-]+", code.removeprefix("XMAS"))
    assert checked_code(code, FIELD) == code
    assert not random_code("", length).startswith("-")


def test_random_codes_differ_and_have_each_character_about_as_often() -> None:
    codes = [random_code("") for _ in range(3_000)]
    assert len(set(codes)) == len(codes)
    characters = sorted("".join(codes).replace("-", ""))
    counts = [len(list(same)) for _, same in groupby(characters)]
    assert len(counts) == 29
    assert 850 < min(counts) <= max(counts) < 1_230  # 1,034 each, and six deviations


def test_fewer_random_characters_than_keep_a_code_secret_are_refused() -> None:
    with pytest.raises(ValueError, match="10 random characters"):
        random_code("XMAS", 9)
