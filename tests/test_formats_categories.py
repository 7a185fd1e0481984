"""What the category formats make of files, good and bad."""

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercat.context import Context
from mercat.errors import InvalidError
from mercat.importing import Format, Rejected, Row
from mercat.settings import ShopSettings
from mercat_categories.formats import FORMATS
from mercat_categories.formats.mercat_csv import MercatCsv
from mercat_categories.records import CategoryRecord

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
FORMAT = {format_.name: format_ for format_ in FORMATS}
GOOGLE = """\
# Google_Product_Taxonomy_Version: 2021-09-21
1 - Animals & Pet Supplies
3237 - Animals & Pet Supplies > Live Animals
5181 - Luggage & Bags > Backpacks
"""
SHOPIFY = """\
# Shopify Product Taxonomy - Categories: 2026-02
gid://shopify/TaxonomyCategory/ap          : Animals & Pet Supplies
gid://shopify/TaxonomyCategory/ap-1        : Animals & Pet Supplies > Live Animals
"""
NODES = [
    {"id": "a", "name": "A", "path": [{"id": "a", "name": "A"}], "subCategories": [{"id": "b"}]},
    {"id": "b", "name": "B", "path": [{"id": "a"}, {"id": "b"}], "subCategories": []},
]
TAXONOMY = {
    "version": "1",
    "verticals": [
        {
            "name": "Pets",
            "categories": [
                {"id": "ap", "name": "Pets", "parent_id": None},
                {"id": "ap-1", "name": "Animals", "parent_id": "ap", "children": [{"id": "x"}]},
            ],
        },
        {"other": {"id": "no"}, "categories": [{"id": "gid://shopify/TaxonomyCategory/bi"}]},
    ],
}


def read(name: str, text: str | bytes) -> list[Row[CategoryRecord] | Rejected]:
    data = text.encode() if isinstance(text, str) else text
    return list(FORMAT[name].read(io.BytesIO(data)))


def tree(name: str, text: str | bytes) -> list[tuple[str, str, str | None]]:
    rows = [row.value for row in read(name, text) if isinstance(row, Row)]
    return [(row.key, row.name, row.parent) for row in rows]


def rejected(name: str, text: str | bytes) -> list[tuple[str, str]]:
    return [(r.where, r.reason) for r in read(name, text) if isinstance(r, Rejected)]


def texts(most: int, least: int = 0) -> st.SearchStrategy[str]:
    letters = st.one_of(
        st.sampled_from(',"> \n\r\t'),
        st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufdd0"),
    )
    plain = st.text(letters, max_size=most).map(str.strip)
    return plain.filter(lambda text: len(text) >= least)


_GERMAN = st.fixed_dictionaries(
    {
        "locale": st.just("de"),
        "name": texts(9, 1),
        "description": st.none() | texts(9, 1),
        "slug": st.none() | st.just("eins"),
    }
)


def records(*, children: bool) -> st.SearchStrategy[list[CategoryRecord]]:
    fields = {
        "key": texts(20, 1),
        "name": texts(20, 1),
        "parent": st.none() | texts(20, 1),
        "slug": st.none() | st.from_regex(r"[a-z0-9]{1,9}(-[a-z0-9]{1,9}){0,2}", fullmatch=True),
        "description": texts(99),
        "position": st.integers(0, 10**6),
        "children": st.lists(texts(9, 1), max_size=2 * children),
        "seo": st.none() | st.fixed_dictionaries({"title": texts(9, 1), "description": texts(9)}),
        "image": st.none() | st.fixed_dictionaries({"url": st.just("/media/a"), "alt": texts(9)}),
        "translations": st.none() | st.tuples(_GERMAN),
        "old_slugs": st.lists(st.from_regex(r"[a-z0-9]{1,9}", fullmatch=True), max_size=3),
        "former_paths": st.lists(texts(9, 1), max_size=2),
    }
    return st.lists(st.builds(CategoryRecord.model_validate, st.fixed_dictionaries(fields)))


@given(records(children=True))
@settings(max_examples=50, deadline=None)
def test_json_lines_round_trip(shop: list[CategoryRecord]) -> None:
    text = "\r\n".join(record.model_dump_json() for record in shop)
    assert [row.value for row in read("jsonl", text) if isinstance(row, Row)] == shop
    assert rejected("jsonl", text) == []


@given(records(children=False))
@settings(max_examples=50, deadline=None)
def test_csv_round_trip(shop: list[CategoryRecord]) -> None:
    context = cast("Context", SimpleNamespace(shop=ShopSettings(locales=("de",))))
    table = MercatCsv()
    data = table.head(context) + b"".join(table.written(one, context).data for one in shop)
    rows = read("csv", "\ufeff" + data.decode())
    assert [row.value for row in rows if isinstance(row, Row)] == shop
    assert len(rows) == len(shop)


def test_csv() -> None:
    text = "name,key,position\nA,a,2\n,b,\nB,b,x\nB,,1\n"
    assert tree("csv", text) == [("a", "A", None)]
    assert [where for where, _ in rejected("csv", text)] == ["line 3", "line 4", "line 5"]
    assert rejected("csv", text)[0][1].startswith("name: ")
    with pytest.raises(InvalidError, match="lacks the column 'key'"):
        read("csv", "name\n")


