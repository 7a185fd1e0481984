"""Creating and changing products over the API."""

import asyncio
import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.ids import encode_id
from mercat_media.service import upload_file

from .asking import RIVAL, SELLER, STAFF, answered, told
from .conftest import Client, EngineFor

FIELDS = """
id slug name description status brand tags version availableForSale
seo { title description } metadata { key value } privateMetadata { key value }
translations { locale name description slug } options { name values }
media(first: 9) { nodes { url alt } }
type { name } attributes { definition { key kind unit } text number boolean choices date }
variants(first: 20) { nodes { id sku name barcode availableForSale taxClass weight { grams }
  dimensions { length width height } options { name value } media { url }
  price { price { amount currency } compareAt { amount } breaks { quantity price { amount } } } } }
"""
PAYLOAD = f"{{ product {{ {FIELDS} }} userErrors {{ field message code }} }}"


def mutation(name: str, payload: str = PAYLOAD) -> str:
    kind = name[0].upper() + name[1:]
    return f"mutation M($input: {kind}Input!) {{ {name}(input: $input) {payload} }}"


async def change(
    engine: Engine, name: str, viewer: Viewer = STAFF, /, **given: Any
) -> dict[str, Any]:
    """The payload of a mutation, or the first top-level error."""
    found = await answered(engine, mutation(name), {"input": given}, viewer=viewer)
    if "errors" in found:
        error: dict[str, Any] = found["errors"][0]
        return error
    payload: dict[str, Any] = found["data"][name]
    return payload


async def done(
    engine: Engine, name: str, viewer: Viewer = STAFF, /, **given: Any
) -> dict[str, Any]:
    """The product of a mutation that must succeed."""
    payload = await change(engine, name, viewer, **given)
    assert payload.get("userErrors") == [], payload
    product: dict[str, Any] = payload["product"]
    return product


async def refused(
    engine: Engine, name: str, viewer: Viewer = STAFF, /, **given: Any
) -> tuple[list[str] | None, str]:
    """The field and the code of the one error of a mutation."""
    payload = await change(engine, name, viewer, **given)
    assert payload["product"] is None
    ((error),) = payload["userErrors"]
    return error["field"], error["code"]


def variant(sku: str = "SHIRT-M", size: str = "M", **others: Any) -> dict[str, Any]:
    return {
        "sku": sku,
        "options": [{"name": "Size", "value": size}],
        "prices": [{"amount": "49.90"}],
        **others,
    }


def shirt(**others: Any) -> dict[str, Any]:
    return {"name": "Linen shirt", "variants": [variant()], **others}


TOML = (
    '[shop]\ncurrencies = ["JPY", "KWD"]\nlocales = ["de", "fr"]\n'
    '[plugins]\nenabled = ["media", "products"]\n'
)


@pytest.fixture
async def engine(engine_for: EngineFor) -> Engine:
    return await engine_for(TOML)


WHOLE = {
    "slug": "shirt",
    "description": "<p onclick='x()'>Soft <b>linen</b><script>alert(1)</script></p>",
    "status": "ACTIVE",
    "brand": " Harbour ",
    "tags": ["summer", "linen", "summer"],
    "seo": {"title": "Shirts", "description": "Linen shirts."},
    "metadata": [{"key": "care", "value": "cold"}],
    "privateMetadata": [{"key": "supplier", "value": "Acme"}],
    "media": [{"url": "/media/demo/shirt.webp", "alt": "A shirt"}],
    "translations": [{"locale": "de", "name": "Leinenhemd", "slug": "leinenhemd"}],
}


