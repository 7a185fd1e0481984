"""Sales reports: what counts, how rows are cut and called, and who is told what."""

from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from bson import ObjectId

from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.ids import encode_id, object_id
from mercat_orders.orders.access import orders

from .asking import told
from .conftest import ADMIN, EngineFor
from .market import CARL, NOBODY
from .order_changes import STAFF, did, order_id, part_id, units
from .ordering import TOML, placed
from .reporting import ANALYST, ANNA, BERT, made_order, refused, report, store

CATEGORIES = TOML.replace('"products", ', '"products", "categories", ')
READER = Viewer(role="AUDITOR", permissions=frozenset({"orders.read"}), user="reader")
CUT = {"from": "2026-10-01", "to": "2026-10-31"}


@pytest.fixture
async def engine(engine_for: EngineFor) -> Engine:
    return await engine_for(TOML)


async def totals(engine: Engine, viewer: Viewer = ANALYST, /, **given: Any) -> dict[str, Any]:
    """The figures of the whole, sums as plain strings; those of nothing left out."""
    found = await report(engine, viewer, **given)
    return plain(found["totals"][0]["figures"])


def plain(figures: dict[str, Any]) -> dict[str, Any]:
    flat = {k: v["amount"] if isinstance(v, dict) else v for k, v in figures.items()}
    return {name: value for name, value in flat.items() if value not in (0, "0.00", None)}


# What counts


async def test_an_order_counts_with_its_lines_delivery_and_taxes(engine: Engine) -> None:
    await placed(engine, 2, 3, sellers=("anna", None))
    assert await totals(engine) == {
        "orders": 1,
        "units": 5,
        "gross": "50.00",
        "shipping": "9.80",
        "tax": "9.55",
        "total": "59.80",
        "net": "59.80",
        "netSales": "42.01",
        "averageOrderValue": "59.80",
    }


async def test_cancelled_units_count_nowhere_but_as_cancelled(engine: Engine) -> None:
    order = await placed(engine, 2, 3)
    await did(engine, "orderCancel", orderId=order_id(order), lines=units(order, 1, 3))
    found = await totals(engine)
    assert (found["units"], found["gross"], found["cancelled"]) == (1, "10.00", "40.00")
    assert "refunded" not in found
    assert found["net"] == found["total"] == "10.00"


async def test_a_cancelled_order_is_no_sale(engine: Engine) -> None:
    order = await placed(engine, 2)
    await did(engine, "orderCancel", orderId=order_id(order))
    assert await totals(engine) == {"cancelled": "24.90"}


async def test_what_is_paid_back_is_taken_off_where_it_was_sold(engine: Engine) -> None:
    order = await placed(engine, 2, 3, sellers=("anna", None))
    amount = {"amount": "11.90", "currency": "EUR"}
    await did(engine, "refundCreate", sellerOrderId=part_id(order), amount=amount, reason="late")
    rows = (await report(engine, groupBy="SELLER"))["rows"]
    assert [(row["key"], row["figures"]["refunded"]["amount"]) for row in rows] == [
        ("", "0.00"),
        ("anna", "11.90"),
    ]
    found = await totals(engine)
    assert (found["total"], found["refunded"], found["net"]) == ("59.80", "11.90", "47.90")
    without_tax = 4201 - (956 - 153)  # what went back for the lines, and the tax in that
    assert found["netSales"] == f"{without_tax / 100}"


async def test_an_order_that_waits_to_be_confirmed_is_only_pending(engine: Engine) -> None:
    await placed(engine, 2, method="till:awaited")
    assert await totals(engine) == {"pendingOrders": 1, "pending": "24.90"}


async def test_a_checkout_that_is_none_does_not_exist(engine: Engine) -> None:
    await placed(engine, 1)
    await orders(Context(engine)).update_many({}, {"$set": {"state": "FAILED", "placed_at": None}})
    assert await totals(engine) == {}


async def test_commission_is_not_due_for_what_came_back(engine: Engine) -> None:
    order = made_order(Random(1), 1, refunds=[], waived=0, currency="EUR")
    (line, *_) = order["lines"]
    line |= {"seller": "anna", "quantity": 4, "cancelled": 1, "returned": 1, "subtotal": 400}
    line |= {"discount": 0, "tax": 0, "total": 400}
    part = order["seller_orders"][0] | {"seller": "anna", "state": "DELIVERED", "commission": 41}
    await store(engine, [order | {"lines": [line], "seller_orders": [part]}])
    assert (await totals(engine, ANNA))["commission"] == "0.20"


# Rows


