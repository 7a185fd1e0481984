"""Product types, and the attributes that products of a type have."""

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import pytest

from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.exporting import export_to
from mercat.ids import encode_id
from mercat.storage import Record, Session
from mercat_products import loading
from mercat_products.exporting import EXPORTS
from mercat_products.product_types.service import touch_type

from .asking import SELLER, STAFF, answered, told
from .conftest import EngineFor, write_jsonl
from .test_catalogue import load
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


@pytest.fixture(scope="module")
async def shared(shared_engine_for: EngineFor) -> Engine:
    """For what is refused, and changes nothing."""
    return await shared_engine_for('[plugins]\nenabled = ["media", "products"]\n')


@pytest.fixture(scope="module")
async def shoe(shared: Engine) -> dict[str, Any]:
    """The only type there is."""
    return await shoes(shared)


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
    shared: Engine, shoe: dict[str, Any], values: list[dict[str, Any]], field: list[str]
) -> None:
    found = await refused(shared, "productCreate", **shirt(type=shoe["id"], attributes=values))
    assert found == (["input", "attributes", *field], "INVALID")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": " "}, ["name"]),
        ({"name": "Shoes"}, ["name"]),
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
    shared: Engine, shoe: dict[str, Any], given: dict[str, Any], field: list[str]
) -> None:
    payload = await change(shared, "productTypeCreate", **{"name": "New", **given})
    assert payload["userErrors"] == [{"field": ["input", *field], "code": "INVALID"}]
    assert await shared.storage.database["product_types"].count_documents({}) == 1


async def test_a_type_in_use_keeps_what_its_products_say(engine: Engine) -> None:
    shoe = await shoes(engine)
    await done(engine, "productCreate", **shirt(type=shoe["id"], attributes=VALUES))
    new = {"key": "sole", "name": "Sole", "kind": "TEXT", "required": True}
    for attributes, field in (
        (changed(1, kind="TEXT", unit=None), ["1", "kind"]),
        (changed(1, unit="cm"), ["1", "unit"]),
        (changed(1, unit=None), ["1", "unit"]),
        (changed(3, choices=["slim"]), ["3", "choices"]),
        (changed(4, choices=["spring", "winter"]), ["4", "choices"]),
        (changed(3, kind="TEXT", choices=[]), ["3", "kind"]),
        (ATTRIBUTES[1:], []),
        (ATTRIBUTES[:-1], []),
        ([new, *ATTRIBUTES], ["0", "required"]),
        (
            [ATTRIBUTES[0], {**ATTRIBUTES[0], "key": "other"}, *changed(1, unit="km")[1:]],
            ["2", "unit"],
        ),
        (None, []),
    ):
        payload = await change(engine, "productTypeUpdate", id=shoe["id"], attributes=attributes)
        path = ["input", "attributes", *field]
        assert payload["userErrors"] == [{"field": path, "code": "INVALID"}], attributes
    more = [*ATTRIBUTES, {"key": "sole", "name": "Sole", "kind": "TEXT"}]
    payload = await change(
        engine, "productTypeUpdate", id=shoe["id"], version=1, name="Footwear", attributes=more
    )
    assert payload["productType"]["version"] == 2
    stale = await change(engine, "productTypeUpdate", id=shoe["id"], version=1, name="x")
    assert stale["userErrors"][0]["code"] == "STALE"
    kept = await change(engine, "productTypeDelete", id=shoe["id"])
    assert kept["userErrors"] == [{"field": ["input", "id"], "code": "IN_USE"}]


def changed(index: int, **values: Any) -> list[dict[str, Any]]:
    """The attributes, one of which is another."""
    return [{**one, **values} if place == index else one for place, one in enumerate(ATTRIBUTES)]


async def test_what_no_product_says_may_change_and_go(engine: Engine) -> None:
    shoe = await shoes(engine)
    key = (await done(engine, "productCreate", **shirt(type=shoe["id"], attributes=HEEL)))["id"]
    attributes = [ATTRIBUTES[1], {**ATTRIBUTES[2], "kind": "NUMBER", "unit": "kg"}]
    payload = await change(engine, "productTypeUpdate", id=shoe["id"], attributes=attributes)
    assert payload["userErrors"] == []
    assert [one["key"] for one in payload["productType"]["attributes"]] == ["heel", "vegan"]
    given = [*HEEL, {"key": "vegan", "value": {"number": 2}}]
    product = await done(engine, "productUpdate", id=key, attributes=given)
    assert [one["number"] for one in product["attributes"]] == [1, 2]
    required = [ATTRIBUTES[1], {**attributes[1], "required": True}]
    for _ in range(2):
        payload = await change(engine, "productTypeUpdate", id=shoe["id"], attributes=required)
        assert payload["userErrors"] == []
        assert payload["productType"]["version"] == 3
    null = await change(engine, "productTypeUpdate", id=shoe["id"], name=None)
    assert null["userErrors"] == [{"field": ["input", "name"], "code": "INVALID"}]


