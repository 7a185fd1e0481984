"""Product types, and the attributes that products of a type have."""

import asyncio
from typing import Any

import pytest

from mercat.context import Viewer
from mercat.engine import Engine
from mercat.ids import encode_id

from .asking import SELLER, STAFF, answered, told
from .conftest import EngineFor
from .test_product_editing import done, refused, shirt, variant

PAYLOAD = """{ productType { id name version attributes {
  key name kind unit choices required } } userErrors { field code } }"""
ATTRIBUTES: list[dict[str, Any]] = [
    {"key": "material", "name": "Material", "kind": "TEXT"},
    {"key": "heel", "name": "Heel", "kind": "NUMBER", "unit": "mm", "required": True},
    {"key": "vegan", "name": "Vegan", "kind": "BOOLEAN"},
    {"key": "fit", "name": "Fit", "kind": "SELECT", "choices": ["slim", "wide"]},
    {"key": "season", "name": "Season", "kind": "MULTI_SELECT", "choices": ["spring", "autumn"]},
    {"key": "since", "name": "Since", "kind": "DATE"},
]
VALUES: list[dict[str, Any]] = [
    {"key": "since", "value": {"date": "2026-02-28"}},
    {"key": "season", "value": {"choices": ["autumn", "spring"]}},
    {"key": "fit", "value": {"choices": ["wide"]}},
    {"key": "vegan", "value": {"boolean": False}},
    {"key": "heel", "value": {"number": 12.5}},
    {"key": "material", "value": {"text": " Linen "}},
]
HEEL: list[dict[str, Any]] = [{"key": "heel", "value": {"number": 1}}]


@pytest.fixture
async def engine(engine_for: EngineFor) -> Engine:
    return await engine_for('[plugins]\nenabled = ["media", "products"]\n')


async def change(
    engine: Engine, name: str, viewer: Viewer = STAFF, /, **given: Any
) -> dict[str, Any]:
    kind = name[0].upper() + name[1:]
    document = f"mutation M($input: {kind}Input!) {{ {name}(input: $input) {PAYLOAD} }}"
    found = await answered(engine, document, {"input": given}, viewer=viewer)
    if "errors" in found:
        error: dict[str, Any] = found["errors"][0]
        return error
    payload: dict[str, Any] = found["data"][name]
    return payload


async def shoes(engine: Engine) -> dict[str, Any]:
    payload = await change(engine, "productTypeCreate", name="Shoes", attributes=ATTRIBUTES)
    assert payload["userErrors"] == []
    found: dict[str, Any] = payload["productType"]
    return found


async def test_a_product_has_the_attributes_of_its_type_in_their_order(engine: Engine) -> None:
    shoe = await shoes(engine)
    product = await done(engine, "productCreate", **shirt(type=shoe["id"], attributes=VALUES))
    assert product["type"] == {"name": "Shoes"}
    empty = dict.fromkeys(("text", "number", "boolean", "choices", "date"))
    found = {one["definition"]["key"]: one for one in product["attributes"]}
    assert list(found) == [one["key"] for one in ATTRIBUTES]
    values = {key: {k: v for k, v in one.items() if k in empty} for key, one in found.items()}
    assert values == {
        "material": {**empty, "text": "Linen"},
        "heel": {**empty, "number": 12.5},
        "vegan": {**empty, "boolean": False},
        "fit": {**empty, "choices": ["wide"]},
        "season": {**empty, "choices": ["spring", "autumn"]},
        "since": {**empty, "date": "2026-02-28"},
    }
    assert found["heel"]["definition"] == {"key": "heel", "kind": "NUMBER", "unit": "mm"}
    changed = await done(engine, "productUpdate", id=product["id"], attributes=HEEL)
    assert [one["number"] for one in changed["attributes"]] == [1.0]
    assert await refused(engine, "productUpdate", id=product["id"], type=None) == (
        ["input", "attributes", "0", "key"],
        "INVALID",
    )
    bare = await done(engine, "productUpdate", id=product["id"], type=None, attributes=[])
    assert (bare["type"], bare["attributes"]) == (None, [])


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ([], []),
        ([*HEEL, *HEEL], ["1", "key"]),
        ([{"key": "colour", "value": {"text": "red"}}], ["0", "key"]),
        ([{"key": "heel", "value": {"text": "1"}}], ["0", "value"]),
        ([{"key": "heel", "value": {"boolean": True}}], ["0", "value"]),
        ([*HEEL, {"key": "material", "value": {"number": 1}}], ["1", "value"]),
        ([*HEEL, {"key": "material", "value": {"text": " "}}], ["1", "value"]),
        ([*HEEL, {"key": "vegan", "value": {"text": "yes"}}], ["1", "value"]),
        ([*HEEL, {"key": "fit", "value": {"choices": ["loose"]}}], ["1", "value"]),
        ([*HEEL, {"key": "fit", "value": {"choices": ["slim", "wide"]}}], ["1", "value"]),
        ([*HEEL, {"key": "fit", "value": {"choices": []}}], ["1", "value"]),
        ([*HEEL, {"key": "season", "value": {"choices": ["winter"]}}], ["1", "value"]),
        ([*HEEL, {"key": "season", "value": {"text": "spring"}}], ["1", "value"]),
        ([*HEEL, {"key": "since", "value": {"text": "2026-02-28"}}], ["1", "value"]),
    ],
)
async def test_values_that_do_not_fit_are_refused(
    engine: Engine, values: list[dict[str, Any]], field: list[str]
) -> None:
    shoe = await shoes(engine)
    found = await refused(engine, "productCreate", **shirt(type=shoe["id"], attributes=values))
    assert found == (["input", "attributes", *field], "INVALID")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": " "}, ["name"]),
        ({"name": "Taken"}, ["name"]),
        ({"attributes": [{**ATTRIBUTES[0], "key": "Not A Key"}]}, ["attributes", "0", "key"]),
        ({"attributes": [{**ATTRIBUTES[0], "key": "$gt"}]}, ["attributes", "0", "key"]),
        ({"attributes": [ATTRIBUTES[0]] * 2}, ["attributes", "1", "key"]),
        ({"attributes": [{**ATTRIBUTES[0], "unit": "mm"}]}, ["attributes", "0", "unit"]),
        ({"attributes": [{**ATTRIBUTES[0], "choices": ["x"]}]}, ["attributes", "0", "choices"]),
        ({"attributes": [{**ATTRIBUTES[3], "choices": []}]}, ["attributes", "0", "choices"]),
        (
            {"attributes": [{**ATTRIBUTES[3], "choices": ["x", "x"]}]},
            ["attributes", "0", "choices"],
        ),
        ({"attributes": [ATTRIBUTES[0]] * 201}, ["attributes"]),
    ],
)
async def test_what_can_be_no_type_is_refused(
    engine: Engine, given: dict[str, Any], field: list[str]
) -> None:
    await change(engine, "productTypeCreate", name="Taken")
    payload = await change(engine, "productTypeCreate", **{"name": "New", **given})
    assert payload["userErrors"] == [{"field": ["input", *field], "code": "INVALID"}]
    assert await engine.storage.database["product_types"].count_documents({}) == 1