async def test_a_product_is_added_with_all_that_it_has(engine: Engine) -> None:
    variants = [
        variant(
            "S-M",
            name="Medium",
            barcode="4006381333931",
            prices=[
                {
                    "amount": "49.90",
                    "compareAt": "59.90",
                    "breaks": [
                        {"quantity": 3, "amount": "45"},
                        {"quantity": 10, "amount": "39.95"},
                    ],
                },
                {"amount": "5990", "currency": "JPY"},
                {"amount": "15.125", "currency": "KWD"},
            ],
            taxClass="reduced",
            weight=250,
            dimensions={"length": 300, "width": 200, "height": 20},
            media=[{"url": "https://cdn.shop.test/m.webp"}],
        ),
        variant("S-L", "L", available=False),
    ]
    product = await done(engine, "productCreate", **shirt(**{**WHOLE, "variants": variants}))
    assert product["description"] == "<p>Soft <b>linen</b></p>"
    assert (product["brand"], product["tags"]) == ("Harbour", ["summer", "linen"])
    assert product["seo"] == {"title": "Shirts", "description": "Linen shirts."}
    assert product["privateMetadata"] == [{"key": "supplier", "value": "Acme"}]
    assert product["translations"] == [
        {"locale": "de", "name": "Leinenhemd", "description": None, "slug": "leinenhemd"}
    ]
    assert product["options"] == [{"name": "Size", "values": ["M", "L"]}]
    first, second = product["variants"]["nodes"]
    assert first["price"] == {
        "price": {"amount": "49.90", "currency": "EUR"},
        "compareAt": {"amount": "59.90"},
        "breaks": [
            {"quantity": 3, "price": {"amount": "45.00"}},
            {"quantity": 10, "price": {"amount": "39.95"}},
        ],
    }
    assert (first["taxClass"], first["weight"]) == ("reduced", {"grams": 250})
    assert first["dimensions"] == {"length": 300, "width": 200, "height": 20}
    assert (first["availableForSale"], second["availableForSale"]) == (True, False)
    shown = await told(
        engine,
        """{ product(slug: "shirt") { name privateMetadata { key } variants(first: 1) { nodes {
          three: price(quantity: 9) { price { amount } }
          ten: price(quantity: 10) { price { amount } }
          yen: price(currency: "JPY") { price { amount } }
          dinar: price(currency: "KWD") { price { amount } } } } } }""",
        viewer=Viewer(),
    )
    assert shown["product"]["privateMetadata"] is None
    (prices,) = shown["product"]["variants"]["nodes"]
    assert {key: value["price"]["amount"] for key, value in prices.items()} == {
        "three": "45.00",
        "ten": "39.95",
        "yen": "5990",
        "dinar": "15.125",
    }


async def test_a_slug_comes_from_the_name_and_gets_a_number_where_it_is_taken(
    engine: Engine,
) -> None:
    first = await done(engine, "productCreate", **shirt())
    second = await done(engine, "productCreate", **shirt(variants=[variant("OTHER")]))
    assert first["slug"] == "linen-shirt"
    assert second["slug"].startswith("linen-shirt-")
    assert (first["status"], first["version"]) == ("DRAFT", 1)


async def test_what_is_left_out_of_an_update_stays(engine: Engine) -> None:
    product = await done(engine, "productCreate", **shirt(**WHOLE))
    changed = await done(engine, "productUpdate", id=product["id"], version=1, name="New")
    assert changed == {**product, "name": "New", "version": 2}
    changed = await done(engine, "productUpdate", id=product["id"], brand=None, tags=[])
    assert changed == {**product, "name": "New", "version": 3, "brand": None, "tags": []}


async def test_an_old_slug_leads_to_the_product_until_another_takes_it(engine: Engine) -> None:
    product = await done(engine, "productCreate", **shirt(slug="one", status="ACTIVE"))
    for slug in ("two", "three"):
        await done(engine, "productUpdate", id=product["id"], slug=slug)
    for slug in ("one", "two", "three"):
        found = await told(engine, f'{{ product(slug: "{slug}") {{ slug }} }}', viewer=Viewer())
        assert found["product"] == {"slug": "three"}
    other = shirt(slug="one", status="ACTIVE", variants=[variant("OTHER")])
    await done(engine, "productCreate", **other)
    found = await told(engine, '{ product(slug: "one") { slug } }', viewer=Viewer())
    assert found["product"] == {"slug": "one"}
    back = await done(engine, "productUpdate", id=product["id"], slug="two")
    assert back["slug"] == "two"


