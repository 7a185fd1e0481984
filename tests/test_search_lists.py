"""Pages, facets and the life of the index behind `productSearch`."""

import asyncio
import random
import shutil
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mercat.context import ANONYMOUS
from mercat.engine import Engine
from mercat_products.documents import ProductDocument

from .asking import told
from .conftest import EngineFor, until, write_jsonl
from .test_catalogue import load, product
from .test_search import SHOP, ask, insert, record, search, slugs, until_indexed

FACETS = """query ($query: String!, $filter: ProductFilter) {
  productSearch(query: $query, filter: $filter, first: 1) { totalCount facets { inStock
    brands { value count } options { name values { value count } }
    attributes { name values { value count } } } } }"""
SORTS = ["RELEVANCE", "NEWEST", "OLDEST", "PRICE_LOW", "PRICE_HIGH", "NAME", "UPDATED"]


def catalogue(seed: int, count: int) -> list[dict[str, Any]]:
    """Random products with few different names, prices and values, so that many are alike."""
    chance = random.Random(seed)
    return [
        record(
            f"p-{seed}-{number}",
            name=chance.choice(["Red lamp", "red Lamp", "Blue lamp", "Lamp", "Élan lamp"]),
            brand=chance.choice(["Aa", "Bb", None]),
            attributes=[{"key": "weight", "value": float(chance.randint(1, 3))}],
            variants=[
                {
                    "sku": f"s-{seed}-{number}-{size}",
                    "options": [{"name": "Size", "value": size}],
                    "prices": [{"currency": chance.choice(["EUR", "USD"]), "amount": 100 * n}],
                    "available": chance.random() < 0.5,
                }
                for n, size in enumerate(chance.sample("SML", chance.randint(1, 3)), 1)
            ],
        )
        for number in range(count)
    ]


async def test_every_order_pages_through_all_once_while_products_come(
    engine_for: EngineFor,
) -> None:
    engine = await engine_for(SHOP, work=True)
    first = catalogue(1, 60)
    await insert(engine, first)
    await until_indexed(engine, 60)
    wanted = {each["slug"] for each in first}
    for number, sort in enumerate(SORTS):
        for size, query in ((7, "lamp"), (19, "")):
            seen: list[str] = []
            after = None
            while True:
                page = await search(engine, query, sort=sort, first=size, after=after)
                assert "error" not in page, page
                seen += [node["slug"] for node in page["nodes"]]
                after = page["pageInfo"]["endCursor"]
                if len(seen) == size:
                    await insert(engine, catalogue(100 * number + size, 3))
                if not page["pageInfo"]["hasNextPage"]:
                    break
            assert len(seen) == len(set(seen)), sort
            assert wanted <= set(seen), sort


