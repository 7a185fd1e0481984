"""Counting stocks: adjusting, policies, history, reports, and who may."""

import asyncio
import csv
import io
from typing import Any

import pytest
from bson import ObjectId

from mercat import catalog
from mercat.context import Viewer
from mercat.engine import Engine
from mercat.ids import encode_id
from mercat_products.documents import ProductDocument
from mercat_products.stock import reservations
from mercat_products.stock.documents import StockChangeDocument, StockDocument
from mercat_products.stock.errors import OutOfStockError
from mercat_products.stock.reservations import Line

from .conftest import Client, ClientFor, EngineFor
from .plugins_for_tests.recording.record import recorded
from .plugins_for_tests.stocktaking.shop import (
    ANNA,
    BEN,
    CUSTOMER,
    LONG,
    STAFF,
    TOML,
    add_product,
    adjust,
    ask,
    deliver,
    figures,
    in_stock,
    set_policy,
    stored,
    variant_id,
)

NOBODY = Viewer()
VARIANT = """query ($id: ID!) { variant(id: $id) { quantityAvailable stock {
  onHand reserved available
  history(first: 10) { totalCount nodes { kind delta reason note who reference onHand reserved
  available } } } } }"""
REPORT = """query ($first: Int, $after: String, $low: Boolean! = false, $seller: ID) {
  stockReport(first: $first, after: $after, lowOnly: $low, seller: $seller) { totalCount
    nodes { sku onHand reserved available product { slug } variant { id sku } }
    pageInfo { hasNextPage endCursor } } }"""


@pytest.fixture
async def engine(engine_for: EngineFor) -> Engine:
    return await engine_for(TOML)


@pytest.fixture
async def mug(engine: Engine) -> ObjectId:
    return (await add_product(engine, "mug", "MUG"))[0]


@pytest.fixture(scope="module")
async def shared(shared_engine_for: EngineFor) -> Engine:
    """For tests that don't mind each other's data."""
    return await shared_engine_for(TOML)


@pytest.fixture(scope="module")
async def counted(shared: Engine) -> ObjectId:
    """A mug of which there are ten, three of them reserved."""
    (key,) = await add_product(shared, "mug", "MUG")
    await adjust(shared, key, delta=10)
    await reservations.reserve(shared.context(), "cart", [Line(key, 3)], LONG)
    return key


async def heard(engine: Engine, what: str) -> list[Any]:
    await deliver(engine)
    return [event["what"] for event in await recorded(engine.context(), what)]


# Adjusting


async def test_what_was_never_counted_is_in_stock_and_has_none(
    engine: Engine, mug: ObjectId
) -> None:
    found = await ask(engine, STAFF, VARIANT, id=variant_id(mug))
    assert found["variant"] == {"quantityAvailable": None, "stock": None}
    held = await reservations.reserve(engine.context(), "cart", [Line(mug, 1_000)], LONG)
    assert held.lines == (Line(mug, 1_000),)
    assert await engine.storage.database["stock_reservations"].count_documents({}) == 0
    for _ in range(2):
        sold = await reservations.commit(engine.context(), "cart", lines=held.lines)
        assert sold == held.lines
    assert await in_stock(engine, mug)


async def test_what_is_counted_only_since_it_was_wanted_is_sold_while_there_is_enough(
    engine: Engine, mug: ObjectId
) -> None:
    context, lines = engine.context(), [Line(mug, 2)]
    await reservations.reserve(context, "cart", lines, LONG)
    await adjust(engine, mug, delta=3)
    for _ in range(2):
        await reservations.commit(context, "cart", lines=lines)
        assert await figures(engine, mug) == (1, 0)
    with pytest.raises(OutOfStockError):
        await reservations.commit(context, "other", lines=lines)