async def test_texts_come_in_the_language_that_is_preferred(engine: Engine) -> None:
    await done(engine, "productCreate", **shirt(**WHOLE))
    query = "{ products(first: 1) { nodes { name slug description } } }"

    async def names(languages: str) -> tuple[str, str]:
        data = await told(engine, query, viewer=Viewer(), languages=languages)
        (node,) = data["products"]["nodes"]
        assert node["description"] == "<p>Soft <b>linen</b></p>"  # falls back
        return node["name"], node["slug"]

    german, own = ("Leinenhemd", "leinenhemd"), ("Linen shirt", "shirt")
    for languages in ("de", "de-AT, en;q=0.5", "it, de;q=0.9, en;q=0.1", "DE"):
        assert await names(languages) == german
    for languages in ("", "en", "fr", "*", "it", "de;q=0", "de;q=x", "en, de;q=0.9", ",;;q=,"):
        assert await names(languages) == own
    for arguments in ('slug: "leinenhemd", locale: "de"', 'slug: "shirt", locale: "de"'):
        found = await told(engine, f"{{ product({arguments}) {{ name }} }}", viewer=Viewer())
        assert found["product"] == {"name": "Leinenhemd"}
    found = await answered(engine, '{ product(slug: "shirt", locale: "xx") { name } }')
    assert found["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert "en, de, fr" in found["errors"][0]["message"]


async def test_accept_language_comes_from_the_request(
    engine: Engine, client_for: Callable[[Engine], Client]
) -> None:
    await done(engine, "productCreate", **shirt(**WHOLE))
    answer = await client_for(engine).http.post(
        "/graphql",
        json={"query": '{ product(slug: "shirt") { name } }'},
        headers={"accept-language": "de-CH"},
    )
    assert answer.json() == {"data": {"product": {"name": "Leinenhemd"}}}
    assert "accept-language" in answer.headers["vary"]


@pytest.fixture(scope="module")
async def occupied(shared_engine_for: EngineFor) -> Engine:
    """A shop with one product, whose names are taken."""
    engine = await shared_engine_for(TOML)
    taken = shirt(
        slug="taken",
        variants=[variant("TAKEN")],
        translations=[{"locale": "de", "slug": "besetzt"}],
    )
    await done(engine, "productCreate", **taken)
    return engine


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        ({"name": " "}, ["name"], "INVALID"),
        ({"name": "x" * 501}, ["name"], "INVALID"),
        ({"name": "nul\0"}, ["name"], "INVALID"),
        ({"slug": "Not A Slug"}, ["slug"], "INVALID"),
        ({"slug": '{"$gt": ""}'}, ["slug"], "INVALID"),
        ({"slug": "taken"}, ["slug"], "SLUG_TAKEN"),
        ({"slug": "x" * 201}, ["slug"], "INVALID"),
        ({"name": "\u200b\u2060\u3164"}, ["name"], "INVALID"),
        ({"seller": ""}, ["seller"], "INVALID"),
        ({"seller": " "}, ["seller"], "INVALID"),
        ({"seller": "x" * 141}, ["seller"], "INVALID"),
        ({"seller": encode_id("Product", "6" * 24)}, ["seller"], "INVALID"),
        ({"description": "x" * 100_001}, ["description"], "INVALID"),
        ({"description": "<div>" * 15_000}, ["description"], "INVALID"),
        ({"metadata": [{"key": "a", "value": "1"}] * 2}, ["metadata", "1", "key"], "INVALID"),
        (
            {"privateMetadata": [{"key": "a", "value": "1"}, {"key": " a", "value": "2"}]},
            ["privateMetadata", "1", "key"],
            "INVALID",
        ),
        ({"tags": ["x"] * 251}, ["tags"], "INVALID"),
        ({"tags": [" "]}, ["tags", "0"], "INVALID"),
        ({"media": [{"url": "javascript:alert(1)"}]}, ["media", "0", "url"], "INVALID"),
        ({"media": [{"url": "/etc/passwd"}]}, ["media", "0", "url"], "INVALID"),
        ({"media": [{"url": "/media/../x"}]}, ["media", "0", "url"], "INVALID"),
        ({"media": [{"url": "/media/%2e%2E/x"}]}, ["media", "0", "url"], "INVALID"),
        ({"media": [{"url": "/media/a\\..\\x"}]}, ["media", "0", "url"], "INVALID"),
        (
            {"media": [{"id": encode_id("Media", "6" * 24), "url": "/media/x"}]},
            ["media", "0"],
            "INVALID",
        ),
        ({"media": [{}]}, ["media", "0", "url"], "INVALID"),
        (
            {"media": [{"url": "/media/x"}, {"id": encode_id("Media", "6" * 24)}]},
            ["media", "1"],
            "NOT_FOUND",
        ),
        ({"media": [{"id": "x"}]}, ["media", "0", "id"], "INVALID"),
        (
            {"variants": [variant(media=[{"id": encode_id("Product", "6" * 24)}])]},
            ["variants", "0", "media", "0", "id"],
            "INVALID",
        ),
        ({"translations": [{"locale": "en"}]}, ["translations", "0", "locale"], "INVALID"),
        ({"translations": [{"locale": "xx"}]}, ["translations", "0", "locale"], "INVALID"),
        (
            {"translations": [{"locale": "de"}, {"locale": "de"}]},
            ["translations", "1", "locale"],
            "INVALID",
        ),
        (
            {"translations": [{"locale": "fr"}, {"locale": "de", "slug": "besetzt"}]},
            ["translations", "1", "slug"],
            "SLUG_TAKEN",
        ),
        ({"type": encode_id("ProductType", "6" * 24)}, ["type"], "NOT_FOUND"),
        ({"type": encode_id("Product", "6" * 24)}, ["type"], "INVALID"),
        (
            {"attributes": [{"key": "size", "value": {"number": 1}}]},
            ["attributes", "0", "key"],
            "INVALID",
        ),
        ({"variants": []}, ["variants"], "INVALID"),
        (
            {"variants": [variant("FREE"), variant("TAKEN", "L")]},
            ["variants", "1", "sku"],
            "SKU_TAKEN",
        ),
        *(
            (
                {"variants": [variant(prices=[{"amount": "9.50", "compareAt": before}])]},
                ["variants", "0", "prices", "0", "compareAt"],
                "INVALID",
            )
            for before in ("9.50", "9.49", "0")
        ),
        ({"variants": [variant(" ")]}, ["variants", "0", "sku"], "INVALID"),
        ({"variants": [variant("A"), variant("A", "L")]}, ["variants", "1", "sku"], "INVALID"),
        ({"variants": [variant("A"), variant("B")]}, ["variants", "1", "options"], "INVALID"),
        (
            {"variants": [variant("A"), variant("B", options=[])]},
            ["variants", "1", "options"],
            "INVALID",
        ),
        (
            {"variants": [variant(options=[{"name": "S", "value": "1"}] * 2)]},
            ["variants", "0", "options", "1"],
            "INVALID",
        ),
        (
            {"variants": [variant(prices=[{"amount": "-1"}])]},
            ["variants", "0", "prices", "0", "amount"],
            "INVALID",
        ),
        (
            {"variants": [variant(prices=[{"amount": "1.234"}])]},
            ["variants", "0", "prices", "0", "amount"],
            "INVALID",
        ),
        (
            {"variants": [variant(prices=[{"amount": "NaN"}])]},
            ["variants", "0", "prices", "0", "amount"],
            "INVALID",
        ),
        (
            {"variants": [variant(prices=[{"amount": "1e3000000"}])]},
            ["variants", "0", "prices", "0", "amount"],
            "INVALID",
        ),
        (
            {"variants": [variant(prices=[{"amount": "1", "currency": "USD"}])]},
            ["variants", "0", "prices", "0", "currency"],
            "INVALID",
        ),
        (
            {"variants": [variant(prices=[{"amount": "1"}, {"amount": "2"}])]},
            ["variants", "0", "prices", "1", "currency"],
            "INVALID",
        ),
        (
            {
                "variants": [
                    variant(prices=[{"amount": "1", "breaks": [{"quantity": 1, "amount": "0.5"}]}])
                ]
            },
            ["variants", "0", "prices", "0", "breaks", "0", "quantity"],
            "INVALID",
        ),
        (
            {
                "variants": [
                    variant(prices=[{"amount": "1", "breaks": [{"quantity": 2, "amount": "1"}]}])
                ]
            },
            ["variants", "0", "prices", "0", "breaks", "0", "amount"],
            "INVALID",
        ),
        ({"variants": [variant(weight=-1)]}, ["variants", "0", "weight"], "INVALID"),
        (
            {"variants": [variant(dimensions={"length": 1, "width": -1, "height": 1})]},
            ["variants", "0", "dimensions", "width"],
            "INVALID",
        ),
    ],
)
async def test_what_can_not_be_is_refused_and_leaves_nothing(
    occupied: Engine, given: dict[str, Any], field: list[str], code: str
) -> None:
    assert await refused(occupied, "productCreate", **shirt(**given)) == (["input", *field], code)
    assert await occupied.storage.database["products"].count_documents({}) == 1