def test_google_taxonomy_with_ids() -> None:
    assert tree("paths", GOOGLE) == [
        ("1", "Animals & Pet Supplies", None),
        ("3237", "Live Animals", "1"),
        ("Luggage & Bags", "Luggage & Bags", None),
        ("5181", "Backpacks", "Luggage & Bags"),
    ]


def test_shopify_taxonomy_text() -> None:
    assert tree("paths", SHOPIFY) == [
        ("ap", "Animals & Pet Supplies", None),
        ("ap-1", "Live Animals", "ap"),
    ]


def test_plain_paths() -> None:
    text = "\ufeffA > B  >C\r\n\r\nA\r\nA > B\r\nA > D\r\n"
    assert tree("paths", text) == [
        ("A", "A", None),
        ("A > B", "B", "A"),
        ("A > B > C", "C", "A > B"),
        ("A > D", "D", "A"),
    ]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"A > > B", "a name in the path is empty"),
        (b"> A", "a name in the path is empty"),
        (b"A > \xff", "it holds bytes that are not UTF-8"),
        (b"A > \x00", "it holds a NUL character"),
        (b" > ".join([b"x"] * 200_000), "the path has more than 50 names"),
        (b"x" * (17 << 20), "the line is longer than 16 MiB"),
        (b"x" * 201, "name: String should have at most 200 characters"),
        (b"7 - A", "its path came before, as 'A'"),
    ],
)
def test_hostile_paths(bad: bytes, reason: str) -> None:
    data = b"A\n" + bad + b"\nB\n"
    assert [key for key, *_ in tree("paths", data)] == ["A", "B"]
    [(where, said)] = rejected("paths", data)
    assert where == "line 2"
    assert said.startswith(reason)
    assert len(said) <= 200


@pytest.mark.parametrize("text", [json.dumps(NODES), "\n".join(map(json.dumps, NODES))])
def test_nodes(text: str) -> None:
    assert tree("nodes", text) == [("a", "A", None), ("b", "B", "a")]
    first = read("nodes", text)[0]
    assert isinstance(first, Row)
    assert (first.where, first.value.children) == ("node a", ("b",))


def test_bad_nodes() -> None:
    text = json.dumps([{"id": "a", "name": None}, {"name": "A"}, 7, {"id": 8, "name": "B"}])
    assert tree("nodes", text) == [("8", "B", None)]
    assert rejected("nodes", text) == [
        ("node a", "name: Input should be a valid string"),
        ("item 2", "id: Field required"),
        ("item 3", "it is not an object"),
    ]


def test_shopify_taxonomy() -> None:
    text = json.dumps(TAXONOMY)
    assert tree("shopify", text) == [("ap", "Pets", None), ("ap-1", "Animals", "ap")]
    [(where, reason)] = rejected("shopify", text)
    assert where.endswith("/bi")
    assert reason == "name: Field required"


def test_a_taxonomy_that_ends_too_soon() -> None:
    text = json.dumps(TAXONOMY)
    half = text[: text.index("ap-1")]
    assert tree("shopify", half) == [("ap", "Pets", None)]
    assert rejected("shopify", half) == [
        ("item 2", "the file ends in the middle of it; the rest is not read")
    ]


SAMPLES = {
    "jsonl": '{"key": "a", "name": "A"}\n',
    "csv": "key,name\na,A\n",
    "paths": GOOGLE,
    "shopify": json.dumps(TAXONOMY),
    "nodes": json.dumps(NODES),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_formats_are_told_apart_by_content(name: str) -> None:
    head = b"\xef\xbb\xbf" + SAMPLES[name].encode() + b"\xc3"
    assert [f.name for f in FORMATS if f.matches(Path("x"), head)] == [name]


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"# only a comment\n",
        b"<p>a > b</p>",
        b'[{"name": "Tea", "price": 1}]',
        b"slug,name,categories,sku\na,A,B > C,D\n",
        b"id\ttitle\n1\tA > B\n",
        b"\xff\xfe",
    ],
)
def test_anything_else_matches_nothing(head: bytes) -> None:
    assert not any(f.matches(Path("categories.csv"), head) for f in FORMATS)


@given(st.binary(max_size=300), st.sampled_from(FORMATS), st.sampled_from(sorted(SAMPLES)))
def test_no_bytes_break_a_reader(data: bytes, format_: Format[CategoryRecord], name: str) -> None:
    whole = SAMPLES[name].encode() + b"\n" + data
    try:
        rows = list(format_.read(io.BytesIO(whole)))
    except InvalidError:
        return
    assert rows == list(format_.read(io.BytesIO(whole)))
    reasons = [row.reason for row in rows if isinstance(row, Rejected)]
    assert all(reason.isprintable() and len(reason) <= 200 for reason in reasons)


def test_real_nodes() -> None:
    path = SHARED / "bestbuy-categories.json"
    if not path.exists():
        pytest.skip("the shared test data is not here")
    data = path.read_bytes()
    assert [f.name for f in FORMATS if f.matches(path, data[:65_536])] == ["nodes"]
    rows = tree("nodes", data)
    keys = {key for key, *_ in rows}
    assert len(rows) == len(keys) == 4583
    assert sum(parent not in keys for *_, parent in rows if parent) == 363
    assert rejected("nodes", data) == [
        ("node pcmcat748300293073", "name: Input should be a valid string")
    ]
