"""Search in shops of several languages, those without spaces among them, and while it is made."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from mercat.context import ANONYMOUS
from mercat.engine import Engine
from mercat.storage import Record
from mercat_products.search import following
from mercat_products.search.following import Follower

from .asking import answered, told
from .conftest import EngineFor, until
from .test_search import ask, insert, record, search, slugs, until_indexed

HIGHLIGHTS = """query ($query: String!) { productSearch(query: $query, first: 5) {
  edges { highlights { field parts { text isMatch } } } } }"""
BY_NAME = "{ products(first: 10, sort: NAME) { nodes { name } pageInfo { endCursor } } }"


def translated(**names: str) -> list[dict[str, Any]]:
    return [
        {"locale": locale, "name": name, "description": None, "slug": None}
        for locale, name in names.items()
    ]


@pytest.fixture
async def shop(engine_for: EngineFor) -> Engine:
    """A shop that also has languages without spaces, which most of its texts are not in."""
    engine = await engine_for('[shop]\nlocales = ["ja", "ko", "th", "zh", "de"]\n', work=True)
    await insert(
        engine,
        [
            record("apple", name="Apple - 1.6' Lightning-to-USB Cable", brand="Apple"),
            record("case", name="Leather case for Samsung Galaxy"),
            record("phone", name="Phone", translations=translated(ja="携帯電話 充電器")),
            record("belt", name="Belt", translations=translated(ja="携行帯")),
            record("bag", name="Bag", translations=translated(ko="가죽가방", th="กระเป๋าหนัง")),
        ],
    )
    await until_indexed(engine, 5)
    return engine


async def test_typos_and_words_are_those_of_shops_without_such_a_language(shop: Engine) -> None:
    found = await search(shop, "samsng galaxy")
    assert [node["slug"] for node in found["nodes"]] == ["case"]
    assert found["didYouMean"] == "samsung galaxy"
    assert await slugs(shop, "aple") == ["apple"]
    assert await slugs(shop, "e") == []


async def test_whole_words_are_highlighted(shop: Engine) -> None:
    found = await told(shop, HIGHLIGHTS, {"query": "apple"}, viewer=ANONYMOUS)
    (highlight,) = found["productSearch"]["edges"][0]["highlights"]
    parts = [part["text"] for part in highlight["parts"] if part["isMatch"]]
    assert parts == ["Apple"]


@pytest.mark.parametrize(
    ("query", "slug"), [("携帯", "phone"), ("電話", "phone"), ("가방", "bag"), ("หนัง", "bag")]
)
async def test_a_piece_of_an_unspaced_text_finds_it(shop: Engine, query: str, slug: str) -> None:
    assert await slugs(shop, query) == [slug]


async def test_an_unspaced_piece_is_highlighted_as_a_whole(shop: Engine) -> None:
    found = await answered(
        shop, HIGHLIGHTS, {"query": "携帯電話"}, viewer=ANONYMOUS, languages="ja"
    )
    (highlight,) = found["data"]["productSearch"]["edges"][0]["highlights"]
    assert highlight["parts"][0] == {"text": "携帯電話", "isMatch": True}


async def test_names_are_sorted_as_they_are_read(engine_for: EngineFor) -> None:
    engine = await engine_for('[shop]\nlocales = ["de"]\n', work=True)
    rows = [("Apple", "Zitrone"), ("Zebra", "Aal"), ("Melon", None)]
    await insert(
        engine,
        [
            record(
                name.lower(),
                name=name,
                translations=translated(de=de) if de else [],
            )
            for name, de in rows
        ],
    )
    await until_indexed(engine, 3)
    german = await told(engine, BY_NAME, viewer=ANONYMOUS, languages="de")
    english = await told(engine, BY_NAME, viewer=ANONYMOUS)
    assert [node["name"] for node in german["products"]["nodes"]] == ["Aal", "Melon", "Zitrone"]
    assert [node["name"] for node in english["products"]["nodes"]] == ["Apple", "Melon", "Zebra"]
    first = (
        "query ($after: String, $first: Int!) { products(first: $first, after: $after, sort: NAME)"
    )
    pages = f"{first} {{ nodes {{ name }} pageInfo {{ endCursor }} }} }}"
    names, after = [], None
    for _ in range(3):
        page = (await told(engine, pages, {"first": 1, "after": after}, languages="de"))["products"]
        names += [node["name"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
    assert names == ["Aal", "Melon", "Zitrone"]
    other = await answered(engine, pages, {"first": 1, "after": after}, languages="en")
    assert "not a cursor of this list" in other["errors"][0]["message"]


@pytest.mark.parametrize("field", ["products", "productSearch"])
async def test_a_price_in_a_currency_that_the_shop_has_not_is_the_callers_mistake(
    engine_for: EngineFor, field: str
) -> None:
    engine = await engine_for(work=True)
    await until_indexed(engine, 0)
    words = 'query: "", ' if field == "productSearch" else ""
    price = '{price: {currency: "GBP", minimum: "1"}}'
    found = await ask(engine, f"{{ {field}({words}first: 1, filter: {price}) {{ totalCount }} }}")
    assert found["error"]["extensions"]["code"] == "BAD_REQUEST"
    assert found["error"]["message"] == "the shop sells in EUR, not in GBP"


async def test_lists_by_the_index_say_so_while_it_is_made(
    engine_for: EngineFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = asyncio.Event()
    windows = Follower._all

    async def slowly(self: Follower) -> AsyncIterator[list[Record]]:
        async for records in windows(self):
            yield records
            await go_on.wait()

    monkeypatch.setattr(Follower, "_all", slowly)
    monkeypatch.setattr(following, "_WINDOW", 2)
    monkeypatch.setattr(following, "_SHOWN_EVERY", 1)
    before = await engine_for()
    await insert(before, [record(f"p-{n}") for n in range(5)])
    engine = await engine_for(work=True)

    async def is_begun() -> bool:
        return (await search(engine)).get("totalCount") == 2

    await until(is_begun)
    assert not (await search(engine))["isComplete"]
    found = await ask(engine, BY_NAME)
    assert found["error"]["extensions"]["code"] == "UNAVAILABLE"
    assert "index is being made" in found["error"]["message"]
    go_on.set()
    await until_indexed(engine, 5)
    assert len((await ask(engine, BY_NAME))["products"]["nodes"]) == 5