async def test_others_products_are_not_there_for_a_seller(engine: Engine) -> None:
    own = await done(engine, "productCreate", SELLER, **shirt())
    theirs = await done(engine, "productCreate", RIVAL, **shirt(variants=[variant("B")]))
    shops = await done(engine, "productCreate", **shirt(variants=[variant("C")]))
    await done(engine, "productUpdate", SELLER, id=own["id"], name="Mine")
    for other in (theirs, shops):
        for name in ("productUpdate", "productArchive", "productDelete", "productDuplicate"):
            found = await refused(engine, name, SELLER, id=other["id"])
            assert found == (["input", "id"], "NOT_FOUND")
        ids = [other["variants"]["nodes"][0]["id"]]
        changes = {"variants": [{"id": ids[0], "sku": "STOLEN"}]}
        for name, given in (
            ("variantBulkUpdate", changes),
            ("variantBulkCreate", {"variants": [variant("X", "XL")]}),
            ("variantBulkDelete", {"ids": ids}),
            ("variantReorder", {"ids": ids}),
        ):
            found = await refused(engine, name, SELLER, product=other["id"], **given)
            assert found == (["input", "product"], "NOT_FOUND")
        query = f'{{ product(id: "{other["id"]}") {{ id }} node(id: "{other["id"]}") {{ id }} }}'
        seen = await told(engine, query, viewer=SELLER)
        assert seen == {"product": None, "node": None}
    mine = f'{{ product(id: "{own["id"]}") {{ status privateMetadata {{ key }} }} }}'
    assert (await told(engine, mine, viewer=SELLER))["product"] == {
        "status": "DRAFT",
        "privateMetadata": [],
    }
    assert (await told(engine, mine, viewer=Viewer()))["product"] is None
    assert await refused(engine, "productCreate", SELLER, **shirt(seller="seller-2")) == (
        ["input", "seller"],
        "INVALID",
    )
    assert await refused(engine, "productUpdate", SELLER, id=own["id"], seller="seller-2") == (
        ["input", "seller"],
        "INVALID",
    )