async def test_days_without_sales_are_there_too(engine: Engine) -> None:
    at = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)
    await store(engine, [made_order(Random(1), 1, at, currency="EUR")])
    found = await report(engine, **CUT)
    assert [row["key"] for row in found["rows"]] == [f"2026-10-{day:02}" for day in range(1, 32)]
    assert [row["key"] for row in found["rows"] if plain(row["figures"])] == ["2026-10-31"]
    elsewhere = await report(engine, **CUT, timeZone="Europe/Berlin")
    assert not any(plain(row["figures"]) for row in elsewhere["rows"])


async def test_weeks_begin_on_monday_and_months_are_cut_at_the_period(engine: Engine) -> None:
    weeks = await report(engine, groupBy="WEEK", **{"from": "2026-12-25", "to": "2027-01-05"})
    assert [row["key"] for row in weeks["rows"]] == ["2026-W52", "2026-W53", "2027-W01"]
    months = await report(engine, groupBy="MONTH", **{"from": "2026-12-31", "to": "2027-02-01"})
    assert [row["key"] for row in months["rows"]] == ["2026-12", "2027-01", "2027-02"]


async def test_products_and_variants_are_called_as_they_are_now(engine: Engine) -> None:
    order = await placed(engine, 1, 2)
    (line, _) = order["lines"]
    found = await report(engine, groupBy="PRODUCT")
    assert {row["label"] for row in found["rows"]} == {"Thing"}
    assert {row["figures"]["shipping"]["amount"] for row in found["rows"]} == {"0.00"}
    variants = await report(engine, groupBy="VARIANT")
    row = next(row for row in variants["rows"] if row["sku"] == line["sku"])
    assert row["subjectId"] == encode_id("ProductVariant", line["variant"])
    assert row["figures"]["units"] == 1


async def test_what_is_gone_from_the_catalogue_keeps_its_last_name(engine: Engine) -> None:
    first, second = (made_order(Random(n), n, currency="EUR") for n in (1, 2))
    product = ObjectId()
    for order, name, day in ((first, "Old", 5), (second, "New", 2)):
        order["lines"] = [order["lines"][0] | {"product": product, "name": name}]
        order["placed_at"] = datetime(2026, 10, day, tzinfo=UTC)
    await store(engine, [first, second])
    (row,) = (await report(engine, groupBy="PRODUCT"))["rows"]
    assert row["label"] == "Old"


async def test_categories_have_the_names_of_their_paths_and_may_overlap(
    engine_for: EngineFor,
) -> None:
    engine = await engine_for(CATEGORIES)
    made = """mutation ($input: CategoryCreateInput!) {
      categoryCreate(input: $input) { category { id } } }"""
    above = (await told(engine, made, {"input": {"name": "Home"}}, viewer=ADMIN))["categoryCreate"]
    parent = above["category"]["id"]
    given = {"input": {"name": "Mugs", "parent": parent}}
    below = (await told(engine, made, given, viewer=ADMIN))["categoryCreate"]["category"]["id"]
    order = made_order(Random(1), 1, currency="EUR")
    line, gone = order["lines"][0], str(ObjectId())
    keys = [str(object_id(key, "Category")) for key in (parent, below)]
    order["lines"] = [line | {"groups": [*keys, gone]}, line | {"groups": []}]
    await store(engine, [order])
    found = await report(engine, groupBy="CATEGORY")
    assert found["isOverlapping"]
    labels = {row["label"] for row in found["rows"]}
    assert labels == {"Home", "Home > Mugs", gone, "In no category"}


async def test_the_first_rows_are_those_of_which_most_stays(engine: Engine) -> None:
    await store(engine, [made_order(Random(n), n, currency="EUR") for n in range(60)])
    everything = await report(engine, groupBy="PRODUCT")
    sums = [float(row["figures"]["net"]["amount"]) for row in everything["rows"]]
    assert sums == sorted(sums, reverse=True)
    some = await report(engine, groupBy="PRODUCT", first=3)
    assert some["rows"] == everything["rows"][:3]
    assert some["rowCount"] == everything["rowCount"] == len(sums)
    assert some["totals"] == everything["totals"]


async def test_currencies_are_never_added_up(engine: Engine) -> None:
    given = [made_order(Random(n), n, currency=("EUR", "JPY", "KWD")[n % 3]) for n in range(30)]
    await store(engine, given)
    found = await report(engine, groupBy="COUNTRY", allCurrencies=True)
    assert [one["currency"] for one in found["totals"]] == ["EUR", "JPY", "KWD"]
    assert [one["currency"] for one in (await report(engine))["totals"]] == ["EUR"]
    for one in found["totals"]:
        alone = await report(engine, groupBy="COUNTRY", currency=one["currency"])
        assert alone["totals"] == [one]
        assert alone["rows"] == [r for r in found["rows"] if r["currency"] == one["currency"]]