async def test_units_come_and_go_and_the_history_says_why(engine: Engine, mug: ObjectId) -> None:
    payload = await adjust(engine, mug, delta=12, note=" From the potter ")
    assert payload["userErrors"] == []
    assert payload["stock"]["onHand"] == 12
    await adjust(engine, mug, delta=-2, reason="DAMAGED")
    await adjust(engine, mug, setTo=9, reason="COUNTED", changeFrom=10)
    context = engine.context()
    await reservations.reserve(context, "cart", [Line(mug, 3)], LONG)
    await reservations.commit(context, "cart")
    await reservations.restock(context, "return-1", [Line(mug, 1)])
    await reservations.restock(context, "return-1", [Line(mug, 1)])
    found = (await ask(engine, STAFF, VARIANT, id=variant_id(mug)))["variant"]["stock"]
    history = found.pop("history")
    assert found == {"onHand": 7, "reserved": 0, "available": 7}
    assert history["totalCount"] == 5
    lines = [
        (line["kind"], line["delta"], line["reason"], line["reference"], line["onHand"])
        for line in history["nodes"]
    ]
    assert lines == [
        ("RESTOCKED", 1, None, "return-1", 7),
        ("SOLD", -3, None, "cart", 6),
        ("ADJUSTED", -1, "COUNTED", None, 9),
        ("ADJUSTED", -2, "DAMAGED", None, 10),
        ("ADJUSTED", 12, "RECEIVED", None, 12),
    ]
    first = history["nodes"][-1]
    assert (first["note"], first["who"]) == ("From the potter", "ada")
    assert await figures(engine, mug) == (7, 0)


async def test_history_is_paged_from_the_latest(engine: Engine, mug: ObjectId) -> None:
    for _ in range(5):
        await adjust(engine, mug, delta=1)
    query = """query ($id: ID!, $after: String) { variant(id: $id) { stock {
      history(first: 2, after: $after) { nodes { onHand } pageInfo { hasNextPage endCursor } }
    } } }"""
    seen, after, more = [], None, True
    while more:
        found = await ask(engine, STAFF, query, id=variant_id(mug), after=after)
        page = found["variant"]["stock"]["history"]
        seen += [line["onHand"] for line in page["nodes"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert seen == [5, 4, 3, 2, 1]


async def test_histories_of_many_stocks_are_each_its_own(engine: Engine) -> None:
    keys = await add_product(engine, "cup", *(f"CUP-{n}" for n in range(12)))
    for number, key in enumerate(keys):
        for step in range(1 + number % 4):
            await adjust(engine, key, delta=100 * number + step + 1)
    query = """query ($after: String) { stockReport(first: 20) { nodes { sku onHand
      history(first: 2, after: $after) { totalCount nodes { delta onHand }
        edges { cursor } pageInfo { hasNextPage hasPreviousPage } } } } }"""
    found = (await ask(engine, STAFF, query))["stockReport"]["nodes"]
    assert len(found) == 12
    for number, stock in enumerate(found):
        history, count = stock["history"], 1 + number % 4
        deltas = [100 * number + step for step in range(count, 0, -1)]
        assert [line["delta"] for line in history["nodes"]] == deltas[:2]
        assert history["nodes"][0]["onHand"] == stock["onHand"] == sum(deltas)
        assert history["totalCount"] == count
        assert history["pageInfo"] == {"hasNextPage": count > 2, "hasPreviousPage": False}
    third = found[3]["history"]["edges"][-1]["cursor"]  # of four
    later = (await ask(engine, STAFF, query, after=third))["stockReport"]["nodes"]
    for number, stock in enumerate(later):
        seen = [line["delta"] for line in stock["history"]["nodes"]]
        assert seen == [100 * number + step for step in (2, 1) if step <= 1 + number % 4]
    refused = await ask(engine, STAFF, query.replace("first: 2", "first: 101"))
    assert "from 1 to 100" in refused["message"]


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"delta": -11}, "delta", "NEGATIVE"),
        ({"delta": -8}, "delta", "NEGATIVE"),  # three are reserved
        ({"setTo": 2}, "setTo", "NEGATIVE"),
        ({"setTo": -1}, "setTo", "NEGATIVE"),
        ({"delta": 1, "changeFrom": 9}, "changeFrom", "STALE"),
        ({"setTo": 20, "changeFrom": 7}, "changeFrom", "STALE"),
        ({}, "delta", "INVALID"),
        ({"delta": 0}, "delta", "INVALID"),
        ({"delta": 1, "setTo": 3}, "delta", "INVALID"),
        ({"delta": 1, "note": "x" * 1_001}, "note", "INVALID"),
        ({"delta": 1_000_000_000}, None, "INVALID"),
        ({"delta": 1, "idempotencyKey": ""}, "idempotencyKey", "INVALID"),
        (
            {"delta": 1, "variantId": encode_id("ProductVariant", "0" * 24)},
            "variantId",
            "NOT_FOUND",
        ),
        ({"delta": 1, "variantId": encode_id("Product", "0" * 24)}, "variantId", "INVALID"),
        ({"delta": 1, "variantId": "nonsense"}, "variantId", "INVALID"),
        ({"delta": 1, "lines": []}, "variantId", "INVALID"),
    ],
)
async def test_what_the_caller_can_mend_is_a_user_error_and_changes_nothing(
    shared: Engine, counted: ObjectId, values: dict[str, Any], field: str | None, code: str
) -> None:
    payload = await adjust(shared, **{"variantId": variant_id(counted), **values})
    assert payload["stock"] is None
    (error,) = payload["userErrors"]
    assert (error["field"], error["code"]) == (["input", field] if field else None, code)
    assert await figures(shared, counted) == (10, 3)