@pytest.mark.parametrize(
    "viewer",
    [
        Viewer(),
        Viewer(role="CUSTOMER", user="c"),
        Viewer(role="SELLER", permissions=frozenset({"products.sell"}), user="s"),
    ],
)
async def test_nobody_else_may_change_anything(engine: Engine, viewer: Viewer) -> None:
    code = "UNAUTHENTICATED" if viewer.user is None else "FORBIDDEN"
    product = await done(engine, "productCreate", **shirt())
    ids = [product["variants"]["nodes"][0]["id"]]
    for name, given in (
        ("productCreate", shirt()),
        ("productUpdate", {"id": product["id"], "name": "x"}),
        ("productArchive", {"id": product["id"]}),
        ("productDelete", {"id": product["id"]}),
        ("productDuplicate", {"id": product["id"]}),
        ("variantBulkCreate", {"product": product["id"], "variants": [variant("X")]}),
        ("variantBulkUpdate", {"product": product["id"], "variants": [{"id": ids[0]}]}),
        ("variantBulkDelete", {"product": product["id"], "ids": ids}),
        ("variantReorder", {"product": product["id"], "ids": ids}),
    ):
        error = await change(engine, name, viewer, **given)
        assert error["extensions"]["code"] == code, name
    bulk = mutation("productBulkUpdate", "{ results { product { id } } }")
    found = await answered(engine, bulk, {"input": {"ids": [product["id"]]}}, viewer=viewer)
    assert found["errors"][0]["extensions"]["code"] == code
    assert (await engine.storage.database["products"].find_one({}))["version"] == 1  # type: ignore[index]


