"""`productSearch` and `productSuggestions`: words, typos, languages, filters, hostile texts."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from mercat.context import ANONYMOUS, Context, Viewer
from mercat.engine import Engine
from mercat.graphql.execution import run
from mercat.ids import encode_id
from mercat.storage.pages import reserve_numbers
from mercat_products.documents import COUNTER, ProductDocument

from .asking import told
from .conftest import EngineFor, until

SHOP = """[shop]
locales = ["de"]
currencies = ["USD"]
[plugins]
enabled = ["media", "products", "categories"]
"""
STAFF = Viewer(role="ADMIN", permissions=frozenset({"products.manage"}), user="admin")
SELLER = Viewer(role="SELLER", permissions=frozenset({"products.sell"}), user="s", seller="5" * 24)
SEARCH = """query ($query: String!, $filter: ProductFilter, $sort: ProductSort! = RELEVANCE,
                  $first: Int! = 100, $after: String) {
  productSearch(query: $query, filter: $filter, sort: $sort, first: $first, after: $after) {
    totalCount didYouMean isComplete nodes { slug }
    pageInfo { hasNextPage endCursor } } }"""


def record(slug: str, **values: Any) -> dict[str, Any]:
    """A stored product."""
    now = datetime.now(UTC)
    variant = {
        "id": ObjectId(),
        "sku": f"sku-{slug}",
        "name": "",
        "options": [],
        "prices": [{"currency": "EUR", "amount": 1000}],
        "available": True,
    }
    variants = [{**variant, "id": ObjectId(), **each} for each in values.pop("variants", [{}])]
    return {
        "_id": ObjectId(),
        "slug": slug,
        "addresses": [slug],
        "name": slug.replace("-", " ").title(),
        "description": "",
        "status": "active",
        "tags": [],
        "variants": variants,
        "created_at": now,
        "updated_at": now,
        "version": 1,
        **values,
    }


async def insert(engine: Engine, records: list[dict[str, Any]]) -> None:
    """Store products as they are, each with the next number."""
    numbers = await reserve_numbers(engine.storage, COUNTER, len(records))
    for number, each in zip(numbers, records, strict=True):
        each["number"] = number
    await engine.storage.collection(ProductDocument).insert_many(records)


async def ask(
    engine: Engine, document: str, viewer: Viewer = ANONYMOUS, **variables: Any
) -> dict[str, Any]:
    """The data of an operation; or its first error, below `error`."""
    result = await run(
        engine.schema._schema,
        engine.documents.get(document),
        Context(engine, viewer),
        variables=variables,
    )
    if result.errors:
        return {"error": dict(result.errors[0].formatted)}
    assert result.data is not None
    return dict(result.data)


async def search(
    engine: Engine, query: str = "", viewer: Viewer = ANONYMOUS, **variables: Any
) -> dict[str, Any]:
    answer = await ask(engine, SEARCH, viewer, query=query, **variables)
    found: dict[str, Any] = answer.get("productSearch", answer)
    return found


async def slugs(
    engine: Engine, query: str = "", viewer: Viewer = ANONYMOUS, **variables: Any
) -> list[str]:
    found = await search(engine, query, viewer, **variables)
    assert "error" not in found, found
    return [node["slug"] for node in found["nodes"]]


async def until_indexed(engine: Engine, count: int) -> None:
    """Wait until the index has so many products."""

    async def has_all() -> bool:
        found = await search(engine, viewer=STAFF)
        return found.get("totalCount") == count and bool(found["isComplete"])

    await until(has_all)


CATALOGUE = [
    record(
        "running-shoe",
        brand="Nimbus",
        tags=["sport"],
        description="<p>For <b>marathon</b> runners &amp; walkers</p>",
        variants=[
            {
                "sku": "RS-42-A",
                "barcode": "4006381333931",
                "options": [{"name": "Size", "value": "42"}],
                "prices": [
                    {"currency": "EUR", "amount": 5000},
                    {"currency": "USD", "amount": 6000},
                ],
            },
            {"sku": "RS-43-A", "options": [{"name": "Size", "value": "43"}], "available": False},
        ],
        attributes=[
            {"key": "weight", "value": 240.5},
            {"key": "waterproof", "value": True},
            {"key": "colours", "value": ["red", "blue"]},
        ],
    ),
    record(
        "walking-shoe",
        brand="Adda",
        variants=[{"prices": [{"currency": "EUR", "amount": 9000}], "in_stock": False}],
        attributes=[{"key": "weight", "value": 380.0}, {"key": "waterproof", "value": False}],
    ),
    record(
        "kettle",
        translations=[
            {"locale": "de", "name": "Wasserkocher", "description": "Für Freunde der Bücher"}
        ],
    ),
    record("rs-42-a-cover", name="Cover for RS-42-A shoes"),
    record("shoe", name="Shoe"),
    record("sofa", name="Three-Seat Sofa"),
    record("hidden-shoe", status="draft"),
    record("own-draft", name="Own shoe", status="draft", seller=SELLER.seller, brand="Secretive"),
]


@pytest.fixture
async def shop(engine_for: EngineFor) -> Engine:
    engine = await engine_for(SHOP, work=True)
    await insert(engine, [dict(each) for each in CATALOGUE])
    await until_indexed(engine, len(CATALOGUE))
    return engine


async def test_an_sku_is_found_as_it_is_typed_from_its_third_character_on(shop: Engine) -> None:
    assert await slugs(shop, "400638133393") == ["running-shoe"]
    assert await slugs(shop, "400") == ["running-shoe"]
    assert await slugs(shop, "40") == []  # every tenth of the shop's SKUs might begin so


async def test_exact_sku_and_exact_name_come_first(shop: Engine) -> None:
    assert (await slugs(shop, "RS-42-A"))[0] == "running-shoe"
    assert (await slugs(shop, "4006381333931")) == ["running-shoe"]
    found = await slugs(shop, "shoe")
    assert found[0] == "shoe"
    assert set(found) == {"shoe", "running-shoe", "walking-shoe", "rs-42-a-cover"}


FOUND = [
    ("shoes", "walking-shoe"),
    ("runs", "running-shoe"),
    ("runn", "running-shoe"),
    ("walki", "walking-shoe"),
    ("marathons", "running-shoe"),
    ("nimbus shoe", "running-shoe"),
    ("the sofas", "sofa"),
    ("wasserkochern", "kettle"),
    ("buch", "kettle"),
    ("runing shoe", "running-shoe"),
    ("nimbsu", "running-shoe"),
    ("wasserkoher", "kettle"),
]


async def test_stems_prefixes_and_typos_find(shop: Engine) -> None:
    for text, slug in FOUND:
        assert slug in await slugs(shop, text), text


async def test_two_of_three_words_are_enough_where_nothing_has_all(shop: Engine) -> None:
    assert await slugs(shop, "nimbus marathon bicycle") == ["running-shoe"]


async def test_mistyped_query_says_what_was_meant(shop: Engine) -> None:
    assert (await search(shop, "nimbsu shoe"))["didYouMean"] == "nimbus shoe"
    assert (await search(shop, "nimbus shoe"))["didYouMean"] is None
    assert (await search(shop, "secretiv"))["didYouMean"] is None  # a draft's brand
    assert (await search(shop, "secretiwe", SELLER))["didYouMean"] == "secretive"


async def test_synonyms_of_the_settings_find_each_other(engine_for: EngineFor) -> None:
    synonyms = 'synonyms = ["sofa, couch", "telly, television set"]'
    engine = await engine_for(f"{SHOP}[plugins.products]\n{synonyms}\n", work=True)
    await insert(engine, [record("sofa"), record("set", name="Television set"), record("tent")])
    await until_indexed(engine, 3)
    assert await slugs(engine, "couch") == ["sofa"]
    assert await slugs(engine, "couches") == ["sofa"]
    assert await slugs(engine, "telly") == ["set"]


FILTERS: list[tuple[dict[str, Any], set[str]]] = [
    ({"brands": ["Nimbus", "nobody"]}, {"running-shoe"}),
    ({"tags": ["sport"]}, {"running-shoe"}),
    ({"price": {"minimum": "50", "maximum": "50.00"}}, {"running-shoe"}),
    ({"price": {"maximum": "60", "currency": "USD"}}, {"running-shoe"}),
    ({"price": {"minimum": "80"}}, {"walking-shoe"}),
    ({"inStock": False}, {"walking-shoe"}),
    ({"options": [{"name": "Size", "values": ["43", "44"]}]}, {"running-shoe"}),
    ({"attributes": [{"key": "colours", "equals": "blue"}]}, {"running-shoe"}),
    ({"attributes": [{"key": "waterproof", "equals": "false"}]}, {"walking-shoe"}),
    ({"attributes": [{"key": "weight", "equals": "380"}]}, {"walking-shoe"}),
    ({"attributes": [{"key": "weight", "in": ["1", "240.5"]}]}, {"running-shoe"}),
    ({"attributes": [{"key": "weight", "minimum": 240.5, "maximum": 300}]}, {"running-shoe"}),
    ({"attributes": [{"key": "weight", "minimum": -5, "maximum": 240}]}, set()),
    ({"brands": ["Nimbus"], "inStock": False}, set()),
    ({"createdAfter": "2100-01-01T00:00:00Z"}, set()),
    ({"sellers": [encode_id("Seller", "5" * 24)]}, set()),
]


async def test_filter_keeps_what_meets_it(shop: Engine) -> None:
    for filter_, expected in FILTERS:
        assert set(await slugs(shop, filter=filter_)) == expected, filter_
        assert (await search(shop, filter=filter_))["totalCount"] == len(expected)


async def test_what_is_found_comes_in_the_language_that_is_preferred(shop: Engine) -> None:
    german = {"locale": "de", "name": "Zelt", "description": None, "slug": None}
    await insert(shop, [record("tent", brand="Camp", translations=[german])])

    async def is_found() -> bool:
        return await slugs(shop, "camp") == ["tent"]

    await until(is_found)
    for query in (
        '{ found: productSearch(query: "camp", first: 1) { nodes { name slug } } }',
        '{ found: products(filter: {brands: ["Camp"]}, first: 1) { nodes { name slug } } }',
    ):
        for languages, name in (("de", "Zelt"), ("en", "Tent")):
            data = await told(shop, query, viewer=Viewer(), languages=languages)
            assert data["found"]["nodes"] == [{"name": name, "slug": "tent"}]


async def test_only_staff_and_the_owning_seller_see_what_is_not_for_sale(shop: Engine) -> None:
    drafts = {"statuses": ["DRAFT"]}
    assert set(await slugs(shop, viewer=STAFF, filter=drafts)) == {"hidden-shoe", "own-draft"}
    assert await slugs(shop, viewer=SELLER, filter=drafts) == ["own-draft"]
    refused = await search(shop, filter=drafts)
    assert refused["error"]["extensions"]["code"] == "UNAUTHENTICATED"
    assert await slugs(shop, "secretive") == []
    facets = (
        "query ($q: String!) { productSearch(query: $q, first: 1) { facets { brands { value } } } }"
    )
    for viewer, expected in ((ANONYMOUS, False), (SELLER, True), (STAFF, True)):
        said = await ask(shop, facets, viewer, q="")
        brands = {each["value"] for each in said["productSearch"]["facets"]["brands"]}
        assert ("Secretive" in brands) is expected


async def test_highlights_mark_the_words_and_hold_no_markup(shop: Engine) -> None:
    document = """query ($q: String!) { productSearch(query: $q, first: 1) { edges {
      highlights { field parts { text isMatch } } } } }"""
    said = await ask(shop, document, q="shoes marathon")
    (edge,) = said["productSearch"]["edges"]
    marked = {
        each["field"]: [part["text"] for part in each["parts"] if part["isMatch"]]
        for each in edge["highlights"]
    }
    assert marked == {"NAME": ["Shoe"], "DESCRIPTION": ["marathon"]}
    whole = "".join(part["text"] for each in edge["highlights"] for part in each["parts"])
    assert whole == "Running ShoeFor marathon runners & walkers"


async def test_suggestions_complete_brands_and_names(shop: Engine) -> None:
    document = (
        "query ($p: String!) { productSuggestions(prefix: $p) { text kind product { slug } } }"
    )
    said = (await ask(shop, document, p="nim"))["productSuggestions"]
    assert said[0] == {"text": "Nimbus", "kind": "BRAND", "product": None}
    said = (await ask(shop, document, p="walk"))["productSuggestions"]
    assert {"text": "Walking Shoe", "kind": "PRODUCT", "product": {"slug": "walking-shoe"}} in said
    assert (await ask(shop, document, p="secr"))["productSuggestions"] == []
    assert (await ask(shop, document, p="  "))["productSuggestions"] == []
    assert "error" in await ask(shop, document, p="x" * 101)


HOSTILE = [
    '{"$gt": ""}',
    "name:* AND (",
    "*",
    '"',
    "(a+)+$" * 80,
    "id:state",
    "state",
    "\x00\x1f",
    "\ud800",
    "a " * 250,
    "ä́" * 100,
    "x" * 500,
    "../../etc",
    "[1 TO *]",
    "🦊" * 100,
]


async def test_hostile_text_is_just_text_and_quickly_answered(shop: Engine) -> None:
    for text in HOSTILE:
        started = time.monotonic()
        found = await search(shop, text)
        assert time.monotonic() - started < 1, text
        assert "error" not in found, text
        assert found["totalCount"] <= 6


async def test_what_is_too_much_is_refused(shop: Engine) -> None:
    for variables in (
        {"query": "x" * 10_000},
        {"query": "", "filter": {"brands": ["x"] * 51}},
        {"query": "", "filter": {"brands": [""]}},
        {"query": "", "filter": {"within": ["nonsense"]}},
        {"query": "", "filter": {"within": [encode_id("Category", "no key")]}},
        {"query": "", "filter": {"attributes": [{"key": "weight"}]}},
        {"query": "", "filter": {"price": {"minimum": "1e9999"}}},
        {"query": "", "filter": {"attributes": [{"key": "x", "equals": {"$gt": ""}}]}},
        {"query": "", "first": 101},
    ):
        found = await search(shop, **variables)
        assert found["error"].get("extensions", {}).get("code", "BAD_REQUEST") == "BAD_REQUEST"


async def test_change_is_found_within_a_second(shop: Engine) -> None:
    products = shop.storage.collection(ProductDocument)
    await products.update_one({"slug": "sofa"}, {"$set": {"status": "archived"}})
    started = time.monotonic()

    async def is_gone() -> bool:
        return await slugs(shop, "sofa") == [] and (await search(shop, "sofa"))["totalCount"] == 0

    await until(is_gone)
    assert time.monotonic() - started < 1
    later = datetime.now(UTC) + timedelta(seconds=1)
    await products.update_one(
        {"slug": "kettle"}, {"$set": {"name": "Samovar", "updated_at": later}}
    )
    started = time.monotonic()

    async def is_renamed() -> bool:
        return await slugs(shop, "samovar") == ["kettle"]

    await until(is_renamed)
    assert time.monotonic() - started < 1
    assert (await slugs(shop, sort="UPDATED"))[0] == "kettle"