async def test_several_lines_change_together_or_not_at_all(engine: Engine) -> None:
    one, two, three = await add_product(engine, "cup", "CUP-1", "CUP-2", "CUP-3")
    lines = [{"variantId": variant_id(key), "delta": 5} for key in (one, two, three)]
    payload = await adjust(engine, lines=lines)
    assert [stock["sku"] for stock in payload["stocks"]] == ["CUP-1", "CUP-2", "CUP-3"]
    lines[2]["delta"] = -6
    payload = await adjust(engine, lines=lines)
    (error,) = payload["userErrors"]
    assert (error["field"], error["code"]) == (["input", "lines", "2", "delta"], "NEGATIVE")
    for key in (one, two, three):
        assert await figures(engine, key) == (5, 0)
    twice = await adjust(engine, lines=[lines[0], lines[0]])
    assert twice["userErrors"][0]["code"] == "INVALID"
    mixed = await adjust(engine, lines=lines[:1], delta=1)
    assert mixed["userErrors"][0]["code"] == "INVALID"


async def test_a_key_has_its_effect_once_and_takes_no_other_request(
    engine: Engine, mug: ObjectId
) -> None:
    payloads = await asyncio.gather(
        *(adjust(engine, mug, delta=4, idempotencyKey="k") for _ in range(8))
    )
    assert {payload["stock"]["onHand"] for payload in payloads} == {4}
    await adjust(engine, mug, delta=1)
    again = await adjust(engine, mug, delta=4, idempotencyKey="k")
    assert again["stock"]["onHand"] == 4  # what it was when the key was used
    other = await adjust(engine, mug, delta=5, idempotencyKey="k")
    assert other["userErrors"][0]["code"] == "CONFLICT"
    assert await figures(engine, mug) == (5, 0)


async def test_fifty_adjustments_at_once_all_count(engine: Engine, mug: ObjectId) -> None:
    payloads = await asyncio.gather(*(adjust(engine, mug, delta=2) for _ in range(50)))
    assert all(payload["userErrors"] == [] for payload in payloads)
    assert await figures(engine, mug) == (100, 0)


async def test_of_those_who_counted_the_same_stock_one_is_heard(
    engine: Engine, mug: ObjectId
) -> None:
    await adjust(engine, mug, delta=10)
    payloads = await asyncio.gather(
        *(adjust(engine, mug, setTo=number, changeFrom=10) for number in range(20, 30))
    )
    codes = [error["code"] for payload in payloads for error in payload["userErrors"]]
    assert codes == ["STALE"] * 9


# Backorders and thresholds


