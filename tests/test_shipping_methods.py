"""Shipping methods over the API and of engine.toml: who may what, what is refused, how fresh."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from mercat.context import ANONYMOUS, Context, Viewer
from mercat.engine import Engine
from mercat.ids import encode_id
from mercat.storage import Record
from mercat_orders.areas import Area
from mercat_orders.configured.memory import Kept
from mercat_orders.configured.writing import MOST, MOST_OF_SELLER
from mercat_orders.delivery.documents import ShippingMethodDocument
from mercat_orders.delivery.memory import methods_of
from mercat_orders.delivery.methods import Band, ShippingMethod

from .asking import answered, told
from .configuring import (
    CURRENCIES,
    LATE_SECONDS,
    PLUGINS,
    TOML,
    admin_of,
    done,
    is_told,
    refusal,
    seller_of,
)
from .conftest import EngineFor, until
from .identity import registered, toml_of, viewer_for

FIXED = toml_of(
    *PLUGINS,
    more=CURRENCIES
    + """
[plugins.orders.shipping_methods.post]
name = "Post"
countries = ["DE"]
prices = { EUR = "4.90" }
bands = [{ prices = { EUR = "2.90" }, up_to_weight = 500 }]
free_from = { EUR = "50" }
days = [2, 4]

[plugins.orders.shipping_methods.bike]
name = "Bike"
prices = { EUR = "9" }
seller = "s1"
""",
)
FIELDS = """id key name position isFromSettings version sellerId taxClass createdAt updatedAt
  area { countries regions postalCodes exceptRegions exceptPostalCodes }
  bands { prices { amount currency } upToWeight upToValue { amount currency } }
  freeFrom { amount currency } days { least most }"""
LIST = f"{{ shippingMethods {{ {FIELDS} }} }}"
CREATE = f"""mutation ($input: ShippingMethodCreateInput!) {{ shippingMethodCreate(input: $input) {{
  shippingMethod {{ {FIELDS} }} userErrors {{ field code message }} }} }}"""
UPDATE = f"""mutation ($input: ShippingMethodUpdateInput!) {{ shippingMethodUpdate(input: $input) {{
  shippingMethod {{ {FIELDS} }} userErrors {{ field code message }} }} }}"""
DELETE = """mutation ($input: ShippingMethodDeleteInput!) { shippingMethodDelete(input: $input) {
  deletedId userErrors { field code message } } }"""
NODE = f"query ($id: ID!) {{ node(id: $id) {{ ... on ShippingMethod {{ {FIELDS} }} }} }}"

FOUR_NINETY = [{"prices": [{"amount": "4.90"}]}]
PLAIN = {"name": "Post", "bands": FOUR_NINETY}


@pytest.fixture
async def shop(engine_for: EngineFor) -> Engine:
    return await engine_for(TOML)


async def added(engine: Engine, viewer: Viewer, /, **given: Any) -> dict[str, Any]:
    payload = await done(engine, CREATE, viewer, **{**PLAIN, **given})
    assert payload["userErrors"] == []
    method: dict[str, Any] = payload["shippingMethod"]
    return method


async def keys(engine: Engine, viewer: Viewer) -> list[str]:
    found = await told(engine, LIST, viewer=viewer)
    return [method["key"] for method in found["shippingMethods"]]


async def known(engine: Engine) -> list[str]:
    return [method.id for method in await methods_of(engine.context())]


# Who may what


async def test_what_an_admin_adds_is_shown_as_it_was_given(shop: Engine) -> None:
    admin = await admin_of(shop)
    made = await added(
        shop,
        admin,
        name=" Parcel ",
        key="parcel-1",
        area={
            "countries": ["DE", "AT", "DE"],
            "regions": ["CA"],
            "postalCodes": ["SW1A 1"],
            "exceptRegions": ["HI"],
            "exceptPostalCodes": ["96-"],
        },
        bands=[
            {
                "prices": [{"amount": "2.90"}, {"amount": "400", "currency": "JPY"}],
                "upToWeight": 1000,
                "upToValue": [{"amount": "20"}],
            },
            {"prices": [{"amount": "0"}]},
        ],
        freeFrom=[{"amount": "50"}],
        days={"least": 2, "most": 4},
        taxClass="reduced",
        position=7,
    )
    assert made == {
        "id": encode_id("ShippingMethod", "parcel-1"),
        "key": "parcel-1",
        "name": "Parcel",
        "position": 7,
        "isFromSettings": False,
        "version": 1,
        "sellerId": None,
        "taxClass": "reduced",
        "createdAt": made["createdAt"],
        "updatedAt": made["createdAt"],
        "area": {
            "countries": ["DE", "AT"],
            "regions": ["CA"],
            "postalCodes": ["SW1A 1"],
            "exceptRegions": ["HI"],
            "exceptPostalCodes": ["96-"],
        },
        "bands": [
            {
                "prices": [
                    {"amount": "2.90", "currency": "EUR"},
                    {"amount": "400", "currency": "JPY"},
                ],
                "upToWeight": 1000,
                "upToValue": [{"amount": "20.00", "currency": "EUR"}],
            },
            {
                "prices": [{"amount": "0.00", "currency": "EUR"}],
                "upToWeight": None,
                "upToValue": None,
            },
        ],
        "freeFrom": [{"amount": "50.00", "currency": "EUR"}],
        "days": {"least": 2, "most": 4},
    }
    (listed,) = (await told(shop, LIST, viewer=admin))["shippingMethods"]
    node = (await told(shop, NODE, {"id": made["id"]}, viewer=admin))["node"]
    moments = {"createdAt": listed["createdAt"], "updatedAt": listed["updatedAt"]}
    assert listed == node == {**made, **moments}


async def test_a_stored_method_is_the_one_that_carts_are_offered(shop: Engine) -> None:
    admin = await admin_of(shop)
    await added(
        shop,
        admin,
        key="post",
        area={"countries": ["DE"]},
        bands=[
            {"prices": [{"amount": "2.90"}], "upToWeight": 500},
            {"prices": [{"amount": "4.90"}], "upToValue": [{"amount": "90"}]},
        ],
        freeFrom=[{"amount": "50"}],
        days={"least": 2, "most": 4},
    )
    (method,) = await methods_of(shop.context())
    assert method == ShippingMethod(
        "post",
        "Post",
        Area(("DE",)),
        (Band({"EUR": 290}, 500), Band({"EUR": 490}, None, {"EUR": 9000})),
        {"EUR": 5000},
        (2, 4),
    )


async def test_those_who_may_not_manage_see_and_change_nothing(shop: Engine) -> None:
    admin = await admin_of(shop)
    made = await added(shop, admin)
    customer = await viewer_for(shop, await registered(shop))
    support = await viewer_for(shop, await registered(shop, roles=["SUPPORT"]))
    seller = await seller_of(shop, "s1")
    nobody, nobodys = replace(seller, permissions=frozenset()), replace(seller, seller=None)
    for viewer, code in (
        (ANONYMOUS, "UNAUTHENTICATED"),
        (customer, "FORBIDDEN"),
        (support, "FORBIDDEN"),
        (nobody, "FORBIDDEN"),
        (nobodys, "FORBIDDEN"),
    ):
        found = await answered(shop, LIST, viewer=viewer)
        assert found["errors"][0]["extensions"]["code"] == code
        for document, given_ in (
            (CREATE, PLAIN),
            (UPDATE, {"id": made["id"], "name": "Mine"}),
            (DELETE, {"id": made["id"]}),
        ):
            assert await done(shop, document, viewer, **given_) == {"error": code}
        assert (await told(shop, NODE, {"id": made["id"]}, viewer=viewer))["node"] is None
    assert await keys(shop, admin) == [made["key"]]


async def test_a_seller_has_methods_of_its_own_and_no_others(shop: Engine) -> None:
    admin, seller = await admin_of(shop), await seller_of(shop, "s1")
    rival = await seller_of(shop, "s2")
    general = await added(shop, admin)
    own = await added(shop, seller, key="own")
    others = await added(shop, rival, key="others")
    assert own["sellerId"] == encode_id("Seller", "s1")
    assert await keys(shop, seller) == ["own"]
    assert await keys(shop, rival) == ["others"]
    assert sorted(await keys(shop, admin)) == sorted([general["key"], "own", "others"])
    for foreign in (general, others):
        hidden = ("NOT_FOUND", ["input", "id"])
        change = {"id": foreign["id"], "name": "Mine"}
        assert refusal(await done(shop, UPDATE, seller, **change)) == hidden
        assert refusal(await done(shop, DELETE, seller, id=foreign["id"])) == hidden
        assert (await told(shop, NODE, {"id": foreign["id"]}, viewer=seller))["node"] is None
    renamed = await done(shop, UPDATE, seller, id=own["id"], name="Bike")
    assert renamed["shippingMethod"]["name"] == "Bike"
    removed = await done(shop, DELETE, seller, id=own["id"])
    assert removed == {"deletedId": own["id"], "userErrors": []}
    assert await keys(shop, seller) == []


async def test_a_seller_adds_none_for_others(shop: Engine) -> None:
    seller = await seller_of(shop, "s1")
    for other in ("s2", encode_id("Seller", "s2")):
        assert await done(shop, CREATE, seller, **PLAIN, seller=other) == {"error": "FORBIDDEN"}
    assert await known(shop) == []
    own = await added(shop, seller, seller=encode_id("Seller", "s1"))
    assert own["sellerId"] == encode_id("Seller", "s1")


async def test_an_admin_adds_one_for_a_seller(shop: Engine) -> None:
    admin = await admin_of(shop)
    made = await added(shop, admin, seller="s1")
    assert made["sellerId"] == encode_id("Seller", "s1")
    assert await keys(shop, await seller_of(shop, "s1")) == [made["key"]]
    wrong = await done(shop, CREATE, admin, **PLAIN, seller=encode_id("Product", "x"))
    assert refusal(wrong) == ("INVALID", ["input", "seller"])


# Changing


async def test_a_change_keeps_what_is_left_out(shop: Engine) -> None:
    admin = await admin_of(shop)
    made = await added(
        shop,
        admin,
        area={"countries": ["DE"]},
        days={"least": 1, "most": 2},
        freeFrom=[{"amount": "50"}],
        taxClass="reduced",
    )
    changed = (await done(shop, UPDATE, admin, id=made["id"], version=1, name="Other"))[
        "shippingMethod"
    ]
    assert changed["version"] == 2
    moments = {"createdAt": changed["createdAt"], "updatedAt": changed["updatedAt"]}
    assert changed == {**made, "name": "Other", "version": 2, **moments}
    emptied = (
        await done(
            shop, UPDATE, admin, id=made["id"], days=None, taxClass=None, freeFrom=[], area={}
        )
    )["shippingMethod"]
    assert (emptied["days"], emptied["taxClass"], emptied["freeFrom"]) == (None, None, [])
    assert emptied["area"]["countries"] == []
    assert emptied["bands"] == made["bands"]


async def test_a_change_of_an_old_version_is_stale(shop: Engine) -> None:
    admin = await admin_of(shop)
    made = await added(shop, admin)
    await done(shop, UPDATE, admin, id=made["id"], name="First")
    stale = ("STALE", ["input", "version"])
    late = {"id": made["id"], "version": 1}
    assert refusal(await done(shop, UPDATE, admin, **late, name="Second")) == stale
    assert refusal(await done(shop, DELETE, admin, **late)) == stale
    assert [method.name for method in await methods_of(shop.context())] == ["First"]


async def test_of_many_changes_of_one_version_one_is_made(shop: Engine) -> None:
    admin = await admin_of(shop)
    made = await added(shop, admin)
    found = await asyncio.gather(
        *(done(shop, UPDATE, admin, id=made["id"], version=1, name=f"N{i}") for i in range(6))
    )
    assert sum(payload["userErrors"] == [] for payload in found) == 1
    assert {refusal(each)[0] for each in found if each["userErrors"]} == {"STALE"}


async def test_what_is_gone_is_not_found(shop: Engine) -> None:
    admin = await admin_of(shop)
    made = await added(shop, admin)
    await done(shop, DELETE, admin, id=made["id"], version=1)
    hidden = ("NOT_FOUND", ["input", "id"])
    assert refusal(await done(shop, DELETE, admin, id=made["id"])) == hidden
    assert refusal(await done(shop, UPDATE, admin, id=made["id"], name="x")) == hidden
    wrong = await done(shop, DELETE, admin, id=encode_id("TaxZone", made["key"]))
    assert refusal(wrong) == ("INVALID", ["input", "id"])


async def test_new_methods_come_last_and_positions_move_them(shop: Engine) -> None:
    admin = await admin_of(shop)
    for key in ("a", "b", "c"):
        await added(shop, admin, key=key)
    assert await keys(shop, admin) == await known(shop) == ["a", "b", "c"]
    last = encode_id("ShippingMethod", "c")
    await done(shop, UPDATE, admin, id=last, position=0)
    assert await keys(shop, admin) == await known(shop) == ["a", "c", "b"]


# Keys and numbers


async def test_keys_are_made_or_given_and_nobody_has_one_twice(shop: Engine) -> None:
    admin = await admin_of(shop)
    made = [await added(shop, admin) for _ in range(3)]
    assert len({method["key"] for method in made}) == 3
    assert all(len(method["key"]) <= 12 for method in made)
    await added(shop, admin, key="post")
    taken = await done(shop, CREATE, admin, **PLAIN, key="post")
    assert refusal(taken) == ("KEY_TAKEN", ["input", "key"])


async def test_of_many_that_take_a_key_at_once_one_gets_it(shop: Engine) -> None:
    admin = await admin_of(shop)
    found = await asyncio.gather(
        *(done(shop, CREATE, admin, name=f"N{i}", bands=FOUR_NINETY, key="post") for i in range(6))
    )
    (won,) = (each["shippingMethod"]["name"] for each in found if not each["userErrors"])
    assert {refusal(each)[0] for each in found if each["userErrors"]} == {"KEY_TAKEN"}
    assert [method.name for method in await methods_of(shop.context())] == [won]


async def fill(engine: Engine, count: int, seller: str | None) -> None:
    """Store so many, as the API does."""
    template = await stored(engine)
    await engine.storage.collection(ShippingMethodDocument).insert_many(
        [{**template, "_id": f"{seller}-{i}", "seller": seller} for i in range(count)]
    )


async def stored(engine: Engine) -> Record:
    found = await engine.storage.collection(ShippingMethodDocument).find_one({})
    assert found is not None
    return found


async def test_a_shop_has_so_many_and_a_seller_fewer_whoever_adds_them(shop: Engine) -> None:
    admin, seller = await admin_of(shop), await seller_of(shop, "s1")
    first = await added(shop, seller)
    await fill(shop, MOST_OF_SELLER - 3, "s1")
    found = await asyncio.gather(*(done(shop, CREATE, seller, **PLAIN) for _ in range(5)))
    assert sum(not payload["userErrors"] for payload in found) == 2
    assert {refusal(each) for each in found if each["userErrors"]} == {("TOO_MANY", None)}
    assert len(await keys(shop, seller)) == MOST_OF_SELLER
    await fill(shop, MOST - MOST_OF_SELLER - 1, "s2")
    await added(shop, admin)
    assert refusal(await done(shop, CREATE, admin, **PLAIN)) == ("TOO_MANY", None)
    await done(shop, DELETE, seller, id=first["id"])
    await added(shop, admin)


# engine.toml


async def test_those_of_the_settings_stand_first_and_are_changed_there(
    engine_for: EngineFor,
) -> None:
    shop = await engine_for(FIXED)
    admin, seller = await admin_of(shop), await seller_of(shop, "s1")
    await added(shop, admin, key="own")
    assert await known(shop) == ["post", "bike", "own"]
    post, *_ = (await told(shop, LIST, viewer=admin))["shippingMethods"]
    assert (post["isFromSettings"], post["version"], post["createdAt"]) == (True, None, None)
    assert post["bands"][0] == {
        "prices": [{"amount": "2.90", "currency": "EUR"}],
        "upToWeight": 500,
        "upToValue": None,
    }
    assert (await told(shop, NODE, {"id": post["id"]}, viewer=admin))["node"] == post
    refused = ("IN_SETTINGS", ["input", "id"])
    payload = await done(shop, UPDATE, admin, id=post["id"], name="x")
    assert refusal(payload) == refused
    assert payload["userErrors"][0]["message"].endswith("in engine.toml; change it there")
    assert refusal(await done(shop, DELETE, admin, id=post["id"])) == refused
    assert refusal(await done(shop, CREATE, admin, **PLAIN, key="post"))[0] == "KEY_TAKEN"
    assert await keys(shop, seller) == ["bike"]
    bike = encode_id("ShippingMethod", "bike")
    assert refusal(await done(shop, UPDATE, seller, id=bike, name="x")) == refused
    assert refusal(await done(shop, UPDATE, seller, id=post["id"], name="x"))[0] == "NOT_FOUND"


async def test_settings_that_get_a_stored_key_hold(engine_for: EngineFor) -> None:
    before = await engine_for(TOML)
    await added(before, await admin_of(before), key="post", name="Old")
    after = await engine_for(FIXED)
    admin = await admin_of(after)
    assert await known(after) == await keys(after, admin) == ["post", "bike"]
    (post, _) = await methods_of(after.context())
    assert post.name == "Post"
    payload = await done(after, DELETE, admin, id=encode_id("ShippingMethod", "post"))
    assert refusal(payload)[0] == "IN_SETTINGS"


# How fresh


async def test_engines_see_own_changes_at_once_and_others_within_a_second(
    engine_for: EngineFor,
) -> None:
    one, other = await engine_for(TOML, work=True), await engine_for(TOML, work=True)
    admin = await admin_of(one)
    await until(lambda: is_told(one, other))
    assert await known(other) == []
    for step in ("add", "change", "remove"):
        if step == "add":
            made = await added(one, admin, key="post")
        elif step == "change":
            await done(one, UPDATE, admin, id=made["id"], name="Other")
        else:
            await done(one, DELETE, admin, id=made["id"])
        expected = {"add": ["Post"], "change": ["Other"], "remove": []}[step]
        assert await names(one) == expected
        began = time.monotonic()
        while await names(other) != expected:
            assert time.monotonic() - began < LATE_SECONDS, step
            await asyncio.sleep(0.01)


async def names(engine: Engine) -> list[str]:
    return [method.name for method in await methods_of(engine.context())]


async def test_without_a_change_feed_others_changes_are_seen_within_a_second(
    engine_for: EngineFor,
) -> None:
    one, other = await engine_for(TOML), await engine_for(TOML)
    assert await known(other) == []
    await added(one, await admin_of(one), key="post")
    began = time.monotonic()
    while await known(other) != ["post"]:
        assert time.monotonic() - began < LATE_SECONDS
        await asyncio.sleep(0.01)


async def test_readers_ask_no_database_while_nothing_changes(
    engine_for: EngineFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await engine_for(TOML, work=True)
    await added(engine, await admin_of(engine), key="post")
    await until(lambda: is_told(engine))
    await asyncio.sleep(0.6)  # the feed tells this process of its own change too
    await known(engine)
    asked = []
    collection = Kept.collection

    def counted(kept: Kept[Any], context: Context) -> Any:
        asked.append(kept.noun)
        return collection(kept, context)

    monkeypatch.setattr(Kept, "collection", counted)
    began = time.monotonic()
    while time.monotonic() - began < 1.5:
        assert await known(engine) == ["post"]
        await asyncio.sleep(0.02)
    assert asked == []


async def test_many_readers_of_a_changed_list_read_it_once(
    shop: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await added(shop, await admin_of(shop), key="post")
    asked = []
    collection = Kept.collection

    def counted(kept: Kept[Any], context: Context) -> Any:
        asked.append(kept.noun)
        return collection(kept, context)

    monkeypatch.setattr(Kept, "collection", counted)
    assert await asyncio.gather(*(known(shop) for _ in range(50))) == [["post"]] * 50
    assert len(asked) == 1


async def test_a_change_while_the_list_is_read_is_not_lost(
    shop: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = await admin_of(shop)
    records = Kept.records

    async def slow(kept: Kept[Any], context: Context) -> list[Record]:
        found = await records(kept, context)
        monkeypatch.undo()
        await added(shop, admin, key="post", position=0)
        return found

    monkeypatch.setattr(Kept, "records", slow)
    assert await known(shop) == []
    assert await known(shop) == ["post"]


# Bad input

Bad = tuple[dict[str, Any], str]


def band(amount: str = "4.90", **more: Any) -> dict[str, Any]:
    return {"prices": [{"amount": amount}], **more}


INVALID: Sequence[Bad] = (
    ({"name": ""}, "name"),
    ({"name": " \t "}, "name"),
    ({"name": "x" * 101}, "name"),
    ({"name": "x" * 10_000}, "name"),
    ({"name": "a\0b"}, "name"),
    ({"name": "a\nb"}, "name"),
    ({"name": "a\u202eb"}, "name"),
    ({"key": ""}, "key"),
    ({"key": "-a"}, "key"),
    ({"key": "Post"}, "key"),
    ({"key": "a\n"}, "key"),
    ({"key": "a" * 51}, "key"),
    ({"key": "a.b"}, "key"),
    ({"bands": []}, "bands"),
    ({"bands": [{"prices": []}]}, "bands.0.prices"),
    ({"bands": [band("-1")]}, "bands.0.prices.0.amount"),
    ({"bands": [band("NaN")]}, "bands.0.prices.0.amount"),
    ({"bands": [band("1.005")]}, "bands.0.prices.0.amount"),
    ({"bands": [band("1e30")]}, "bands.0.prices.0.amount"),
    ({"bands": [{"prices": [{"amount": "1", "currency": "USD"}]}]}, "bands.0.prices.0.currency"),
    ({"bands": [{"prices": [{"amount": "1"}] * 2}]}, "bands.0.prices.1.currency"),
    ({"bands": [{"prices": [{"amount": "1.5", "currency": "JPY"}]}]}, "bands.0.prices.0.amount"),
    ({"bands": [band(upToWeight=-1)]}, "bands.0.upToWeight"),
    ({"bands": [band(upToValue=[])]}, "bands.0.upToValue"),
    ({"bands": [band(upToValue=[{"amount": "-1"}])]}, "bands.0.upToValue.0.amount"),
    ({"bands": [band(upToWeight=2), band(upToWeight=1)]}, "bands.1.upToWeight"),
    ({"bands": [band(upToWeight=2), band(upToWeight=2)]}, "bands.1.upToWeight"),
    ({"bands": [band(), band(upToWeight=2)]}, "bands.1.upToWeight"),
    ({"bands": [band(), band()]}, "bands.1.upToValue"),
    (
        {"bands": [band(upToValue=[{"amount": "9"}]), band(upToValue=[{"amount": "9"}])]},
        "bands.1.upToValue",
    ),
    ({"bands": [band(upToWeight=i) for i in range(51)]}, "bands"),
    ({"freeFrom": [{"amount": "-0.01"}]}, "freeFrom.0.amount"),
    ({"freeFrom": [{"amount": "1", "currency": "KWD"}]}, "freeFrom.0.currency"),
    ({"days": {"least": 4, "most": 2}}, "days.most"),
    ({"days": {"least": -1, "most": 2}}, "days.least"),
    ({"days": {"least": 0, "most": 366}}, "days.most"),
    ({"taxClass": ""}, "taxClass"),
    ({"taxClass": "x" * 101}, "taxClass"),
    ({"taxClass": "a\x7fb"}, "taxClass"),
    ({"position": -1}, "position"),
    ({"area": {"countries": ["DE", "XX"]}}, "area.countries.1"),
    ({"area": {"countries": ["ZZ"]}}, "area.countries.0"),
    ({"area": {"regions": [""]}}, "area.regions.0"),
    ({"area": {"regions": ["a\0"]}}, "area.regions.0"),
    ({"area": {"exceptRegions": ["x" * 51]}}, "area.exceptRegions.0"),
    ({"area": {"postalCodes": ["10", " - "]}}, "area.postalCodes.1"),
    ({"area": {"exceptPostalCodes": [""]}}, "area.exceptPostalCodes.0"),
    ({"area": {"exceptPostalCodes": ["1" * 21]}}, "area.exceptPostalCodes.0"),
    ({"area": {"postalCodes": ["1"] * 251}}, "area.postalCodes"),
    ({"seller": ""}, "seller"),
    ({"seller": "x" * 141}, "seller"),
)


async def test_what_is_wrong_is_refused_where_it_stands_and_nothing_is_stored(
    shop: Engine,
) -> None:
    admin = await admin_of(shop)
    for wrong, field in INVALID:
        payload = await done(shop, CREATE, admin, **{**PLAIN, **wrong})
        assert payload["shippingMethod"] is None
        assert refusal(payload) == ("INVALID", ["input", *field.split(".")]), wrong
    assert await known(shop) == []
    made = await added(shop, admin)
    for wrong, field in INVALID:
        if not wrong.keys() & {"key", "seller"}:
            payload = await done(shop, UPDATE, admin, id=made["id"], **wrong)
            assert refusal(payload) == ("INVALID", ["input", *field.split(".")]), wrong
    for name in ("name", "bands", "area", "freeFrom", "position"):
        payload = await done(shop, UPDATE, admin, id=made["id"], **{name: None})
        assert refusal(payload) == ("INVALID", ["input", name])
    assert (await stored(shop))["version"] == 1


async def test_unknown_scalars_are_refused_before_anything_runs(shop: Engine) -> None:
    admin = await admin_of(shop)
    for wrong in (
        {"bands": [{"prices": [{"amount": "1", "currency": "EURO"}]}]},
        {"area": {"countries": ["de"]}},
        {"area": {"countries": ["Germany"]}},
        {"bands": [band(upToWeight=2**31)]},
        {"position": 2**31},
    ):
        assert await done(shop, CREATE, admin, **{**PLAIN, **wrong}) == {"error": "BAD_REQUEST"}


async def test_bands_may_go_by_weight_and_by_value(shop: Engine) -> None:
    worth = {"upToValue": [{"amount": "20"}]}
    made = await added(
        shop,
        await admin_of(shop),
        bands=[
            band("5", upToWeight=1000, **worth),
            band("4", upToWeight=1000),
            band("9", **worth),
            band("8"),
        ],
    )
    assert [each["upToWeight"] for each in made["bands"]] == [1000, 1000, None, None]