async def test_the_days_before_are_as_many(engine: Engine) -> None:
    ask = """query ($input: SalesReportInput!) { salesReport(input: $input) {
      totals { figures { orders } } previousTotals { currency figures { orders } } } }"""
    random = Random(1)
    for number, day in enumerate((20, 21, 24, 25, 28)):
        at = datetime(2026, 10, day, 12, tzinfo=UTC)
        order = made_order(random, number, at, currency="EUR")
        for line in order["lines"]:
            line["cancelled"] = 0
        for part in order["seller_orders"]:
            part["state"] = "CONFIRMED"
        await store(engine, [order])
    given = {"input": {"from": "2026-10-25", "to": "2026-10-28"}}
    found = (await told(engine, ask, given, viewer=ANALYST))["salesReport"]
    assert found["totals"] == [{"figures": {"orders": 2}}]
    assert found["previousTotals"] == [{"currency": "EUR", "figures": {"orders": 2}}]


# Who is told what


async def test_a_seller_is_told_of_its_own_sales_whatever_it_asks_for(engine: Engine) -> None:
    await placed(engine, 2, 3, 4, sellers=("anna", "bert", None))
    own = await report(engine, ANNA)
    assert own["totals"][0]["figures"]["total"]["amount"] == "24.90"
    for other in (encode_id("Seller", "bert"), encode_id("Seller", "nobody")):
        assert await report(engine, ANNA, sellerId=other) == own
    assert await report(engine, sellerId=encode_id("Seller", "anna")) == own
    for by in ("PRODUCT", "VARIANT", "SELLER", "CATEGORY", "COUNTRY"):
        (row,) = (await report(engine, ANNA, groupBy=by))["rows"]
        assert row["figures"]["units"] == 2
    assert (await report(engine, BERT))["totals"][0]["figures"]["units"] == 3


@pytest.mark.parametrize(
    ("viewer", "code"),
    [
        (NOBODY, "UNAUTHENTICATED"),
        (CARL, "FORBIDDEN"),
        (READER, "FORBIDDEN"),
        (STAFF, "FORBIDDEN"),
        (Viewer(role="SELLER", permissions=frozenset({"orders.sell"}), user="x"), "FORBIDDEN"),
        (Viewer(role="SELLER", user="x", seller="anna"), "FORBIDDEN"),
    ],
)
async def test_others_are_told_nothing(engine: Engine, viewer: Viewer, code: str) -> None:
    assert await refused(engine, viewer) == code
    assert await refused(engine, viewer, sellerId=encode_id("Seller", "anna")) == code


@pytest.mark.parametrize(
    "given",
    [
        {"from": "2026-10-02", "to": "2026-10-01"},
        {"from": "2016-10-01", "to": "2026-10-01"},
        {"from": "2026-01-01", "to": "2028-01-02"},
        {"from": "0001-01-01", "to": "0001-01-02"},
        {"from": "9999-12-30", "to": "9999-12-31"},
        {"from": "2026-02-30"},
        {"from": "yesterday"},
        {"from": "{'$gt': ''}"},
        {"timeZone": "Europe/Atlantis"},
        {"timeZone": "../../etc/passwd"},
        {"timeZone": "/etc/localtime"},
        {"timeZone": "Europe/"},
        {"timeZone": "UTC\0"},
        {"timeZone": ""},
        {"timeZone": "A" * 100_000},
        {"timeZone": "'; DROP TABLE orders; --"},
        {"sellerId": "anna"},
        {"sellerId": '{"$ne": null}'},
        {"sellerId": encode_id("Product", "x")},
        {"currency": "XXX"},
        {"currency": "EUR", "allCurrencies": True},
        {"first": 0},
        {"first": -1},
        {"first": 1001},
        {"groupBy": "BUYER"},
    ],
)
async def test_a_wrong_question_is_refused(shared_engine_for: EngineFor, given: Any) -> None:
    assert await refused(await shared_engine_for(TOML), **given) == "BAD_REQUEST"


async def test_what_looks_like_a_query_is_a_seller_that_is_not_there(engine: Engine) -> None:
    await placed(engine, 1, sellers=("anna",))
    for key in ('{"$ne": null}', "' OR 1=1 --", "$where", "anna\0"):
        assert await totals(engine, sellerId=encode_id("Seller", key)) == {}