async def test_backorders_sell_up_to_their_limit_and_are_filled_first(
    engine: Engine, mug: ObjectId
) -> None:
    context = engine.context()
    await adjust(engine, mug, delta=2)
    payload = await set_policy(engine, mug, backorders="ALLOW", backorderLimit=3, lowAt=0)
    assert payload["stock"]["backorder"] == {"policy": "ALLOW", "limit": 3, "owed": 0}
    with pytest.raises(OutOfStockError) as caught:
        await reservations.reserve(context, "greedy", [Line(mug, 6)], LONG)
    assert caught.value.shortages[0].available == 5
    await reservations.reserve(context, "cart", [Line(mug, 5)], LONG)
    assert await figures(engine, mug) == (2, 5)
    assert not await in_stock(engine, mug)
    await reservations.commit(context, "cart")
    assert await figures(engine, mug) == (0, 3)
    refused = await set_policy(engine, mug, backorders="DENY")
    assert refused["userErrors"][0]["code"] == "NEGATIVE"
    payload = await adjust(engine, mug, delta=10)
    assert (payload["stock"]["onHand"], payload["stock"]["reserved"]) == (7, 0)
    assert await in_stock(engine, mug)
    kinds = await engine.storage.collection(StockChangeDocument).distinct("kind")
    assert set(kinds) == {"ADJUSTED", "POLICY", "SOLD", "FILLED"}
    assert (await set_policy(engine, mug, backorders="DENY"))["userErrors"] == []
    assert await figures(engine, mug) == (7, 0)


async def test_unlimited_backorders_never_run_out(engine: Engine, mug: ObjectId) -> None:
    await adjust(engine, mug, setTo=0)
    assert not await in_stock(engine, mug)
    payload = await set_policy(engine, mug, backorders="ALLOW")
    assert payload["stock"]["backorder"]["limit"] is None
    assert await in_stock(engine, mug)
    await reservations.reserve(engine.context(), "cart", [Line(mug, 5_000)], LONG)
    assert await figures(engine, mug) == (0, 5_000)


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"lowAt": -1}, "lowAt", "INVALID"),
        ({"backorders": "ALLOW", "backorderLimit": -1}, "backorderLimit", "INVALID"),
        ({"backorders": "DENY", "backorderLimit": 1}, "backorderLimit", "INVALID"),
        ({"lowAt": 3, "version": 7}, "version", "STALE"),
    ],
)
async def test_a_policy_that_cannot_be_is_a_user_error(
    engine: Engine, mug: ObjectId, values: dict[str, Any], field: str, code: str
) -> None:
    unknown = await set_policy(engine, mug, lowAt=1)
    assert unknown["userErrors"][0]["code"] == "NOT_FOUND"
    before = (await adjust(engine, mug, delta=1))["stock"]
    payload = await set_policy(engine, mug, **values)
    (error,) = payload["userErrors"]
    assert (error["field"], error["code"]) == (["input", field], code)
    assert (await stored(engine, mug))["version"] == before["version"]


async def test_low_stock_is_told_once_each_time_it_is_crossed(
    engine: Engine, mug: ObjectId
) -> None:
    context = engine.context()
    await adjust(engine, mug, delta=3)  # it starts low, which is no crossing
    await adjust(engine, mug, delta=7)
    assert await heard(engine, "low") == []
    await reservations.reserve(context, "one", [Line(mug, 4)], LONG)
    assert await heard(engine, "low") == []
    await reservations.reserve(context, "two", [Line(mug, 2)], LONG)
    await reservations.reserve(context, "three", [Line(mug, 2)], LONG)
    await reservations.commit(context, "two")
    assert await heard(engine, "low") == [["MUG", 4, 5]]
    await reservations.release(context, "one")
    assert await heard(engine, "low") == [["MUG", 4, 5]]
    await adjust(engine, mug, delta=-1, reason="LOST")
    assert await heard(engine, "low") == [["MUG", 4, 5], ["MUG", 5, 5]]
    await set_policy(engine, mug, lowAt=4)
    await set_policy(engine, mug, lowAt=5)
    assert len(await heard(engine, "low")) == 3


async def test_fifty_buyers_cross_the_threshold_once(engine: Engine, mug: ObjectId) -> None:
    await adjust(engine, mug, delta=30)
    await asyncio.gather(
        *(
            reservations.reserve(engine.context(), f"cart-{n}", [Line(mug, 1)], LONG)
            for n in range(28)
        )
    )
    (low,) = await heard(engine, "low")
    assert low[1] <= 5