async def test_no_product_says_what_its_type_lost_meanwhile(engine: Engine) -> None:
    wood = {"key": "mat", "name": "Material", "kind": "TEXT"}
    text = [{"key": "mat", "value": {"text": "wood"}}]
    create = """mutation M($input: ProductCreateInput!) {
      productCreate(input: $input) { product { id } userErrors { field code } } }"""
    for round_ in range(8):
        payload = await change(
            engine, "productTypeCreate", name=f"Type {round_}", attributes=[wood]
        )
        key = payload["productType"]["id"]
        given = shirt(type=key, attributes=text, variants=[variant(f"SKU-{round_}")])
        made, changed_type = await asyncio.gather(
            answered(engine, create, {"input": given}),
            change(engine, "productTypeUpdate", id=key, attributes=[{**wood, "kind": "DATE"}]),
        )
        refusals = made["data"]["productCreate"]["userErrors"], changed_type["userErrors"]
        assert sum(map(bool, refusals)) == 1, refusals
    found = await told(engine, ALL)
    for product in found["products"]["nodes"]:
        for one in product["attributes"]:
            assert one == {"text": "wood", "date": None, "definition": {"kind": "TEXT"}}


async def test_an_import_looks_again_where_the_type_changed_meanwhile(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    material = {"key": "mat", "name": "Material", "kind": "TEXT"}
    payload = await change(engine, "productTypeCreate", name="Box", attributes=[material])
    key = payload["productType"]["id"]
    changes: list[str] = []

    async def overtaken(context: Context, of_type: Record, session: Session) -> None:
        if not changes:
            given = [{**material, "kind": "NUMBER"}]
            payload = await change(engine, "productTypeUpdate", id=key, attributes=given)
            changes.append(payload["productType"]["name"])
        await touch_type(context, of_type, session)

    monkeypatch.setattr(loading, "touch_type", overtaken)
    row = {"slug": "a", "name": "A", "type": "Box", "variants": [{"sku": "A"}]}
    rows = [{**row, "attributes": {"mat": "wood"}}]
    rows += [{**row, "slug": "b", "variants": [{"sku": "B"}], "attributes": {"mat": "5"}}]
    tally = await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", rows))
    assert (changes, tally.created) == (["Box"], 1)
    assert [one.where for one in tally.rejected] == ["line 1"]
    found = await told(engine, "{ products(first: 9) { nodes { attributes { number } } } }")
    assert found["products"]["nodes"] == [{"attributes": [{"number": 5}]}]


ALL = """{ products(first: 100) {
  nodes { attributes { text date definition { kind } } } } }"""


async def test_a_stored_value_that_fits_no_more_is_neither_shown_nor_exported(
    engine: Engine, tmp_path: Path
) -> None:
    shoe = await shoes(engine)
    await done(
        engine, "productCreate", **shirt(type=shoe["id"], attributes=VALUES, status="ACTIVE")
    )
    odd = [
        {"key": "material", "value": 5},
        {"key": "heel", "value": 12.5},
        {"key": "vegan", "value": "yes"},
        {"key": "fit", "value": ["slim", "wide"]},
        {"key": "season", "value": ["spring", 7]},
        {"key": "since", "value": "2026-02-28"},
        {"key": "gone", "value": "x"},
    ]
    await engine.storage.database["products"].update_one({}, {"$set": {"attributes": odd}})
    query = """{ products(first: 5) { nodes { attributes {
      text number boolean choices date definition { key } } } } }"""
    found = await told(engine, query)
    assert found["products"]["nodes"] == [
        {
            "attributes": [
                {
                    **dict.fromkeys(("text", "choices", "boolean", "date")),
                    "number": 12.5,
                    "definition": {"key": "heel"},
                }
            ]
        }
    ]
    file = io.BytesIO()
    await export_to(EXPORTS, engine.context(), file)
    assert json.loads(file.getvalue())["attributes"] == {"heel": 12.5}
    path = tmp_path / "again.jsonl"
    path.write_bytes(file.getvalue())
    tally = await load(engine, "products", path)
    assert (tally.updated, tally.rejected) == (1, [])


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
    for viewer, code in ((Viewer(), "UNAUTHENTICATED"), (SELLER, "FORBIDDEN")):
        for name, given in (
            ("productTypeCreate", {"name": "x"}),
            ("productTypeUpdate", {"id": shoe["id"], "name": "x"}),
            ("productTypeDelete", {"id": shoe["id"]}),
        ):
            error = await change(engine, name, viewer, **given)
            assert error["extensions"]["code"] == code
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