async def test_a_type_in_use_keeps_what_its_products_say(engine: Engine) -> None:
    shoe = await shoes(engine)
    await done(engine, "productCreate", **shirt(type=shoe["id"], attributes=VALUES))
    for index, wrong in (
        (1, {**ATTRIBUTES[1], "kind": "TEXT", "unit": None}),
        (3, {**ATTRIBUTES[3], "choices": ["slim"]}),
    ):
        attributes = [*ATTRIBUTES[:index], wrong, *ATTRIBUTES[index + 1 :]]
        payload = await change(engine, "productTypeUpdate", id=shoe["id"], attributes=attributes)
        field = ["input", "attributes", str(index)]
        assert payload["userErrors"] == [{"field": field, "code": "INVALID"}]
    more = [*ATTRIBUTES, {"key": "sole", "name": "Sole", "kind": "TEXT"}]
    payload = await change(
        engine, "productTypeUpdate", id=shoe["id"], version=1, name="Footwear", attributes=more
    )
    assert payload["productType"]["version"] == 2
    stale = await change(engine, "productTypeUpdate", id=shoe["id"], version=1, name="x")
    assert stale["userErrors"][0]["code"] == "STALE"
    kept = await change(engine, "productTypeDelete", id=shoe["id"])
    assert kept["userErrors"] == [{"field": ["input", "id"], "code": "IN_USE"}]


async def test_types_are_listed_found_and_removed(engine: Engine) -> None:
    shoe = await shoes(engine)
    query = f"""{{ productTypes(first: 5) {{ totalCount nodes {{ name }} }}
      node(id: "{shoe["id"]}") {{ ... on ProductType {{ name }} }} }}"""
    assert await told(engine, query, viewer=Viewer()) == {
        "productTypes": {"totalCount": 1, "nodes": [{"name": "Shoes"}]},
        "node": {"name": "Shoes"},
    }
    gone: dict[str, Any] = {"productType": None, "userErrors": []}
    assert await change(engine, "productTypeDelete", id=shoe["id"]) == gone
    for name in ("productTypeDelete", "productTypeUpdate"):
        payload = await change(engine, name, id=shoe["id"])
        assert payload["userErrors"] == [{"field": ["input", "id"], "code": "NOT_FOUND"}]
    payload = await change(engine, "productTypeDelete", id=encode_id("Product", "6" * 24))
    assert payload["userErrors"][0]["code"] == "INVALID"


async def test_only_staff_may_change_types(engine: Engine) -> None:
    shoe = await shoes(engine)
    for viewer in (Viewer(), SELLER):
        for name, given in (
            ("productTypeCreate", {"name": "x"}),
            ("productTypeUpdate", {"id": shoe["id"], "name": "x"}),
            ("productTypeDelete", {"id": shoe["id"]}),
        ):
            error = await change(engine, name, viewer, **given)
            assert error["extensions"]["code"] == "FORBIDDEN"
    own = await done(engine, "productCreate", SELLER, **shirt(type=shoe["id"], attributes=HEEL))
    assert own["type"] == {"name": "Shoes"}


async def test_no_product_keeps_a_type_that_is_removed_meanwhile(engine: Engine) -> None:
    for round_ in range(6):
        payload = await change(engine, "productTypeCreate", name=f"Type {round_}")
        key = payload["productType"]["id"]
        given = shirt(type=key, slug=f"slug-{round_}", variants=[variant(f"SKU-{round_}")])

        async def create(given: dict[str, Any] = given) -> None:
            await answered(
                engine,
                """mutation M($input: ProductCreateInput!) {
                  productCreate(input: $input) { userErrors { code } } }""",
                {"input": given},
            )

        await asyncio.gather(create(), change(engine, "productTypeDelete", id=key))
    types = {one["_id"] async for one in engine.storage.database["product_types"].find()}
    async for product in engine.storage.database["products"].find():
        assert product["type_id"] in types