async def test_going_out_of_stock_and_coming_back_reaches_the_product_and_the_plugins(
    engine: Engine, mug: ObjectId
) -> None:
    context = engine.context()
    await adjust(engine, mug, delta=2)
    await reservations.reserve(context, "cart", [Line(mug, 2)], LONG)
    assert not await in_stock(engine, mug)
    await reservations.release(context, "cart")
    assert await in_stock(engine, mug)
    changed = await heard(engine, "changed")
    assert sorted(changed) == [["MUG", 0, False], ["MUG", 2, True], ["MUG", 2, True]]


async def test_a_rewritten_product_gets_its_mark_and_the_stock_its_seller_and_sku(
    engine: Engine, mug: ObjectId
) -> None:
    await adjust(engine, mug, setTo=0)
    products = engine.storage.database["products"]
    await products.update_one(
        {"slug": "mug"},
        {
            "$set": {"seller": "ben", "variants.0.sku": "MUG-2"},
            "$unset": {"variants.0.in_stock": 1},
        },
    )
    product = await products.find_one({"slug": "mug"})
    assert product is not None
    await engine.storage.transaction(
        lambda session: engine.outbox.add(
            session, catalog.products_saved, engine.context(), [str(product["_id"])]
        )
    )
    await deliver(engine)
    assert not await in_stock(engine, mug)
    stock = await stored(engine, mug)
    assert (stock["seller"], stock["sku"]) == ("ben", "MUG-2")


async def test_the_stock_of_what_was_removed_goes_unless_units_are_reserved(
    engine: Engine,
) -> None:
    one, two, three = await add_product(engine, "cup", "CUP-1", "CUP-2", "CUP-3")
    await adjust(
        engine, lines=[{"variantId": variant_id(k), "delta": 5} for k in (one, two, three)]
    )
    await reservations.reserve(engine.context(), "cart", [Line(three, 1)], LONG)
    await engine.storage.transaction(
        lambda session: engine.outbox.add(
            session,
            catalog.products_removed,
            engine.context(),
            [],
            [str(one), str(three)],
        )
    )
    await deliver(engine)
    left = [stock["_id"] async for stock in engine.storage.collection(StockDocument).find()]
    assert sorted(left) == [two, three]
    assert await engine.storage.collection(StockChangeDocument).count_documents({}) == 3


# Who may


@pytest.mark.parametrize(
    "viewer", [NOBODY, CUSTOMER, Viewer(role="SELLER", user="a", seller="anna")]
)
async def test_others_see_and_change_nothing(engine: Engine, viewer: Viewer) -> None:
    (key,) = await add_product(engine, "vase", "VASE", seller="anna")
    await adjust(engine, key, delta=4)
    found = await ask(engine, viewer, VARIANT, id=variant_id(key))
    assert found["variant"] == {"quantityAvailable": None, "stock": None}
    for refused in (
        await adjust(engine, key, delta=1, viewer=viewer),
        await set_policy(engine, key, lowAt=1, viewer=viewer),
        await ask(engine, viewer, REPORT, first=10),
    ):
        code = "UNAUTHENTICATED" if viewer.user is None else "FORBIDDEN"
        assert refused["extensions"]["code"] == code
    assert await figures(engine, key) == (4, 0)


async def test_a_seller_has_its_own_and_no_others_stocks(engine: Engine) -> None:
    (own,) = await add_product(engine, "vase", "VASE", seller="anna")
    (other,) = await add_product(engine, "bowl", "BOWL", seller="ben")
    (shops,) = await add_product(engine, "mug", "MUG")
    for key in (own, other, shops):
        await adjust(engine, key, delta=4)
    assert (await adjust(engine, own, delta=1, viewer=ANNA))["stock"]["onHand"] == 5
    assert (await set_policy(engine, own, lowAt=9, viewer=ANNA))["stock"]["lowAt"] == 9
    gone = ObjectId()
    for key in (other, shops):
        for act, values in ((adjust, {"delta": 1}), (set_policy, {"lowAt": 1})):
            refused = await act(engine, key, viewer=ANNA, **values)
            missing = await act(engine, gone, viewer=ANNA, **values)
            assert refused == missing
            assert refused["userErrors"][0]["code"] == "NOT_FOUND"
        assert await figures(engine, key) == (4, 0)
        assert (await ask(engine, ANNA, VARIANT, id=variant_id(key)))["variant"]["stock"] is None
    assert (await ask(engine, ANNA, VARIANT, id=variant_id(own)))["variant"]["stock"]
    mixed = [{"variantId": variant_id(key), "delta": 1} for key in (own, other)]
    refused = await adjust(engine, lines=mixed, viewer=ANNA)
    assert refused["userErrors"][0]["field"] == ["input", "lines", "1", "variantId"]
    assert await figures(engine, own) == (5, 0)