BACKWARD = """query ($query: String!, $sort: ProductSort!, $first: Int, $after: String, $last: Int,
                   $before: String) {
  productSearch(query: $query, sort: $sort, first: $first, after: $after, last: $last,
                before: $before) {
    edges { cursor node { slug } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""


async def test_every_order_is_the_same_backward(engine_for: EngineFor) -> None:
    engine = await engine_for(SHOP, work=True)
    await insert(engine, catalogue(12, 33))
    await until_indexed(engine, 33)
    for sort in SORTS:
        for query, size in (("lamp", 7), ("red lamp", 4), ("red lamp bicycle", 5), ("", 11)):
            forward = await slugs(engine, query, sort=sort)
            seen: list[str] = []
            before = None
            while True:
                asked: dict[str, Any] = {"query": query, "sort": sort, "last": size}
                asked["before"] = before
                page = (await ask(engine, BACKWARD, **asked))["productSearch"]
                info, edges = page["pageInfo"], page["edges"]
                assert info["hasNextPage"] is (before is not None)
                assert (info["startCursor"], info["endCursor"]) == (
                    edges[0]["cursor"],
                    edges[-1]["cursor"],
                )
                seen = [edge["node"]["slug"] for edge in edges] + seen
                before = info["startCursor"]
                if not info["hasPreviousPage"]:
                    break
                assert len(edges) == size
            assert seen == forward, (sort, query)


async def test_pages_there_and_back_meet_in_the_middle(engine_for: EngineFor) -> None:
    engine = await engine_for(SHOP, work=True)
    await insert(engine, catalogue(13, 12))
    await until_indexed(engine, 12)
    for sort in SORTS:
        order: dict[str, Any] = {"query": "lamp", "sort": sort}
        first = (await ask(engine, BACKWARD, **order, first=5))["productSearch"]
        after = first["pageInfo"]["endCursor"]
        second = (await ask(engine, BACKWARD, **order, first=5, after=after))["productSearch"]
        before = second["edges"][0]["cursor"]
        again = (await ask(engine, BACKWARD, **order, last=5, before=before))["productSearch"]
        assert again["edges"] == first["edges"], sort
        assert (again["pageInfo"]["hasPreviousPage"], again["pageInfo"]["hasNextPage"]) == (
            False,
            True,
        )
    wrong: dict[str, Any]
    for wrong in ({"first": 1, "last": 1}, {"first": 1, "before": before}, {"last": 0}, {}):
        answer = await ask(engine, BACKWARD, **order, **wrong)
        assert answer["error"]["extensions"]["code"] == "BAD_REQUEST"


async def test_orders_are_what_they_say(engine_for: EngineFor) -> None:
    engine = await engine_for(SHOP, work=True)
    first = catalogue(2, 40)
    await insert(engine, first)
    await until_indexed(engine, 40)
    price = {
        each["slug"]: min(
            (p["amount"] for v in each["variants"] for p in v["prices"] if p["currency"] == "EUR"),
            default=10**9,
        )
        for each in first
    }
    low = [price[slug] for slug in await slugs(engine, sort="PRICE_LOW")]
    assert low == sorted(low)
    high = [price[slug] for slug in await slugs(engine, sort="PRICE_HIGH")]
    sold = [each for each in high if each < 10**9]
    assert high == sorted(sold, reverse=True) + [10**9] * (len(high) - len(sold))
    names = {each["slug"]: each["name"].casefold().replace("é", "e") for each in first}
    by_name = [names[slug] for slug in await slugs(engine, sort="NAME")]
    assert by_name == sorted(by_name)


async def test_cursor_of_another_list_is_refused(engine_for: EngineFor) -> None:
    engine = await engine_for(SHOP, work=True)
    await insert(engine, catalogue(3, 5))
    await until_indexed(engine, 5)
    page = await search(engine, "lamp", first=2)
    after = page["pageInfo"]["endCursor"]
    for query, variables in (("lam", {}), ("lamp", {"sort": "NAME"}), ("lamp", {"after": "x"})):
        asked = {"first": 2, "after": after, **variables}
        answer = await search(engine, query, **asked)
        assert "not a cursor of this list" in answer["error"]["message"]


@pytest.mark.parametrize("seed", range(3))
async def test_facets_are_what_counting_by_hand_gives(engine_for: EngineFor, seed: int) -> None:
    engine = await engine_for(SHOP, work=True)
    all_ = catalogue(seed, 80)
    await insert(engine, all_)
    await until_indexed(engine, 80)
    for brand, size in ((None, None), ("Aa", None), (None, "S"), ("Bb", "M")):
        filter_: dict[str, Any] = {"brands": [brand]} if brand else {}
        if size:
            filter_["options"] = [{"name": "Size", "values": [size]}]
        found = (await ask(engine, FACETS, ANONYMOUS, query="lamp", filter=filter_))[
            "productSearch"
        ]
        branded = [each for each in all_ if brand in {None, each["brand"]}]
        sized = [each for each in all_ if size is None or size in sizes(each)]
        both = [each for each in branded if each in sized]
        assert found["totalCount"] == len(both)
        facets = found["facets"]
        assert counts(facets["brands"]) == Counter(e["brand"] for e in sized if e["brand"])
        assert named(facets["options"]) == {"Size": Counter(s for e in branded for s in sizes(e))}
        weights = Counter(f"{each['attributes'][0]['value']:g}" for each in both)
        assert named(facets["attributes"]) == {"weight": weights}
        stocked = [e for e in both if any(v["available"] for v in e["variants"])]
        assert facets["inStock"] == len(stocked)


def sizes(each: dict[str, Any]) -> set[str]:
    return {option["value"] for variant in each["variants"] for option in variant["options"]}


def counts(values: list[dict[str, Any]]) -> Counter[str]:
    return Counter({each["value"]: each["count"] for each in values})


def named(facets: list[dict[str, Any]]) -> dict[str, Counter[str]]:
    return {each["name"]: counts(each["values"]) for each in facets}


def index_folder(engine: Engine) -> Path:
    return engine.storage.data_dir / "search"


def remove(folder: Path) -> None:
    """Remove a folder in which somebody may be writing just now."""
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)


async def test_removed_index_comes_back(engine_for: EngineFor) -> None:
    engine = await engine_for(SHOP, work=True)
    await insert(engine, catalogue(4, 10))
    await until_indexed(engine, 10)
    await asyncio.to_thread(remove, index_folder(engine))
    await insert(engine, catalogue(5, 1))
    await until_indexed(engine, 11)
    assert list(index_folder(engine).rglob("meta.json"))


async def test_broken_index_is_made_anew(engine_for: EngineFor) -> None:
    engine = await engine_for(SHOP, work=True)
    await insert(engine, catalogue(6, 10))
    await until_indexed(engine, 10)
    for meta in index_folder(engine).rglob("meta.json"):
        meta.write_text("{")
    await insert(engine, catalogue(7, 1))
    await until_indexed(engine, 11)


async def test_second_engine_finds_changes_and_takes_over(engine_for: EngineFor) -> None:
    await engine_for(SHOP)  # the fixture drops the database by the first one
    first = await engine_for(SHOP, work=True)
    second = await engine_for(SHOP, work=True)
    await insert(first, catalogue(8, 3))
    await until_indexed(second, 3)
    products = first.storage.collection(ProductDocument)
    await products.update_many({}, {"$set": {"status": "archived"}})
    started = time.monotonic()

    async def is_gone() -> bool:
        return await slugs(first) == [] and await slugs(second) == []

    await until(is_gone)
    assert time.monotonic() - started < 1
    await first.stop()
    await insert(second, catalogue(9, 2))
    await until_indexed(second, 5)


async def test_restart_goes_on_from_the_last_commit(engine_for: EngineFor) -> None:
    other = await engine_for(SHOP)  # its stores only
    engine = await engine_for(SHOP, work=True)
    await insert(engine, catalogue(10, 3))
    await until_indexed(engine, 3)
    before = {path.parent for path in index_folder(engine).rglob("meta.json")}
    await engine.stop()
    await insert(other, catalogue(11, 2))
    again = await engine_for(SHOP, work=True)
    await until_indexed(again, 5)
    assert {path.parent for path in index_folder(again).rglob("meta.json")} == before


async def test_plugin_that_answers_wins(
    engine_for: EngineFor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "rival_search"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        '"""Rival."""\nfrom mercat import Manifest\n'
        'manifest = Manifest(name="rival_search", version="1.0.0")\n'
    )
    (folder / "hooks.py").write_text(
        "from bson import ObjectId\nfrom mercat.catalog import ProductHit, SearchAnswer\n"
        "from mercat.hooks import hookimpl\n\n@hookimpl\nasync def search(wanted):\n"
        "    if wanted.text != 'rival':\n        return None\n"
        "    keys = wanted.conditions.brands\n"
        "    hits = tuple(ProductHit(ObjectId(key), 'here') for key in keys)[:wanted.count]\n"
        "    return SearchAnswer(hits=hits, total=42)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    toml = SHOP.replace('"products",', '"products", "rival_search",')
    engine = await engine_for(toml, work=True)
    shown, hidden = record("shown"), record("hidden", status="draft")
    await insert(engine, [shown, hidden])
    await until_indexed(engine, 2)
    brands = [str(hidden["_id"]), str(shown["_id"])]
    found = await search(engine, "rival", filter={"brands": brands})
    assert found["totalCount"] == 42
    assert [node["slug"] for node in found["nodes"]] == ["shown"]
    assert await slugs(engine, "shown") == ["shown"]
    sys.modules.pop("rival_search", None)
    sys.modules.pop("rival_search.hooks", None)


NARROWED = """query ($within: [ID!]) {
  productSearch(query: "", filter: { within: $within }, first: 1) {
    facets { categories { count category { slug } } } } }"""


async def test_category_counts_say_what_is_below_a_small_one_of_many(
    engine_for: EngineFor, tmp_path: Path
) -> None:
    engine = await engine_for('[plugins]\nenabled = ["media", "products", "categories"]', work=True)
    rows = [product(f"p{n}-{k}", categories=[f"Large {n}"]) for n in range(101) for k in range(2)]
    rows += [product("tea", categories=["Small > Green"]), product("mug", categories=["Small"])]
    await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", rows))
    await until_indexed(engine, len(rows))
    data = await told(engine, '{ category(slug: "small") { id } }')
    answer = await told(engine, NARROWED, {"within": [data["category"]["id"]]})
    found = answer["productSearch"]["facets"]["categories"]
    assert {one["category"]["slug"]: one["count"] for one in found} == {"small": 2, "green": 1}
    everything = (await told(engine, NARROWED))["productSearch"]["facets"]["categories"]
    assert {one["count"] for one in everything} == {2}
    assert len(everything) == 100
