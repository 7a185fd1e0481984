"""The catalogue as a client asks for it."""

from pathlib import Path
from typing import Any

import pytest

from mercat.engine import Engine
from mercat.importing import Importer, Tally, import_file

from .conftest import Client, write_jsonl


def product(slug: str, **values: Any) -> dict[str, Any]:
    return {
        "slug": slug,
        "name": slug.replace("-", " ").title(),
        "variants": [{"sku": slug.upper(), "prices": [{"amount": "12.50", "currency": "EUR"}]}],
        **values,
    }


def importer(engine: Engine, noun: str) -> Importer[Any]:
    return next(found for _, found in engine.importers() if found.noun == noun)


async def load(engine: Engine, noun: str, file: Path) -> Tally:
    total = Tally()
    await import_file(importer(engine, noun), engine.context(), file, on_tally=total.add)
    return total


@pytest.fixture
async def thirty(engine: Engine, tmp_path: Path) -> Engine:
    rows = [
        product(f"p-{n:02}", categories=["Clothing > Shoes" if n % 3 else "Clothing"])
        for n in range(30)
    ]
    tally = await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", rows))
    assert tally.created == 30, tally
    return engine


async def test_product_is_found_by_slug_and_by_id(thirty: Engine, client: Client) -> None:
    found = await client.data('{ product(slug: "p-07") { id name } }')
    again = await client.data(
        "query ($id: ID!) { product(id: $id) { name } node(id: $id) { __typename id } }",
        {"id": found["product"]["id"]},
    )
    assert again["product"]["name"] == "P 07"
    assert again["node"] == {"__typename": "Product", "id": found["product"]["id"]}


@pytest.mark.parametrize("sort", ["NEWEST", "OLDEST"])
async def test_every_page_forward_and_backward_gives_the_whole_list(
    thirty: Engine, client: Client, sort: str
) -> None:
    expected = [f"p-{n:02}" for n in range(30)]
    if sort == "NEWEST":
        expected.reverse()
    query = """query ($first: Int, $after: String, $last: Int, $before: String,
                      $sort: ProductSort!) {
      products(first: $first, after: $after, last: $last, before: $before, sort: $sort) {
        totalCount nodes { slug } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      } }"""
    seen, after = [], None
    while True:
        page = (await client.data(query, {"first": 7, "after": after, "sort": sort}))["products"]
        seen += [node["slug"] for node in page["nodes"]]
        assert page["totalCount"] == 30
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == expected
    seen, before = [], None
    while True:
        page = (await client.data(query, {"last": 7, "before": before, "sort": sort}))["products"]
        seen = [node["slug"] for node in page["nodes"]] + seen
        before = page["pageInfo"]["startCursor"]
        if not page["pageInfo"]["hasPreviousPage"]:
            break
    assert seen == expected


async def test_category_lists_what_is_in_it_and_below_it(thirty: Engine, client: Client) -> None:
    data = await client.data(
        """{ clothing: category(slug: "clothing") { products(first: 100) { totalCount } }
             shoes: category(slug: "shoes") {
               depth parent { name } ancestors { slug }
               products(first: 1, sort: OLDEST) { totalCount nodes { slug categories { name } } }
             } }"""
    )
    assert data["clothing"]["products"]["totalCount"] == 30
    assert data["shoes"]["products"]["totalCount"] == 20
    assert data["shoes"]["products"]["nodes"] == [
        {"slug": "p-01", "categories": [{"name": "Shoes"}]}
    ]
    assert data["shoes"]["parent"] == {"name": "Clothing"}
    assert data["shoes"]["depth"] == 1


async def test_importing_twice_changes_nothing(
    thirty: Engine, client: Client, tmp_path: Path
) -> None:
    before = await thirty.storage.database["products"].find().sort("_id").to_list()
    tally = await load(thirty, "products", tmp_path / "p.jsonl")
    after = await thirty.storage.database["products"].find().sort("_id").to_list()
    assert (tally.created, tally.updated, tally.unchanged, tally.rejected) == (0, 0, 30, [])
    assert before == after


async def test_draft_and_archived_products_are_not_shown(
    engine: Engine, client: Client, tmp_path: Path
) -> None:
    rows = [product("seen"), product("draft", status="draft"), product("old", status="archived")]
    await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", rows))
    stored = await engine.storage.database["products"].find_one({"slug": "draft"})
    assert stored is not None
    data = await client.data(
        '{ products(first: 10) { totalCount nodes { slug } } product(slug: "draft") { id } '
        'variant(sku: "OLD") { id } }'
    )
    assert data == {
        "products": {"totalCount": 1, "nodes": [{"slug": "seen"}]},
        "product": None,
        "variant": None,
    }