async def test_a_stale_version_changes_nothing(engine: Engine) -> None:
    product = await done(engine, "productCreate", **shirt())
    await done(engine, "productUpdate", id=product["id"], version=1, name="First")
    for name in ("productUpdate", "productArchive", "productDelete"):
        found = await refused(engine, name, id=product["id"], version=1)
        assert found == (["input", "version"], "STALE")


async def test_changes_at_once_are_all_kept_or_told_to_be_stale(engine: Engine) -> None:
    product = await done(engine, "productCreate", **shirt(tags=[]))
    bulk = mutation("productBulkUpdate", "{ results { userErrors { code } } }")

    async def tag(number: int) -> None:
        given = {"ids": [product["id"]], "tagsAdd": [f"tag-{number}"]}
        data = await told(engine, bulk, {"input": given})
        assert data["productBulkUpdate"]["results"] == [{"userErrors": []}]

    await asyncio.gather(*(tag(number) for number in range(4)))
    found = await told(engine, f'{{ product(id: "{product["id"]}") {{ tags version }} }}')
    assert sorted(found["product"]["tags"]) == [f"tag-{number}" for number in range(4)]
    assert found["product"]["version"] == 5

    async def rename(number: int) -> str:
        payload = await change(
            engine, "productUpdate", id=product["id"], version=5, name=f"Name {number}"
        )
        return payload["userErrors"][0]["code"] if payload["userErrors"] else "done"

    assert sorted(await asyncio.gather(*map(rename, range(5)))) == [*["STALE"] * 4, "done"]


async def test_archived_products_are_shown_to_those_who_may_change_them(engine: Engine) -> None:
    product = await done(engine, "productCreate", SELLER, **shirt(status="ACTIVE"))
    query = f'{{ product(id: "{product["id"]}") {{ status }} }}'
    assert (await told(engine, query, viewer=Viewer()))["product"] == {"status": "ACTIVE"}
    await done(engine, "productArchive", SELLER, id=product["id"])
    assert (await told(engine, query, viewer=Viewer()))["product"] is None
    assert (await told(engine, query, viewer=RIVAL))["product"] is None
    assert (await told(engine, query, viewer=SELLER))["product"] == {"status": "ARCHIVED"}