async def test_quantities_show_where_the_shop_shows_them(
    engine_for: EngineFor,
) -> None:
    engine = await engine_for(TOML + "[plugins.products]\nshow_quantities = true\nlow_stock = 2\n")
    (key,) = await add_product(engine, "vase", "VASE", seller="anna")
    assert (await adjust(engine, key, delta=4))["stock"]["lowAt"] == 2
    await reservations.reserve(engine.context(), "cart", [Line(key, 1)], LONG)
    found = await ask(engine, NOBODY, VARIANT, id=variant_id(key))
    assert found["variant"] == {"quantityAvailable": 3, "stock": None}


async def test_a_list_of_variants_is_one_read_of_stocks(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = await add_product(engine, "cup", *(f"CUP-{n}" for n in range(20)))
    await adjust(engine, lines=[{"variantId": variant_id(key), "delta": 5} for key in keys])
    collection = type(engine.storage.collection(StockDocument))
    real, reads = collection.find, []

    def find(self: Any, *args: Any, **kwargs: Any) -> Any:
        reads.append(self.name)
        return real(self, *args, **kwargs)

    monkeypatch.setattr(collection, "find", find)
    query = '{ product(slug: "cup") { variants { nodes { stock { available } } } } }'
    found = await ask(engine, STAFF, query)
    assert [v["stock"] for v in found["product"]["variants"]["nodes"]] == [{"available": 5}] * 20
    assert reads.count("stock") == 1


# Reports


@pytest.fixture
async def sellers(engine: Engine) -> dict[str, ObjectId]:
    """Three stocks of Anna's, two of Ben's, one of the shop's; the odd ones are low."""
    found: dict[str, ObjectId] = {}
    for seller, count in (("anna", 3), ("ben", 2), (None, 1)):
        for number in range(count):
            sku = f"{seller or 'shop'}-{number}"
            (found[sku],) = await add_product(engine, sku, sku, seller=seller)
            await adjust(engine, found[sku], delta=3 if number % 2 else 30)
    return found


async def reported(engine: Engine, viewer: Viewer, **variables: Any) -> list[str]:
    seen: list[str] = []
    after = None
    while True:
        found = await ask(engine, viewer, REPORT, first=2, after=after, **variables)
        page = found["stockReport"]
        seen += [node["sku"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            assert page["totalCount"] == len(seen)
            return seen
        after = page["pageInfo"]["endCursor"]


async def test_reports_list_what_the_viewer_may_see(
    engine: Engine, sellers: dict[str, ObjectId]
) -> None:
    annas, bens = ["anna-0", "anna-1", "anna-2"], ["ben-0", "ben-1"]
    assert await reported(engine, STAFF) == [*annas, *bens, "shop-0"]
    assert await reported(engine, STAFF, low=True) == ["anna-1", "ben-1"]
    assert await reported(engine, STAFF, seller="ben") == bens
    assert await reported(engine, STAFF, seller=encode_id("Seller", "ben"), low=True) == ["ben-1"]
    assert await reported(engine, STAFF, seller="nobody") == []
    assert await reported(engine, ANNA) == annas
    assert await reported(engine, ANNA, low=True) == ["anna-1"]
    assert await reported(engine, ANNA, seller="ben") == []
    assert await reported(engine, ANNA, seller="nobody") == []
    assert await reported(engine, BEN, seller="ben") == bens


async def test_a_report_shows_products_that_are_not_for_sale(engine: Engine) -> None:
    (key,) = await add_product(engine, "draft", "DRAFT", seller="anna", status="draft")
    await adjust(engine, key, delta=4, viewer=ANNA)
    found = await ask(engine, ANNA, REPORT, first=1)
    (line,) = found["stockReport"]["nodes"]
    assert line["product"] == {"slug": "draft"}
    assert line["variant"] == {"id": variant_id(key), "sku": "DRAFT"}


@pytest.fixture
async def client(engine: Engine, client_for: ClientFor) -> Client:
    return client_for(engine)


async def rows(client: Client, who: str, **parameters: str) -> list[dict[str, str]]:
    answer = await client.http.get(
        "/reports/stock.csv", params=parameters, headers={"authorization": who}
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


async def test_the_report_as_a_file(
    engine: Engine, client: Client, sellers: dict[str, ObjectId]
) -> None:
    await reservations.reserve(engine.context(), "cart", [Line(sellers["anna-0"], 2)], LONG)
    lines = await rows(client, "anna")
    assert [line["sku"] for line in lines] == ["anna-0", "anna-1", "anna-2"]
    assert list(lines[0].items()) == [
        ("sku", "anna-0"),
        ("product", "Anna-0"),
        ("variant", "anna-0"),
        ("seller", "anna"),
        ("on_hand", "30"),
        ("reserved", "2"),
        ("available", "28"),
        ("low_at", "5"),
        ("backorders", "DENY"),
        ("backorder_limit", ""),
    ]
    assert len(await rows(client, "staff")) == 6
    assert [line["sku"] for line in await rows(client, "staff", lowOnly="true", seller="ben")] == [
        "ben-1"
    ]
    assert await rows(client, "anna", seller="ben") == []
    by_id = await rows(client, "staff", seller=encode_id("Seller", "ben"))
    assert [line["sku"] for line in by_id] == ["ben-0", "ben-1"]
    wrong = await client.http.get(
        "/reports/stock.csv",
        params={"seller": encode_id("Product", "ben")},
        headers={"authorization": "staff"},
    )
    assert wrong.status_code == 400


@pytest.mark.parametrize(("who", "status"), [("", 401), ("nobody", 401), ("customer", 403)])
async def test_the_file_is_for_those_who_may(client: Client, who: str, status: int) -> None:
    answer = await client.http.get("/reports/stock.csv", headers={"authorization": who})
    assert answer.status_code == status


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
async def test_no_cell_of_the_file_is_a_formula(engine: Engine, client: Client, first: str) -> None:
    (key,) = await add_product(engine, "evil", f'{first}1"2', name=f"{first}cmd|' /C calc'!A0,x")
    await adjust(engine, key, delta=1)
    (line,) = await rows(client, "staff")
    assert line["sku"] == f"'{first}1\"2"
    assert line["product"] == f"'{first}cmd|' /C calc'!A0,x"
    assert line["variant"] == line["sku"]


async def test_a_variant_without_a_name_is_its_options_in_the_file(
    engine: Engine, client: Client
) -> None:
    keys = await add_product(engine, "mug", "MUG-S", "MUG-L")
    options = [{"name": "Size", "value": "S"}, {"name": "Colour", "value": "=red"}]
    await engine.storage.collection(ProductDocument).update_one(
        {"slug": "mug"}, {"$set": {"variants.0.name": "", "variants.0.options": options}}
    )
    for key in keys:
        await adjust(engine, key, delta=1)
    assert [line["variant"] for line in await rows(client, "staff")] == ["S / =red", "MUG-L"]


async def test_a_long_file_comes_in_blocks(engine: Engine, client: Client) -> None:
    count = 900
    keys = await add_product(engine, "cup", *(f"CUP-{n:04}" for n in range(count)))
    await adjust(engine, keys[0], delta=1)
    stock = await stored(engine, keys[0])
    copies = [
        {**stock, "_id": key, "sku": f"CUP-{n:04}", "number": stock["number"] + n}
        for n, key in enumerate(keys)
    ]
    await engine.storage.collection(StockDocument).insert_many(copies[1:])
    async with client.http.stream(
        "GET", "/reports/stock.csv", headers={"authorization": "staff"}
    ) as answer:
        text = (await answer.aread()).decode()
    assert "content-length" not in answer.headers
    found = [line["sku"] for line in csv.DictReader(io.StringIO(text, newline=""))]
    assert found == [f"CUP-{n:04}" for n in range(count)]
