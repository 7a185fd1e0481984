"""Changing products: what null means, what a refusal names, and many changes at once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mercat.context import Viewer
from mercat.engine import Engine
from mercat.ids import encode_id
from mercat.storage import Record
from mercat_products.editing import writing

from .asking import answered, told
from .conftest import EngineFor, until, write_jsonl
from .test_catalogue import load
from .test_product_editing import WHOLE, change, done, mutation, refused, shirt, variant

NOBODY = "6" * 24


@pytest.fixture
async def engine(engine_for: EngineFor) -> Engine:
    return await engine_for(
        '[shop]\ncurrencies = ["JPY"]\nlocales = ["de", "fr"]\n'
        '[plugins]\nenabled = ["media", "products"]\n'
    )


async def sized(engine: Engine, *sizes: str) -> tuple[str, list[str]]:
    """The ids of a product and of its variants, whose SKUs are their sizes."""
    product = await done(
        engine, "productCreate", **shirt(variants=[variant(size, size) for size in sizes])
    )
    return product["id"], [one["id"] for one in product["variants"]["nodes"]]


async def test_null_is_left_out_of_what_is_new(engine: Engine) -> None:
    names = ("slug", "description", "status", "brand", "seller", "type", "attributes", "tags")
    more = ("seo", "media", "metadata", "privateMetadata", "translations")
    product = await done(engine, "productCreate", **shirt(**dict.fromkeys((*names, *more))))
    plain = await done(engine, "productCreate", **shirt(variants=[variant("B")]))
    own = {"id", "slug", "variants"}
    assert {key: value for key, value in product.items() if key not in own} == {
        key: value for key, value in plain.items() if key not in own
    }
    assert product["slug"] == "linen-shirt"


async def test_null_empties_what_may_be_empty(engine: Engine) -> None:
    key = (await done(engine, "productCreate", **shirt(**WHOLE)))["id"]
    names = ("description", "brand", "seller", "type", "attributes", "tags", "seo", "media")
    more = ("metadata", "privateMetadata", "translations")
    product = await done(engine, "productUpdate", id=key, **dict.fromkeys((*names, *more)))
    assert product["description"] == ""
    assert product["brand"] is None
    assert product["seo"] == {"title": "", "description": ""}
    assert product["media"] == {"nodes": []}
    lists = ("attributes", "tags", "metadata", "privateMetadata", "translations")
    assert {name: product[name] for name in lists} == {name: [] for name in lists}
    for name in ("name", "slug", "status"):
        found = await refused(engine, "productUpdate", id=key, **{name: None})
        assert found == (["input", name], "INVALID")
    (one,) = product["variants"]["nodes"]
    empty = {"id": one["id"], **dict.fromkeys(("name", "options", "prices", "media", "weight"))}
    changed = await done(engine, "variantBulkUpdate", product=key, variants=[empty])
    assert changed["variants"]["nodes"][0]["price"] is None
    for name in ("sku", "available"):
        given = [{"id": one["id"], name: None}]
        found = await refused(engine, "variantBulkUpdate", product=key, variants=given)
        assert found == (["input", "variants", "0", name], "INVALID")


async def test_a_change_that_changes_nothing_leaves_the_version(engine: Engine) -> None:
    product = await done(engine, "productCreate", **shirt(**WHOLE))
    key, sku = product["id"], product["variants"]["nodes"][0]
    before = await engine.storage.database["products"].find_one({})
    given = {name: value for name, value in WHOLE.items() if name != "status"}
    await done(engine, "productUpdate", id=key, version=1, name=" Linen shirt ", **given)
    prices = [{"amount": "49.9", "currency": "EUR"}]
    await done(
        engine, "variantBulkUpdate", product=key, variants=[{"id": sku["id"], "prices": prices}]
    )
    await done(engine, "variantReorder", product=key, ids=[sku["id"]])
    bulk = mutation("productBulkUpdate", "{ results { product { version } } }")
    tags = {"ids": [key], "status": "ACTIVE", "tagsAdd": ["linen"], "tagsRemove": ["none"]}
    data = await told(engine, bulk, {"input": tags})
    assert data["productBulkUpdate"]["results"] == [{"product": {"version": 1}}]
    assert await engine.storage.database["products"].find_one({}) == before
    hooks = [message["hook"] async for message in engine.storage.database["outbox"].find()]
    assert hooks.count("products_saved") == 1
    stale = await refused(engine, "productUpdate", id=key, version=2, name="Linen shirt")
    assert stale == (["input", "version"], "STALE")


async def test_a_refusal_names_the_place_in_the_input(engine: Engine) -> None:
    product, ids = await sized(engine, "S", "M", "L", "XL")
    await done(engine, "productCreate", **shirt(variants=[variant("TAKEN")]))
    for given, field, code in (
        (
            [{"id": ids[3], "options": [{"name": "Size", "value": "S"}]}],
            ["0", "options"],
            "INVALID",
        ),
        (
            [{"id": ids[0], "options": [{"name": "Size", "value": "L"}]}],
            ["0", "options"],
            "INVALID",
        ),
        ([{"id": ids[0], "options": []}], ["0", "options"], "INVALID"),
        ([{"id": ids[2], "name": "x"}, {"id": ids[1], "sku": "XL"}], ["1", "sku"], "INVALID"),
        ([{"id": ids[2], "name": "x"}, {"id": ids[1], "sku": "TAKEN"}], ["1", "sku"], "SKU_TAKEN"),
        ([{"id": ids[2]}, {"id": "x"}], ["1", "id"], "INVALID"),
        ([{"id": ids[2]}, {"id": encode_id("Product", NOBODY)}], ["1", "id"], "INVALID"),
        ([{"id": ids[2], "media": [{"id": "x"}]}], ["0", "media", "0", "id"], "INVALID"),
    ):
        found = await refused(engine, "variantBulkUpdate", product=product, variants=given)
        assert found == (["input", "variants", *field], code)
    for new, field, code in (
        ([variant("NEW", "XXL"), variant("OTHER", "S")], ["1", "options"], "INVALID"),
        ([variant("NEW", "XXL"), variant("M", "3XL")], ["1", "sku"], "INVALID"),
        ([variant("NEW", "XXL"), variant("TAKEN", "3XL")], ["1", "sku"], "SKU_TAKEN"),
    ):
        found = await refused(engine, "variantBulkCreate", product=product, variants=new)
        assert found == (["input", "variants", *field], code)
    found = await refused(engine, "variantBulkDelete", product=product, ids=ids)
    assert found == (["input", "ids"], "INVALID")
    found = await refused(engine, "variantBulkDelete", product=product, ids=[ids[0], "x"])
    assert found == (["input", "ids", "1"], "INVALID")


async def test_what_is_no_id_is_named(engine: Engine) -> None:
    for wrong in ("x", encode_id("Category", NOBODY)):
        for name in ("productUpdate", "productArchive", "productDelete", "productDuplicate"):
            assert await refused(engine, name, id=wrong) == (["input", "id"], "INVALID")
        for name, empty in (
            ("variantBulkCreate", "variants"),
            ("variantBulkUpdate", "variants"),
            ("variantBulkDelete", "ids"),
            ("variantReorder", "ids"),
        ):
            found = await refused(engine, name, **{"product": wrong, empty: []})
            assert found == (["input", "product"], "INVALID")
        bulk = mutation(
            "productBulkUpdate",
            "{ results { userErrors { field code } } userErrors { field code } }",
        )
        gone = encode_id("Product", NOBODY)
        data = await told(engine, bulk, {"input": {"ids": [gone, wrong]}})
        error = {"field": ["input", "ids", "1"], "code": "INVALID"}
        assert data["productBulkUpdate"] == {"results": [], "userErrors": [error]}
        data = await told(engine, bulk, {"input": {"ids": [gone]}})
        (result,) = data["productBulkUpdate"]["results"]
        assert result["userErrors"] == [{"field": ["input", "ids", "0"], "code": "NOT_FOUND"}]


async def test_changes_at_once_without_a_version_are_all_made(engine: Engine) -> None:
    key = (await done(engine, "productCreate", **shirt(tags=[])))["id"]
    bulk = mutation("productBulkUpdate", "{ results { userErrors { code } } }")

    async def tag(number: int) -> None:
        data = await told(engine, bulk, {"input": {"ids": [key], "tagsAdd": [f"t{number}"]}})
        assert data["productBulkUpdate"]["results"] == [{"userErrors": []}]

    renames = (done(engine, "productUpdate", id=key, name=f"Name {n}") for n in range(10))
    await asyncio.gather(*renames, *map(tag, range(8)))
    found = await told(engine, f'{{ product(id: "{key}") {{ tags version }} }}')
    assert sorted(found["product"]["tags"]) == [f"t{n}" for n in range(8)]
    assert found["product"]["version"] == 19


async def test_who_is_never_let_through_is_told_to_try_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = (await done(engine, "productCreate", **shirt()))["id"]
    monkeypatch.setattr(writing, "_PATIENCE_SECONDS", 0.3)
    read = writing.editable

    async def overtaken(*arguments: Any) -> Record:
        found = await read(*arguments)
        await engine.storage.database["products"].update_one({}, {"$inc": {"version": 1}})
        return found

    monkeypatch.setattr(writing, "editable", overtaken)
    payload = await change(engine, "productUpdate", id=key, name="x")
    (error,) = payload["userErrors"]
    assert (error["code"], "try again" in error["message"]) == ("CONFLICT", True)


async def test_a_copy_has_the_texts_of_all_locales(engine: Engine) -> None:
    texts = [
        {"locale": "de", "name": "Leinenhemd", "slug": "leinenhemd", "description": "Weich"},
        {"locale": "fr", "name": "Chemise"},
    ]
    given = shirt(slug="shirt", translations=texts, description="Soft")
    key = (await done(engine, "productCreate", **given))["id"]
    slugs = set()
    for slug in (None, None, "second"):
        copy = await done(engine, "productDuplicate", id=key, slug=slug)
        german, french = copy["translations"]
        assert (german["name"], german["description"]) == ("Leinenhemd", "Weich")
        assert (french["name"], french["slug"]) == ("Chemise", None)
        assert german["slug"].startswith("leinenhemd-")
        slugs |= {copy["slug"], german["slug"]}
    assert len(slugs) == 6
    assert {"linen-shirt-copy", "leinenhemd-copy", "second"} <= slugs


async def test_a_copy_lies_where_the_product_lies(engine_for: EngineFor, tmp_path: Path) -> None:
    engine = await engine_for(work=True)
    rows = [
        {
            "slug": "boot",
            "name": "Boot",
            "categories": ["Clothing > Shoes", "Sale"],
            "variants": [{"sku": "BOOT", "prices": [{"amount": "9"}]}],
        }
    ]
    await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", rows))
    key = (await told(engine, '{ product(slug: "boot") { id } }'))["product"]["id"]
    copying = """mutation M($id: ID!) { productDuplicate(input: {id: $id}) {
      product { id categories { name } } } }"""
    copy = (await told(engine, copying, {"id": key}))["productDuplicate"]["product"]
    assert copy["categories"] == [{"name": "Shoes"}, {"name": "Sale"}]
    publish = """mutation M($id: ID!) { productUpdate(input: {id: $id, status: ACTIVE}) {
      userErrors { code } } }"""
    await told(engine, publish, {"id": copy["id"]})
    query = """{ category(slug: "clothing") { productCount
      products(first: 5) { nodes { slug } } } }"""

    async def is_listed() -> bool:
        found = (await told(engine, query, viewer=Viewer()))["category"]
        slugs = [node["slug"] for node in found["products"]["nodes"]]
        return (found["productCount"], slugs) == (2, ["boot-copy", "boot"])

    await until(is_listed)


async def test_what_has_no_price_is_not_for_sale(engine: Engine) -> None:
    free = variant("FREE", "L", prices=[{"amount": "0", "currency": "JPY"}])
    given = shirt(status="ACTIVE", variants=[variant(prices=[]), free])
    product = await done(engine, "productCreate", **given)
    assert product["availableForSale"]
    assert [one["availableForSale"] for one in product["variants"]["nodes"]] == [False, True]
    query = f'{{ product(id: "{product["id"]}") {{ defaultVariant {{ sku }} }} }}'
    assert (await told(engine, query))["product"] == {"defaultVariant": {"sku": "FREE"}}
    ids = [product["variants"]["nodes"][1]["id"]]
    product = await done(engine, "variantBulkDelete", product=product["id"], ids=ids)
    assert not product["availableForSale"]


async def test_an_import_leaves_out_a_price_that_is_no_reduction(
    engine: Engine, tmp_path: Path
) -> None:
    prices = [{"amount": "9.50", "currency": "EUR", "compare_at": "9.50"}]
    prices += [{"amount": "900", "currency": "JPY", "compare_at": "950"}]
    row: dict[str, Any] = {"slug": "a", "name": "A", "variants": [{"sku": "A-1", "prices": prices}]}
    tally = await load(engine, "products", write_jsonl(tmp_path / "p.jsonl", [row]))
    assert tally.created == 1
    assert [note.where for note in tally.notes if "A-1" in note.reason] == ["line 1"]
    query = """{ variant(sku: "A-1") { price { compareAt { amount } }
      yen: price(currency: "JPY") { compareAt { amount } } } }"""
    assert (await told(engine, query))["variant"] == {
        "price": {"compareAt": None},
        "yen": {"compareAt": {"amount": "950"}},
    }


@pytest.mark.parametrize("quantity", [0, -1])
async def test_nobody_buys_less_than_one(engine: Engine, quantity: int) -> None:
    await done(engine, "productCreate", **shirt())
    query = (
        f'{{ variant(sku: "SHIRT-M") {{ price(quantity: {quantity}) {{ price {{ amount }} }} }} }}'
    )
    (error,) = (await answered(engine, query))["errors"]
    assert error["message"] == "quantity must be at least 1"
    assert error["extensions"]["code"] == "BAD_REQUEST"


async def test_a_slug_that_is_too_long_is_told_the_bound(engine: Engine) -> None:
    payload = await change(engine, "productCreate", **shirt(slug="x" * 201))
    assert payload["userErrors"][0]["message"] == "a slug has at most 200 characters"