async def test_a_product_is_removed_for_good_only_when_it_is_not_sold(engine: Engine) -> None:
    product = await done(engine, "productCreate", **shirt(status="ACTIVE"))
    assert await refused(engine, "productDelete", id=product["id"]) == (["input", "id"], "INVALID")
    await done(engine, "productArchive", id=product["id"])
    payload = await change(engine, "productDelete", id=product["id"])
    assert payload == {"product": None, "userErrors": []}
    assert await engine.storage.database["products"].count_documents({}) == 0
    again = await refused(engine, "productDelete", id=product["id"])
    assert again == (["input", "id"], "NOT_FOUND")
    messages = [m["hook"] async for m in engine.storage.database["outbox"].find()]
    assert "products_removed" in messages


async def test_a_duplicate_is_a_draft_with_skus_of_its_own(engine: Engine) -> None:
    product = await done(engine, "productCreate", **shirt(**WHOLE))
    copy = await done(engine, "productDuplicate", id=product["id"])
    assert (copy["name"], copy["slug"]) == ("Linen shirt (copy)", "linen-shirt-copy")
    assert (copy["status"], copy["version"]) == ("DRAFT", 1)
    same = ("description", "brand", "tags", "seo", "metadata", "privateMetadata", "media")
    assert {key: copy[key] for key in same} == {key: product[key] for key in same}
    (one,) = copy["variants"]["nodes"]
    assert one["sku"] != "SHIRT-M"
    assert one["id"] != product["variants"]["nodes"][0]["id"]
    again = await done(engine, "productDuplicate", id=product["id"])
    assert again["slug"].startswith("linen-shirt-copy-")
    taken = await refused(engine, "productDuplicate", id=product["id"], slug="shirt")
    assert taken == (["input", "slug"], "SLUG_TAKEN")


async def test_variants_change_together_or_not_at_all(engine: Engine) -> None:
    product = await done(engine, "productCreate", **shirt())
    added = await done(
        engine,
        "variantBulkCreate",
        product=product["id"],
        variants=[variant("L", "L"), variant("XL", "XL")],
    )
    ids = [one["id"] for one in added["variants"]["nodes"]]
    assert len(ids) == 3
    prices = [{"amount": "10"}]
    changed = await done(
        engine,
        "variantBulkUpdate",
        product=product["id"],
        variants=[{"id": ids[1], "prices": prices}, {"id": ids[2], "available": False}],
    )
    amounts = [one["price"]["price"]["amount"] for one in changed["variants"]["nodes"]]
    assert amounts == ["49.90", "10.00", "49.90"]
    assert [one["availableForSale"] for one in changed["variants"]["nodes"]] == [True, True, False]
    for given, field, code in (
        ([{"id": ids[0], "name": "x"}, {"id": ids[1], "sku": "XL"}], ["1", "sku"], "INVALID"),
        ([{"id": ids[0], "name": "x"}, {"id": ids[0]}], ["1", "id"], "INVALID"),
        (
            [{"id": ids[0], "name": "x"}, {"id": encode_id("ProductVariant", "6" * 24)}],
            ["1", "id"],
            "NOT_FOUND",
        ),
    ):
        found = await refused(engine, "variantBulkUpdate", product=product["id"], variants=given)
        assert found == (["input", "variants", *field], code)
    order = await done(engine, "variantReorder", product=product["id"], ids=ids[::-1])
    assert [one["id"] for one in order["variants"]["nodes"]] == ids[::-1]
    assert order["variants"]["nodes"][2]["name"] == ""
    found = await refused(engine, "variantReorder", product=product["id"], ids=ids[:2])
    assert found == (["input", "ids"], "INVALID")
    left = await done(engine, "variantBulkDelete", product=product["id"], ids=ids[:2])
    assert [one["id"] for one in left["variants"]["nodes"]] == ids[2:]
    found = await refused(engine, "variantBulkDelete", product=product["id"], ids=ids[2:])
    assert found == (["input", "ids"], "INVALID")


