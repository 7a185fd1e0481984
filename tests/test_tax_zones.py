"""Tax zones over the API and of engine.toml: who may what, what is refused, how fresh."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from bson import Decimal128
from hypothesis import given
from hypothesis import strategies as st

from mercat.checkout import Destination, Taxable, TaxQuestion
from mercat.context import ANONYMOUS
from mercat.engine import Engine
from mercat.errors import InvalidError, NotFoundError
from mercat.ids import encode_id
from mercat.storage import Record
from mercat_orders.areas import Area
from mercat_orders.configured import writing
from mercat_orders.configured.writing import MOST
from mercat_orders.taxation.checking import checked
from mercat_orders.taxation.documents import TaxZoneDocument
from mercat_orders.taxation.memory import kept_zones, to_zone, zones_of
from mercat_orders.taxation.zones import TaxZone, answer, percent

from .asking import answered, told
from .configuring import (
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
    more="""
[plugins.orders.tax_zones.germany]
countries = ["DE"]
rates = { standard = "19", reduced = "7" }
""",
)
FIELDS = """id key label included isFromSettings version createdAt updatedAt
  area { countries regions postalCodes exceptRegions exceptPostalCodes }
  rates { taxClass rate }"""
LIST = f"{{ taxZones {{ {FIELDS} }} }}"
CREATE = f"""mutation ($input: TaxZoneCreateInput!) {{ taxZoneCreate(input: $input) {{
  taxZone {{ {FIELDS} }} userErrors {{ field code message }} }} }}"""
UPDATE = f"""mutation ($input: TaxZoneUpdateInput!) {{ taxZoneUpdate(input: $input) {{
  taxZone {{ {FIELDS} }} userErrors {{ field code message }} }} }}"""
DELETE = """mutation ($input: TaxZoneDeleteInput!) { taxZoneDelete(input: $input) {
  deletedId userErrors { field code message } } }"""
NODE = f"query ($id: ID!) {{ node(id: $id) {{ ... on TaxZone {{ {FIELDS} }} }} }}"

PLAIN = {"rates": [{"taxClass": "standard", "rate": "19"}]}
EVERYWHERE: dict[str, list[str]] = {
    "countries": [],
    "regions": [],
    "postalCodes": [],
    "exceptRegions": [],
    "exceptPostalCodes": [],
}


@pytest.fixture
async def shop(engine_for: EngineFor) -> Engine:
    return await engine_for(TOML)


async def added(engine: Engine, /, **given_: Any) -> dict[str, Any]:
    payload = await done(engine, CREATE, await admin_of(engine), **{**PLAIN, **given_})
    assert payload["userErrors"] == []
    zone: dict[str, Any] = payload["taxZone"]
    return zone


async def known(engine: Engine) -> list[str]:
    return [zone.id for zone in await zones_of(engine.context())]


async def stored(engine: Engine) -> Record:
    found = await engine.storage.collection(TaxZoneDocument).find_one({})
    assert found is not None
    return found


# Who may what


async def test_what_an_admin_adds_is_shown_as_it_was_given(shop: Engine) -> None:
    made = await added(
        shop,
        key="ireland",
        label=" CBL ",
        area={"countries": ["IE"], "exceptPostalCodes": ["D02"]},
        included=False,
        rates=[
            {"taxClass": "standard", "rate": "23.00"},
            {"taxClass": "food.$x", "rate": "4.8"},
            {"taxClass": "books", "rate": "0"},
        ],
    )
    assert made == {
        "id": encode_id("TaxZone", "ireland"),
        "key": "ireland",
        "label": "CBL",
        "included": False,
        "isFromSettings": False,
        "version": 1,
        "createdAt": made["createdAt"],
        "updatedAt": made["createdAt"],
        "area": {**EVERYWHERE, "countries": ["IE"], "exceptPostalCodes": ["D02"]},
        "rates": [
            {"taxClass": "standard", "rate": "23"},
            {"taxClass": "food.$x", "rate": "4.8"},
            {"taxClass": "books", "rate": "0"},
        ],
    }
    admin = await admin_of(shop)
    (listed,) = (await told(shop, LIST, viewer=admin))["taxZones"]
    node = (await told(shop, NODE, {"id": made["id"]}, viewer=admin))["node"]
    moments = {"createdAt": listed["createdAt"], "updatedAt": listed["updatedAt"]}
    assert listed == node == {**made, **moments}


async def test_a_stored_zone_is_the_one_that_carts_are_taxed_by(shop: Engine) -> None:
    made = await added(shop, area={"countries": ["IE"]}, rates=[{"taxClass": "x", "rate": "4.8"}])
    (zone,) = await zones_of(shop.context())
    assert zone == TaxZone(
        made["key"], Area(("IE",)), "VAT", included=True, rates={"x": Decimal("0.048")}
    )
    assert (await stored(shop))["rates"] == [{"tax_class": "x", "rate": "4.8"}]
    assert not any(isinstance(one, Decimal128) for one in (await stored(shop)).values())


async def test_only_those_who_manage_taxes_see_and_change_them(shop: Engine) -> None:
    made = await added(shop)
    customer = await viewer_for(shop, await registered(shop))
    support = await viewer_for(shop, await registered(shop, roles=["SUPPORT"]))
    for viewer, code in (
        (ANONYMOUS, "UNAUTHENTICATED"),
        (customer, "FORBIDDEN"),
        (support, "FORBIDDEN"),
        (await seller_of(shop, "s1"), "FORBIDDEN"),
    ):
        found = await answered(shop, LIST, viewer=viewer)
        assert found["errors"][0]["extensions"]["code"] == code
        for document, given_ in (
            (CREATE, PLAIN),
            (UPDATE, {"id": made["id"], "label": "Mine"}),
            (DELETE, {"id": made["id"]}),
        ):
            assert await done(shop, document, viewer, **given_) == {"error": code}
        assert (await told(shop, NODE, {"id": made["id"]}, viewer=viewer))["node"] is None
    assert await known(shop) == [made["key"]]
    assert (await stored(shop))["version"] == 1


# Changing


async def test_a_change_keeps_what_is_left_out_and_an_old_version_is_stale(shop: Engine) -> None:
    admin = await admin_of(shop)
    made = await added(shop, area={"countries": ["IE"]}, included=False)
    changed = (await done(shop, UPDATE, admin, id=made["id"], version=1, label="GST"))["taxZone"]
    moments = {"createdAt": changed["createdAt"], "updatedAt": changed["updatedAt"]}
    assert changed == {**made, "label": "GST", "version": 2, **moments}
    stale = ("STALE", ["input", "version"])
    late = {"id": made["id"], "version": 1}
    assert refusal(await done(shop, UPDATE, admin, **late, label="Second")) == stale
    assert refusal(await done(shop, DELETE, admin, **late)) == stale
    assert [zone.label for zone in await zones_of(shop.context())] == ["GST"]
    removed = await done(shop, DELETE, admin, id=made["id"], version=2)
    assert removed == {"deletedId": made["id"], "userErrors": []}
    assert await known(shop) == []
    hidden = ("NOT_FOUND", ["input", "id"])
    assert refusal(await done(shop, DELETE, admin, id=made["id"])) == hidden
    assert refusal(await done(shop, UPDATE, admin, id=made["id"], label="x")) == hidden


async def test_of_many_changes_of_one_version_one_is_made(shop: Engine) -> None:
    admin, made = await admin_of(shop), await added(shop)
    found = await asyncio.gather(
        *(done(shop, UPDATE, admin, id=made["id"], version=1, label=f"L{i}") for i in range(6))
    )
    (won,) = (each["taxZone"]["label"] for each in found if not each["userErrors"])
    assert {refusal(each)[0] for each in found if each["userErrors"]} == {"STALE"}
    assert [zone.label for zone in await zones_of(shop.context())] == [won]


async def test_one_that_got_the_key_meanwhile_is_not_changed_for_it(shop: Engine) -> None:
    admin, context = await admin_of(shop), shop.context()
    made = await added(shop, key="ireland")
    seen = await stored(shop)
    await done(shop, DELETE, admin, id=made["id"])
    await added(shop, key="ireland", label="New")
    with pytest.raises(NotFoundError):
        await writing.change(context, kept_zones(context), seen, None, {"label": "Wrong"})
    with pytest.raises(NotFoundError):
        await writing.remove(context, kept_zones(context), seen, 1)
    assert await labels(shop) == ["New"]


async def test_a_key_has_one_zone_and_a_shop_so_many(shop: Engine) -> None:
    admin = await admin_of(shop)
    found = await asyncio.gather(
        *(done(shop, CREATE, admin, **PLAIN, key="ireland") for _ in range(5))
    )
    assert sum(not each["userErrors"] for each in found) == 1
    assert [refusal(each) for each in _failed(found)] == [("KEY_TAKEN", ["input", "key"])] * 4
    template = await stored(shop)
    await shop.storage.collection(TaxZoneDocument).insert_many(
        [{**template, "_id": f"z{i}"} for i in range(MOST - 3)]
    )
    found = await asyncio.gather(*(done(shop, CREATE, admin, **PLAIN) for _ in range(4)))
    assert [refusal(each) for each in _failed(found)] == [("TOO_MANY", None)] * 2
    assert len((await told(shop, LIST, viewer=admin))["taxZones"]) == MOST


def _failed(payloads: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in payloads if each["userErrors"]]


# engine.toml


async def test_those_of_the_settings_stand_first_and_are_changed_there(
    engine_for: EngineFor,
) -> None:
    shop = await engine_for(FIXED)
    admin = await admin_of(shop)
    await added(shop, key="austria", included=False)
    assert await known(shop) == ["germany", "austria"]
    germany, austria = (await told(shop, LIST, viewer=admin))["taxZones"]
    assert germany == {
        "id": encode_id("TaxZone", "germany"),
        "key": "germany",
        "label": "VAT",
        "included": True,
        "isFromSettings": True,
        "version": None,
        "createdAt": None,
        "updatedAt": None,
        "area": {**EVERYWHERE, "countries": ["DE"]},
        "rates": [
            {"taxClass": "standard", "rate": "19"},
            {"taxClass": "reduced", "rate": "7"},
        ],
    }
    assert austria["isFromSettings"] is False
    assert (await told(shop, NODE, {"id": germany["id"]}, viewer=admin))["node"] == germany
    refused = ("IN_SETTINGS", ["input", "id"])
    payload = await done(shop, UPDATE, admin, id=germany["id"], label="x")
    assert refusal(payload) == refused
    message = "this tax zone stands in engine.toml; change it there"
    assert payload["userErrors"][0]["message"] == message
    assert refusal(await done(shop, DELETE, admin, id=germany["id"])) == refused
    taken = await done(shop, CREATE, admin, **PLAIN, key="germany")
    assert refusal(taken) == ("KEY_TAKEN", ["input", "key"])


async def test_settings_that_get_a_stored_key_hold(engine_for: EngineFor) -> None:
    await added(await engine_for(TOML), key="germany", label="Old")
    after = await engine_for(FIXED)
    (zone,) = await zones_of(after.context())
    assert (zone.label, len(zone.rates)) == ("VAT", 2)


# How fresh


async def test_engines_see_own_changes_at_once_and_others_within_a_second(
    engine_for: EngineFor,
) -> None:
    one, other = await engine_for(TOML, work=True), await engine_for(TOML, work=True)
    admin = await admin_of(one)
    await until(lambda: is_told(one, other))
    assert await labels(other) == []
    made = await added(one, label="First")
    assert await labels(one) == ["First"]
    await sees(other, ["First"])
    await done(one, UPDATE, admin, id=made["id"], label="Second")
    assert await labels(one) == ["Second"]
    await sees(other, ["Second"])
    await done(one, DELETE, admin, id=made["id"])
    assert await labels(one) == []
    await sees(other, [])


async def labels(engine: Engine) -> list[str]:
    return [zone.label for zone in await zones_of(engine.context())]


async def sees(engine: Engine, expected: list[str]) -> None:
    began = time.monotonic()
    while await labels(engine) != expected:
        assert time.monotonic() - began < LATE_SECONDS
        await asyncio.sleep(0.01)


# Bad input


def rate(value: str, tax_class: str = "standard") -> dict[str, Any]:
    return {"rates": [{"taxClass": tax_class, "rate": value}]}


INVALID: Sequence[tuple[dict[str, Any], str]] = (
    *(
        (rate(value), "rates.0.rate")
        for value in (
            *(
                "-1",
                "-0.5",
                "100.000001",
                "101",
                "NaN",
                "sNaN",
                "Infinity",
                "1e1",
                "",
                " 19",
                "19 ",
            ),
            *("19%", "19,5", "1.0000001", ".5", "5.", "+5", "1_9", "\u0661", "9" * 10_000),
        )
    ),
    ({"rates": []}, "rates"),
    ({"rates": [{"taxClass": f"c{i}", "rate": "1"} for i in range(51)]}, "rates"),
    ({"rates": PLAIN["rates"] * 2}, "rates.1.taxClass"),
    (rate("1", ""), "rates.0.taxClass"),
    (rate("1", "a\0b"), "rates.0.taxClass"),
    (rate("1", "x" * 10_000), "rates.0.taxClass"),
    ({"label": ""}, "label"),
    ({"label": "a\nb"}, "label"),
    ({"label": "x" * 51}, "label"),
    ({"label": "x" * 10_000}, "label"),
    ({"area": {"countries": ["XX"]}}, "area.countries.0"),
    ({"area": {"exceptRegions": ["\x1b[0m"]}}, "area.exceptRegions.0"),
    ({"area": {"exceptPostalCodes": ["-"]}}, "area.exceptPostalCodes.0"),
    ({"key": "Germany"}, "key"),
    ({"key": "a" * 51}, "key"),
)


async def test_what_is_wrong_is_refused_where_it_stands_and_nothing_is_stored(
    shop: Engine,
) -> None:
    admin = await admin_of(shop)
    for wrong, field in INVALID:
        payload = await done(shop, CREATE, admin, **{**PLAIN, **wrong})
        assert payload["taxZone"] is None
        assert refusal(payload) == ("INVALID", ["input", *field.split(".")]), wrong
    assert await known(shop) == []
    made = await added(shop)
    for wrong, field in INVALID:
        if "key" not in wrong:
            payload = await done(shop, UPDATE, admin, id=made["id"], **wrong)
            assert refusal(payload) == ("INVALID", ["input", *field.split(".")]), wrong
    for name in ("label", "rates", "area", "included"):
        payload = await done(shop, UPDATE, admin, id=made["id"], **{name: None})
        assert refusal(payload) == ("INVALID", ["input", name])
    assert (await stored(shop))["version"] == 1


@given(st.decimals(0, 100, places=6) | st.integers(0, 100).map(Decimal))
def test_a_rate_comes_back_as_it_was_given(wanted: Decimal) -> None:
    values = checked({"rates": [{"tax_class": "standard", "rate": f"{wanted:f}"}]})
    record = {**values, "_id": "z", "area": {}, "label": "VAT", "included": True}
    rates = to_zone(record).rates
    assert rates["standard"] * 100 == wanted
    assert Decimal(percent(rates["standard"])) == wanted


@given(st.text(max_size=12) | st.text("0123456789.-+eE_ ", max_size=7))
def test_no_text_is_taken_for_another_rate(wanted: str) -> None:
    with suppress(InvalidError):
        (found,) = checked({"rates": [{"tax_class": "standard", "rate": wanted}]})["rates"]
        assert 0 <= Decimal(found["rate"]) == Decimal(wanted) <= 100
        assert set(wanted) <= set("0123456789.")


# What is due


def zone(name: str, area: Area, *, included: bool = True, **rates: str) -> TaxZone:
    return TaxZone(name, area, name, included, {key: Decimal(one) for key, one in rates.items()})


def question(to: Destination) -> TaxQuestion:
    items = (
        Taxable("l1", "line", 1000, None, None),
        Taxable("l2", "line", 1000, "reduced", None),
        Taxable("l3", "line", 1000, "unknown", None),
        Taxable("s", "shipping", 500, None, None),
    )
    return TaxQuestion("EUR", to, items)


def test_a_zone_holds_where_its_area_is_and_classes_have_their_rates() -> None:
    areas = Area(("ES",), except_postal_codes=("35", "38"))
    spain = zone("IVA", areas, standard="0.21", reduced="0.10", shipping="0.04")
    found = answer([spain], question(Destination("ES", "Madrid", "28001")))
    assert found.included
    assert {tax.label: tax.items for tax in found.taxes} == {
        "IVA 21 %": ("l1", "l3"),
        "IVA 10 %": ("l2",),
        "IVA 4 %": ("s",),
    }
    assert answer([spain], question(Destination("ES", "", "38 001"))).taxes == ()
    assert answer([spain], question(Destination("FR"))).taxes == ()


def test_several_zones_add_up_and_the_first_says_whether_they_are_included() -> None:
    country = zone("GST", Area(("CA",)), included=False, standard="0.05")
    region = zone("QST", Area(("CA",), regions=("qc",)), standard="0.09975")
    found = answer([country, region], question(Destination("CA", "QC")))
    assert [tax.label for tax in found.taxes] == ["GST 5 %", "QST 9.975 %"]
    assert not found.included
    assert answer([region, country], question(Destination("CA", "QC"))).included
    alone = answer([country, region], question(Destination("CA", "ON")))
    assert [tax.label for tax in alone.taxes] == ["GST 5 %"]
