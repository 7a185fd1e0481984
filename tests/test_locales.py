"""A root field's `locale` holds for all that is selected below it, however the operation is run."""

import json
from pathlib import Path
from typing import Any

import pytest

from mercat.engine import Engine

from .conftest import Client, ClientFor, EngineFor, until, write_jsonl
from .test_catalogue import load, product
from .test_categories_editing import LOCALES, category

GERMAN = [{"locale": "de", "name": "Lederschuh", "slug": "lederschuh"}]
SHOWN = "name categories { name parent { name children { name } } }"
N = f"nodes {{ {SHOWN} }}"
E = f"node {{ {SHOWN} }}"
IN_GERMAN = {
    "name": "Lederschuh",
    "categories": [
        {"name": "Schuhe", "parent": {"name": "Mode", "children": [{"name": "Schuhe"}]}}
    ],
}
QUERIES = [
    f'{{ product(slug: "loc1", locale: "de") {{ {SHOWN} }} }}',
    f'{{ products(first: 1, locale: "de") {{ {N} }} }}',
    f'{{ products(first: 1, sort: NAME, locale: "de") {{ {N} }} }}',
    f'{{ productSearch(query: "leder", first: 9, locale: "de") {{ {N} }} }}',
    f'{{ productSearch(query: "leder", first: 9, locale: "de") {{ edges {{ {E} }} }} }}',
    f'{{ productSuggestions(prefix: "Leder", locale: "de") {{ product {{ {SHOWN} }} }} }}',
    f'{{ variant(sku: "LOC1", locale: "de") {{ product {{ {SHOWN} }} }} }}',
    f'{{ category(slug: "shoes", locale: "de") {{ products(first: 9) {{ {N} }} }} }}',
    f'{{ categoryTree(locale: "de") {{ products(first: 9) {{ {N} }} }} }}',
    f'{{ categories(first: 1, locale: "de") {{ nodes {{ products(first: 9) {{ {N} }} }} }} }}',
]


@pytest.fixture
async def shop(engine_for: EngineFor, tmp_path: Path) -> Engine:
    """A shoe in a category below another, all of them in two languages; the search knows it."""
    engine = await engine_for(LOCALES, work=True)
    fashion = await category(engine, "Fashion", translations=[{"locale": "de", "name": "Mode"}])
    await category(engine, "Shoes", fashion, translations=[{"locale": "de", "name": "Schuhe"}])
    row = product("loc1", name="Leather shoe", translations=GERMAN, categories=["Fashion > Shoes"])
    await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", [row]))
    return engine


@pytest.fixture
async def client(shop: Engine, client_for: ClientFor) -> Client:
    found = client_for(shop)

    async def is_found() -> bool:
        said = await found.ask('{ productSearch(query: "leather", first: 9) { totalCount } }')
        return bool(said["data"] == {"productSearch": {"totalCount": 1}})

    await until(is_found)
    return found


def innermost(data: Any) -> Any:
    """What stands below the wrappers of a query: the first that has a name."""
    while "name" not in data:
        data = next(iter(data.values())) if isinstance(data, dict) else data[0]
    return data


async def test_a_locale_holds_for_everything_below_it(client: Client) -> None:
    for query in QUERIES:
        for _ in range(4):  # interpreted, compiled, kept
            assert innermost(await client.data(query)) == IN_GERMAN, query
        english = query.replace(', locale: "de"', "").replace('(locale: "de")', "")
        english = english.replace('"leder"', '"leather"')
        english = english.replace('"Leder"', '"Leather"')
        found = innermost(await client.data(english))
        assert (found["name"], found["categories"][0]["name"]) == ("Leather shoe", "Shoes")


async def over_events(client: Client, query: str, **variables: Any) -> Any:
    """The data of an answer that graphql-core makes."""
    answer = await client.http.post(
        "/graphql",
        json={"query": query, "variables": variables},
        headers={"accept": "text/event-stream"},
    )
    said = next(line for line in answer.text.splitlines() if line.startswith("data: {"))
    return json.loads(said.removeprefix("data: "))["data"]


async def test_it_holds_over_events_too(client: Client) -> None:
    for query in QUERIES:
        assert innermost(await over_events(client, query)) == IN_GERMAN, query


async def test_fields_in_two_locales_stay_apart(client: Client) -> None:
    query = """query ($locale: String, $slug: String!) {
      a: product(slug: $slug, locale: $locale) { ...P }
      b: product(slug: $slug, locale: "de") { ...P }
      c: product(slug: $slug, locale: "en") { ...P }
      d: product(slug: $slug) { ...P } }
      fragment P on Product { name categories { name parent { name } } }"""
    german = {"name": "Lederschuh", "categories": [{"name": "Schuhe", "parent": {"name": "Mode"}}]}
    english = {
        "name": "Leather shoe",
        "categories": [{"name": "Shoes", "parent": {"name": "Fashion"}}],
    }
    for locale, seen in (("de", german), ("en", english), (None, english)) * 3:
        data = await client.data(query, {"locale": locale, "slug": "loc1"})
        assert data == {"a": seen, "b": german, "c": english, "d": english}
    data = await over_events(client, query, slug="loc1")
    assert data == {"a": english, "b": german, "c": english, "d": english}
    for _ in range(2):  # the argument goes before the header
        asked = await client.ask(query, {"slug": "loc1"}, **{"accept-language": "de"})
        assert asked["data"] == {"a": german, "b": german, "c": english, "d": german}


async def test_facets_name_categories_in_the_locale(client: Client) -> None:
    query = """{ productSearch(query: "leather", first: 9, locale: "de") {
      facets { categories { count category { name } } } } }"""
    for _ in range(3):
        found = (await client.data(query))["productSearch"]["facets"]["categories"]
        assert {one["category"]["name"] for one in found} == {"Mode", "Schuhe"}


REFUSED = [
    'products(first: 1, locale: "xx") { totalCount }',
    'productSearch(query: "x", first: 9, locale: "xx") { totalCount }',
    'productSuggestions(prefix: "x", locale: "xx") { text }',
    'variant(sku: "x", locale: "xx") { id }',
    'allCategories(locale: "xx") { id }',
]


async def test_a_locale_that_the_shop_has_not_is_refused(client: Client) -> None:
    for field in REFUSED * 3:
        answer = await client.ask(f"{{ {field} }}")
        assert "has no locale 'xx'" in answer["errors"][0]["message"]
        assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