async def test_a_bulk_update_says_for_each_product_how_it_went(engine: Engine) -> None:
    own = await done(engine, "productCreate", SELLER, **shirt(tags=["old", "kept"]))
    other = await done(engine, "productCreate", **shirt(variants=[variant("B")]))
    bulk = mutation(
        "productBulkUpdate",
        "{ results { product { status tags } userErrors { code } } userErrors { field code } }",
    )
    given = {
        "ids": [own["id"], other["id"]],
        "status": "ACTIVE",
        "tagsAdd": ["new"],
        "tagsRemove": ["old"],
    }
    data = await told(engine, bulk, {"input": given}, viewer=SELLER)
    assert data["productBulkUpdate"] == {
        "results": [
            {"product": {"status": "ACTIVE", "tags": ["kept", "new"]}, "userErrors": []},
            {"product": None, "userErrors": [{"code": "NOT_FOUND"}]},
        ],
        "userErrors": [],
    }
    data = await told(engine, bulk, {"input": {"ids": [own["id"]] * 101}})
    assert data["productBulkUpdate"] == {
        "results": [],
        "userErrors": [{"field": ["input", "ids"], "code": "INVALID"}],
    }


async def test_an_uploaded_picture_is_shown_and_can_not_be_deleted_meanwhile(
    engine: Engine,
) -> None:
    uploader = Viewer(
        role="SELLER",
        permissions=frozenset({"products.sell", "media.upload"}),
        user="sue",
        seller="seller-1",
    )
    key = (await upload(engine, uploader))["_id"]
    picture = encode_id("Media", key)
    given = shirt(
        media=[{"id": picture}], variants=[variant(media=[{"id": picture, "alt": "Folded"}])]
    )
    product = await done(engine, "productCreate", uploader, **given)
    (shown,) = product["media"]["nodes"]
    (folded,) = product["variants"]["nodes"][0]["media"]
    assert shown["url"].startswith("/media/")
    assert shown["alt"] == "A red square"
    assert folded["url"] == shown["url"]
    delete = """mutation M($id: ID!) { mediaDelete(input: {id: $id}) { userErrors { code } } }"""

    async def codes() -> list[str]:
        data = await told(engine, delete, {"id": picture}, viewer=uploader)
        return [error["code"] for error in data["mediaDelete"]["userErrors"]]

    assert await codes() == ["IN_USE"]
    await done(engine, "productUpdate", uploader, id=product["id"], media=[])
    assert await codes() == ["IN_USE"]
    await done(engine, "productArchive", uploader, id=product["id"])
    copy = await done(engine, "productDuplicate", uploader, id=product["id"])
    await change(engine, "productDelete", uploader, id=product["id"])
    assert await codes() == ["IN_USE"]
    await change(engine, "productDelete", uploader, id=copy["id"])
    assert await codes() == []
    gone = await refused(engine, "productCreate", uploader, **given)
    assert gone == (["input", "media", "0"], "NOT_FOUND")


async def test_others_pictures_are_not_there_for_a_seller(engine: Engine) -> None:
    stranger = Viewer(
        role="SELLER", permissions=frozenset({"media.upload"}), user="x", seller="seller-2"
    )
    picture = encode_id("Media", (await upload(engine, stranger))["_id"])
    found = await refused(engine, "productCreate", SELLER, **shirt(media=[{"id": picture}]))
    assert found == (["input", "media", "0"], "NOT_FOUND")


async def upload(engine: Engine, viewer: Viewer) -> dict[str, Any]:
    """The record of a picture that the viewer uploaded."""
    file = io.BytesIO()
    Image.new("RGB", (40, 40), "red").save(file, "PNG")
    return await upload_file(Context(engine, viewer), file, alt="A red square")


async def test_each_change_is_told_once_it_is_stored(engine: Engine) -> None:
    product = await done(engine, "productCreate", **shirt())
    await done(engine, "productUpdate", id=product["id"], name="New")
    await refused(engine, "productUpdate", id=product["id"], name=" ")
    hooks = [message["hook"] async for message in engine.storage.database["outbox"].find()]
    assert hooks.count("products_saved") == 2
