"""Edits of orders before they are sent: what comes, what goes, and that the rest is settled."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from hypothesis import given as by
from hypothesis import settings
from hypothesis import strategies as st

from mercat.checkout import payment_changed
from mercat.context import Context
from mercat.engine import Engine
from mercat.ids import encode_id
from mercat.money import format_minor
from mercat.storage import Record
from mercat_orders.carts import editing
from mercat_orders.edits.editing import edit
from mercat_orders.edits.planning import Edit, LineEdit
from mercat_orders.orders.access import orders
from mercat_orders.orders.changes import paying
from mercat_orders.orders.changes.acting import Request
from mercat_orders.orders.changes.settling import settle_all
from mercat_orders.orders.changes.standing import Where
from mercat_orders.orders.money import current, due, left
from mercat_orders.payments.starting import Way, pay

from .asking import answered
from .conftest import EngineFor
from .killing import Killed, killed_at
from .market import CARL, CORA, in_input, offer
from .order_changes import ANNA, READER, STAFF, did, kinds, on_hand, order_id, part_id, stored
from .ordering import TOML, completed, placed, ready
from .plugins_for_tests.stocktaking.shop import figures
from .plugins_for_tests.till.books import BOOKS, settle

LINES = "lines { id quantity cancelledQuantity isWaiting unitPrice { amount } }"
ORDER = f"""{{ state version paid {{ amount }} due {{ amount }} refunded {{ amount }}
  currentTotal {{ amount }} {LINES} paymentMethods {{ id }} sellerOrders {{ state }} }}"""
EDIT = f"""mutation ($input: OrderEditInput!) {{ orderEdit(input: $input) {{
  order {ORDER} difference {{ amount }} userErrors {{ code field message }} }} }}"""
PAY = f"""mutation ($input: PaymentStartInput!) {{ paymentStart(input: $input) {{
  order {ORDER} action {{ kind url }} userErrors {{ code field message }} }} }}"""


@pytest.fixture(scope="module", name="engine")
async def made(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(TOML)


async def asked(engine: Engine, query: str, viewer: Any, **given: Any) -> dict[str, Any]:
    answer = await answered(engine, query, {"input": given}, viewer=viewer)
    assert "errors" not in answer, answer["errors"]
    (payload,) = answer["data"].values()
    found: dict[str, Any] = payload
    return found


async def edited(engine: Engine, order: Record, **given: Any) -> dict[str, Any]:
    payload = await asked(engine, EDIT, STAFF, orderId=order_id(order), **given)
    assert payload["userErrors"] == []
    return payload


async def paid(engine: Engine, order: Record, method: str, viewer: Any = CARL) -> dict[str, Any]:
    return await asked(engine, PAY, viewer, orderId=order_id(order), paymentMethodId=method)


async def refusal(engine: Engine, order: Record, **given: Any) -> tuple[str, list[str] | None]:
    payload = await asked(engine, EDIT, STAFF, orderId=order_id(order), **given)
    (error,) = payload["userErrors"]
    assert (payload["order"], payload["difference"]) == (None, None)
    return error["code"], in_input(error)


def variant(key: ObjectId) -> str:
    return encode_id("ProductVariant", key)


def line(order: Record, index: int = 0, **given: Any) -> dict[str, Any]:
    return {"lineId": encode_id("OrderLine", order["lines"][index]["id"]), **given}


def money(order: dict[str, Any]) -> tuple[str, str, str, str]:
    """What it comes to, what is paid, due and refunded."""
    names = ("currentTotal", "paid", "due", "refunded")
    one, two, three, four = (order[name]["amount"] for name in names)
    return one, two, three, four


def books(order: Record) -> list[tuple[int, int]]:
    """What the till took and gave back for each payment of an order."""
    return [
        (payment.charged, sum(payment.refunded.values()))
        for key, payment in sorted(BOOKS.items())
        if key.partition(".")[0] == str(order["_id"])
    ]


async def test_what_is_put_in_is_due_and_goes_once_it_is_paid(engine: Engine) -> None:
    order = await placed(engine, 2)
    thing = await offer(engine, stock=5, prices={"EUR": 700})
    done = await edited(engine, order, add=[{"variantId": variant(thing), "quantity": 2}])
    assert done["difference"] == {"amount": "14.00"}
    assert money(done["order"]) == ("38.90", "24.90", "14.00", "0.00")
    assert [one["isWaiting"] for one in done["order"]["lines"]] == [False, True]
    assert (done["order"]["state"], await on_hand(engine, thing)) == ("CONFIRMED", 3)
    assert "till:paid" in [one["id"] for one in done["order"]["paymentMethods"]]
    done = await paid(engine, order, "till:paid")
    assert (done["userErrors"], done["action"]) == ([], None)
    assert money(done["order"]) == ("38.90", "38.90", "0.00", "0.00")
    assert not any(one["isWaiting"] for one in done["order"]["lines"])
    assert done["order"]["paymentMethods"] == []
    assert books(order) == [(2_490, 0), (1_400, 0)]
    assert kinds(await stored(engine, order)) == [
        *("PLACED", "EDITED", "PAYMENT_BEGUN", "PAYMENT_CHANGED"),
    ]


async def test_a_preview_says_all_of_it_and_changes_nothing(engine: Engine) -> None:
    order = await placed(engine, 2)
    thing = await offer(engine, stock=5, prices={"EUR": 700})
    before = await stored(engine, order)
    given = {"add": [{"variantId": variant(thing)}], "lines": [line(order, quantity=1)]}
    seen = await edited(engine, order, preview=True, **given)
    assert (await stored(engine, order), await on_hand(engine, thing)) == (before, 5)
    done = await edited(engine, order, **given)
    assert seen["difference"] == done["difference"] == {"amount": "-3.00"}
    assert money(seen["order"]) == ("21.90", "24.90", "0.00", "3.00")
    assert money(done["order"]) == money(seen["order"])


@pytest.mark.parametrize(
    ("given", "difference", "taken"),
    [
        ({"quantity": 1}, "-10.00", [(2_490, 1_000)]),
        ({"quantity": 3}, "10.00", [(2_490, 0)]),
        ({"unitPrice": "9.00"}, "-2.00", [(2_490, 200)]),
        ({"unitPrice": "12.50"}, "5.00", [(2_490, 0)]),
        ({"quantity": 1, "unitPrice": "25.00"}, "5.00", [(2_490, 0)]),
        ({"quantity": 4, "unitPrice": "2.50"}, "-10.00", [(2_490, 1_000)]),
        ({"quantity": 4, "unitPrice": "5.00"}, "0.00", [(2_490, 0)]),
    ],
)
async def test_quantities_and_prices_change_and_only_the_difference_is_settled(
    engine: Engine, given: dict[str, Any], difference: str, taken: list[tuple[int, int]]
) -> None:
    order = await placed(engine, 2)
    done = await edited(engine, order, lines=[line(order, **given)])
    assert done["difference"] == {"amount": difference}
    assert books(order) == taken
    now = await stored(engine, order)
    wanted = sum(one["quantity"] - one["cancelled"] for one in now["lines"])
    assert wanted == given.get("quantity", 2)
    assert await on_hand(engine, order["lines"][0]["variant"]) == 100 - wanted
    assert now["lines"][0]["unit_price"] == order["lines"][0]["unit_price"]
    more = max(0, round(float(difference) * 100))
    assert done["order"]["due"]["amount"] == f"{more / 100:.2f}"


async def test_what_is_in_parcels_stays_and_what_is_left_can_be_edited(engine: Engine) -> None:
    order = await placed(engine, 4, sellers=("anna",))
    half = [{**line(order), "quantity": 2}]
    await sent(engine, order, half)
    assert await refusal(engine, order, lines=[line(order, quantity=1)]) == (
        "QUANTITY",
        ["lines", "0", "quantity"],
    )
    done = await edited(engine, order, lines=[line(order, quantity=3, unitPrice="15.00")])
    assert done["difference"] == {"amount": "-5.00"}
    assert [(one["quantity"], one["cancelledQuantity"]) for one in done["order"]["lines"]] == [
        (4, 2),
        (1, 0),
    ]
    done = await edited(engine, order, lines=[line(await stored(engine, order), 1, quantity=0)])
    assert done["order"]["state"] == "FULFILLED"


async def sent(engine: Engine, order: Record, lines: list[dict[str, Any]] | None = None) -> Any:
    query = """mutation ($input: OrderFulfilInput!) { orderFulfil(input: $input) {
      userErrors { code message } } }"""
    given = {"sellerOrderId": part_id(order), "lines": lines}
    payload = await asked(engine, query, ANNA, **given)
    return [error["code"] for error in payload["userErrors"]]


async def test_what_waits_for_its_payment_is_not_sent_but_the_rest_is(engine: Engine) -> None:
    order = await placed(engine, 1, sellers=("anna",))
    thing = await offer(engine, seller="anna")
    await edited(engine, order, add=[{"variantId": variant(thing)}])
    now = await stored(engine, order)
    assert await sent(engine, order, [{**line(now, 1), "quantity": 1}]) == ["STATE"]
    assert await sent(engine, order) == []  # all that doesn't wait
    assert await sent(engine, order) == ["STATE"]
    assert (await stored(engine, order))["state"] == "PARTIALLY_FULFILLED"
    await paid(engine, order, "till:paid")
    assert await sent(engine, order) == []
    assert (await stored(engine, order))["state"] == "FULFILLED"


async def test_staff_can_have_it_sent_before_it_is_paid(engine: Engine) -> None:
    order = await placed(engine, 1, sellers=("anna",))
    await edited(engine, order, lines=[line(order, quantity=2)])
    query = """mutation ($input: OrderConfirmInput!) { orderConfirm(input: $input) {
      userErrors { code } } }"""
    for viewer, codes in ((STAFF, []), (STAFF, ["STATE"])):
        payload = await asked(engine, query, viewer, orderId=order_id(order))
        assert [error["code"] for error in payload["userErrors"]] == codes
    assert await sent(engine, order) == []
    assert (await stored(engine, order))["state"] == "FULFILLED"


@pytest.mark.parametrize("method", ["on_delivery", "awaited"])
async def test_what_is_paid_by_hand_takes_what_is_added_too(engine: Engine, method: str) -> None:
    order = await placed(engine, 1, method=f"till:{method}")
    done = await edited(engine, order, lines=[line(order, quantity=3)])
    assert money(done["order"]) == ("34.90", "0.00", "34.90", "0.00")
    assert done["order"]["paymentMethods"] == []
    now = await stored(engine, order)
    (more,) = now["further_payments"]
    assert (more["state"], more["amount"]) == (method, 2_000)
    assert [one["waits"] for one in now["lines"]] == [False, method == "awaited"]
    done = await edited(engine, order, lines=[line(now, 1, quantity=0)])
    assert money(done["order"]) == ("14.90", "0.00", "14.90", "0.00")
    (more,) = (await stored(engine, order))["further_payments"]
    assert (more["state"], more["is_ending"]) == ("ended", False)
    assert BOOKS[more["key"]].ended == 1


async def test_each_payment_is_paid_back_from_as_far_as_it_goes(engine: Engine) -> None:
    order = await placed(engine, 1)
    await edited(engine, order, lines=[line(order, quantity=4)])
    await paid(engine, order, "till:paid")
    assert books(order) == [(1_490, 0), (3_000, 0)]
    now = await stored(engine, order)
    done = await edited(engine, order, lines=[line(now, 0, quantity=0), line(now, 1, quantity=1)])
    assert money(done["order"]) == ("14.90", "44.90", "0.00", "30.00")
    assert books(order) == [(1_490, 1_490), (3_000, 1_510)]


async def test_a_buyer_comes_back_to_a_payment_or_takes_another_way(engine: Engine) -> None:
    order = await placed(engine, 1)
    await edited(engine, order, lines=[line(order, quantity=2)])
    done = await paid(engine, order, "till:action")
    assert done["action"] == {"kind": "REDIRECT", "url": "https://till.example/3ds"}
    assert done["order"]["due"]["amount"] == "10.00"
    again = await paid(engine, order, "till:action")
    assert again["action"] == done["action"]
    (first,) = (await stored(engine, order))["further_payments"]
    assert BOOKS[first["key"]].started == 2
    done = await paid(engine, order, "till:paid")
    assert money(done["order"]) == ("24.90", "24.90", "0.00", "0.00")
    now = await stored(engine, order)
    assert [one["state"] for one in now["further_payments"]] == ["ended", "paid"]
    assert BOOKS[first["key"]].ended == 1
    payload = await paid(engine, order, "till:paid")
    assert [error["code"] for error in payload["userErrors"]] == ["STATE"]


async def test_what_the_provider_says_later_frees_the_lines_without_the_buyer(
    engine: Engine,
) -> None:
    order = await placed(engine, 1)
    await edited(engine, order, lines=[line(order, quantity=2)])
    await paid(engine, order, "till:action")
    (payment,) = (await stored(engine, order))["further_payments"]
    settle(payment["key"], "paid")
    for _ in range(2):
        await engine.hooks.notify(payment_changed, engine.context(), payment["key"])
    now = await stored(engine, order)
    assert [one["waits"] for one in now["lines"]] == [False, False]
    assert kinds(now)[-1] == "PAYMENT_CHANGED"
    assert books(order) == [(1_490, 0), (1_000, 0)]


async def test_a_declined_payment_can_be_made_again(engine: Engine) -> None:
    order = await placed(engine, 1)
    await edited(engine, order, lines=[line(order, quantity=2)])
    payload = await paid(engine, order, "till:declined")
    assert [error["code"] for error in payload["userErrors"]] == ["DECLINED"]
    done = await paid(engine, order, "till:paid")
    assert done["order"]["due"]["amount"] == "0.00"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("INVALID", None)),
        ({"lines": [{"quantity": 2}]}, ("INVALID", None)),
        ({"lines": [{"quantity": 1}, {"quantity": 1}]}, ("INVALID", ["lines", "1", "lineId"])),
        ({"lines": [{"quantity": -1}]}, ("QUANTITY", ["lines", "0", "quantity"])),
        ({"lines": [{"quantity": 10**9}]}, ("QUANTITY", ["lines", "0", "quantity"])),
        ({"lines": [{"quantity": 200}]}, ("OUT_OF_STOCK", None)),
        ({"lines": [{"unitPrice": "-1"}]}, ("INVALID", ["lines", "0", "unitPrice"])),
        ({"lines": [{"unitPrice": "1.001"}]}, ("INVALID", ["lines", "0", "unitPrice"])),
        ({"lines": [{"lineId": "x", "quantity": 1}]}, ("INVALID", ["lines", "0", "lineId"])),
        (
            {"lines": [{"lineId": encode_id("OrderLine", ObjectId("0" * 24)), "quantity": 1}]},
            ("NOT_FOUND", ["lines", "0", "lineId"]),
        ),
        (
            {"add": [{"variantId": encode_id("ProductVariant", ObjectId("0" * 24))}]},
            ("UNAVAILABLE", ["add", "0", "variantId"]),
        ),
        ({"add": [{"quantity": 0}]}, ("QUANTITY", ["add", "0", "quantity"])),
        ({"add": [{"quantity": 101}]}, ("OUT_OF_STOCK", None)),
        ({"add": [{"unitPrice": "1e99"}]}, ("INVALID", ["add", "0", "unitPrice"])),
        ({"version": 7, "lines": [{"quantity": 1}]}, ("STALE", ["version"])),
    ],
)
async def test_nonsense_is_refused_and_nothing_changes(
    engine: Engine, given: dict[str, Any], expected: tuple[str, list[str] | None]
) -> None:
    order = await placed(engine, 2)
    bought = order["lines"][0]["variant"]
    given = {
        **given,
        "lines": [{**line(order), **one} for one in given.get("lines", ())],
        "add": [{"variantId": variant(bought), **one} for one in given.get("add", ())],
    }
    before = await stored(engine, order)
    assert await refusal(engine, order, **given) == expected
    assert (await stored(engine, order), await figures(engine, bought)) == (before, (98, 0))


async def test_what_is_of_a_seller_who_has_no_part_needs_an_order_of_its_own(
    engine: Engine,
) -> None:
    order = await placed(engine, 1, sellers=("anna",))
    stranger = variant(await offer(engine, seller="bert"))
    expected = ("UNAVAILABLE", ["add", "0", "variantId"])
    assert await refusal(engine, order, add=[{"variantId": stranger}]) == expected


@pytest.mark.parametrize("viewer", [CARL, ANNA, READER])
async def test_only_staff_who_manage_orders_edit_them(engine: Engine, viewer: Any) -> None:
    order = await placed(engine, 2, sellers=("anna",))
    for given in ({"lines": [line(order, quantity=1)]}, {"preview": True}):
        answer = await answered(
            engine, EDIT, {"input": {"orderId": order_id(order), **given}}, viewer=viewer
        )
        (error,) = answer.get("errors") or answer["data"]["orderEdit"]["userErrors"]
        found = error.get("extensions", error)["code"]
        assert found in {"FORBIDDEN", "NOT_FOUND"}  # a seller doesn't see the whole order
    assert (await stored(engine, order))["version"] == order["version"]


async def test_only_the_buyer_and_staff_pay(engine: Engine) -> None:
    order = await placed(engine, 1, sellers=("anna",))
    await edited(engine, order, lines=[line(order, quantity=2)])
    for viewer in (ANNA, READER, CORA):
        given = {"orderId": order_id(order), "paymentMethodId": "till:paid"}
        answer = await answered(engine, PAY, {"input": given}, viewer=viewer)
        (error,) = answer.get("errors") or answer["data"]["paymentStart"]["userErrors"]
        assert error.get("extensions", error)["code"] in {"FORBIDDEN", "NOT_FOUND"}
    payload = await asked(engine, PAY, STAFF, orderId=order_id(order))
    assert [error["code"] for error in payload["userErrors"]] == ["PAYMENT_METHOD"]
    assert len(books(order)) == 1
    payload = await paid(engine, order, "till:paid", STAFF)
    assert payload["userErrors"] == []


async def test_one_key_edits_once_and_another_edit_with_it_is_refused(engine: Engine) -> None:
    order = await placed(engine, 2)
    given = {"lines": [line(order, quantity=5)], "idempotencyKey": str(order["_id"])}
    found = await asyncio.gather(*(edited(engine, order, **given) for _ in range(5)))
    assert {done["difference"]["amount"] for done in found} == {"30.00"}
    now = await stored(engine, order)
    assert (len(now["lines"]), kinds(now).count("EDITED")) == (2, 1)
    assert await figures(engine, order["lines"][0]["variant"]) == (95, 0)
    given["lines"] = [line(order, quantity=4)]
    assert (await refusal(engine, order, **given))[0] == "CONFLICT"


async def test_of_many_who_want_the_last_one_only_one_gets_it(engine: Engine) -> None:
    many = [await placed(engine, 1) for _ in range(6)]
    thing = await offer(engine, stock=1)
    given = {"add": [{"variantId": variant(thing)}]}
    found = await asyncio.gather(
        *(asked(engine, EDIT, STAFF, orderId=order_id(order), **given) for order in many)
    )
    codes = [error["code"] for done in found for error in done["userErrors"]]
    assert codes == ["OUT_OF_STOCK"] * 5
    assert await figures(engine, thing) == (0, 0)


async def test_edits_at_the_same_time_all_hold(engine: Engine) -> None:
    order = await placed(engine, 1)
    things = [variant(await offer(engine, prices={"EUR": 100})) for _ in range(4)]
    await asyncio.gather(*(edited(engine, order, add=[{"variantId": one}]) for one in things))
    now = await stored(engine, order)
    assert (len(now["lines"]), now["sums"]["total"]) == (5, 1_490 + 400)
    assert now["seller_orders"][0]["sums"] == now["sums"]


async def test_two_pay_at_the_same_time_and_it_is_paid_once(engine: Engine) -> None:
    order = await placed(engine, 1)
    await edited(engine, order, lines=[line(order, quantity=2)])
    found = await asyncio.gather(*(paid(engine, order, "till:paid") for _ in range(5)))
    codes = {error["code"] for done in found for error in done["userErrors"]}
    assert codes <= {"STATE"}  # who came when it was paid already
    assert books(order) == [(1_490, 0), (1_000, 0)]


async def test_a_cancelled_order_gives_back_all_of_it_and_ends_what_is_underway(
    engine: Engine,
) -> None:
    order = await placed(engine, 1)
    await edited(engine, order, lines=[line(order, quantity=2)])
    await paid(engine, order, "till:paid")
    now = await stored(engine, order)
    await edited(engine, order, lines=[line(now, 1, quantity=3)])
    await paid(engine, order, "till:action")
    done = await did(engine, "orderCancel", orderId=order_id(order))
    assert (done["order"]["state"], done["order"]["due"]["amount"]) == ("CANCELLED", "0.00")
    assert books(order) == [(1_490, 1_490), (1_000, 1_000), (0, 0)]
    payments = (await stored(engine, order))["further_payments"]
    assert [one["state"] for one in payments] == ["paid", "ended"]
    payload = await paid(engine, order, "till:paid")
    assert [error["code"] for error in payload["userErrors"]] == ["STATE"]


async def test_the_sellers_sums_and_the_shops_share_follow(engine: Engine) -> None:
    order = await placed(engine, 1, 1, sellers=("anna", "bert"))
    thing = await offer(engine, seller="bert", prices={"EUR": 5_000})
    await edited(engine, order, add=[{"variantId": variant(thing)}])
    before, now = order["seller_orders"], (await stored(engine, order))["seller_orders"]
    assert (now[0]["sums"], now[0]["commission"]) == (before[0]["sums"], before[0]["commission"])
    assert now[1]["sums"]["total"] == before[1]["sums"]["total"] + 5_000
    rate = now[1]["commission_rate"]
    assert now[1]["commission"] == before[1]["commission"] + 5_000 * rate // 10_000


@pytest.mark.gate
@pytest.mark.parametrize(
    ("what", "every"), [("edit", 3), ("pay", 2), pytest.param("edit", 1, marks=pytest.mark.long)]
)
async def test_killed_anywhere_the_next_attempt_finishes_it(
    engine: Engine, what: str, every: int
) -> None:
    step, killed = 0, True
    while killed:
        step += every
        order = await placed(engine, 2)
        thing = await offer(engine, stock=10)
        given = {
            "add": [{"variantId": variant(thing), "quantity": 3}],
            "lines": [line(order, quantity=1)],
            "idempotencyKey": f"{what} {step} {order['_id']}",
        }
        if what == "pay":
            await edited(engine, order, **given)
        with killed_at(step):
            try:
                await (edited(engine, order, **given) if what == "edit" else _paid(engine, order))
            except Killed:
                pass
            else:
                killed = False
        await edited(engine, order, **given)
        payload = await paid(engine, order, "till:paid")
        assert [error["code"] for error in payload["userErrors"]] in ([], ["STATE"])
        now = await stored(engine, order)
        assert books(order) == [(2_490, 0), (2_000, 0)]
        assert (now["waived"], now["refunds"]) == (1_000, [])
        assert [one["state"] for one in now["further_payments"]][-1] == "paid"
        assert not any(one["waits"] for one in now["lines"])
        on_hand, _ = await figures(engine, thing)
        assert on_hand == 7
        assert (await figures(engine, order["lines"][0]["variant"]))[0] == 99
    assert step > 20, "nothing was killed"


async def _paid(engine: Engine, order: Record) -> None:
    where = Where("order", order["_id"])
    await pay(Context(engine, CARL), where, Way("till:paid"))


@pytest.mark.parametrize("method", ["on_delivery", "action"])
async def test_the_job_goes_on_with_payments_that_a_crash_left(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """By hand the shop begins what it wanted to; what a buyer only began, ends."""

    async def gone(*_: Any, **__: Any) -> None:
        raise Killed

    order = await placed(
        engine, 1, method="till:on_delivery" if method != "action" else "till:paid"
    )
    with monkeypatch.context() as patch:
        patch.setattr(paying, "start", gone)
        with pytest.raises(Killed):
            await _doubled_and_paid(engine, order)
    (begun,) = (await stored(engine, order))["further_payments"]
    assert begun["state"] == ("NONE" if method == "action" else "WANTED")
    past = datetime.now(UTC) - timedelta(minutes=1)
    await orders(Context(engine)).update_one({"_id": order["_id"]}, {"$set": {"settle_at": past}})
    await settle_all(engine.context())
    (payment,) = (await stored(engine, order))["further_payments"]
    assert payment["state"] == ("ended" if method == "action" else "on_delivery")


async def _doubled_and_paid(engine: Engine, order: Record) -> None:
    where, what = Where("order", order["_id"]), Edit(lines=[LineEdit(order["lines"][0]["id"], 2)])
    await edit(Context(engine, STAFF), where, what, Request("edit"))
    await pay(Context(engine, CARL), where, Way("till:action"))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("quantity"), st.integers(0, 5), st.integers(0, 4)),
        st.tuples(st.just("price"), st.integers(0, 5), st.sampled_from([0, 1, 333, 2_500])),
        st.tuples(st.just("both"), st.integers(0, 5), st.integers(1, 900)),
        st.tuples(st.just("pay"), st.just(0), st.just(0)),
        st.tuples(st.just("cancel"), st.integers(0, 5), st.integers(1, 2)),
        st.tuples(st.just("refund"), st.just(0), st.sampled_from([1, 400, 5_000])),
    ),
    min_size=3,
    max_size=9,
)


class Till:
    """An order as numbers: what is wanted at which price, and what was let off."""

    def __init__(self, order: Record) -> None:
        self.lines = [[one["quantity"], one["unit_price"]] for one in order["lines"]]
        self.shipping: int = order["seller_orders"][0]["way"]["total"]
        self.total = sum(count * price for count, price in self.lines) + self.shipping

    def change(self, index: int, count: int, price: int) -> None:
        """A line has so many at that price now: those that come are a line of their own."""
        now, before = self.lines[index]
        if price != before:
            gone, come = now, count
        else:
            gone, come = max(0, now - count), max(0, count - now)
        if come:
            self.lines.append([come, price])
            self.total += come * price
        self.take(index, gone)

    def take(self, index: int, count: int) -> None:
        self.lines[index][0] -= count
        amount = count * self.lines[index][1]
        if count and not self.is_alive:
            amount += self.shipping
        self.total -= min(amount, self.total)

    @property
    def is_alive(self) -> bool:
        return any(count for count, _ in self.lines)


async def _stepped(engine: Engine, order: Record, known: Till, step: tuple[str, int, int]) -> None:
    what, which, value = step
    index = which % len(known.lines)
    count, price = known.lines[index]
    place = line(await stored(engine, order), index)
    if what in {"quantity", "price", "both"}:
        wanted = {"quantity": (value, price), "price": (count, value)}.get(what, (2, value))
        if wanted == (count, price) or (count == 0 == wanted[0]):
            return
        shown = {"quantity": wanted[0], "unitPrice": format_minor(wanted[1], "EUR")}
        await edited(engine, order, lines=[{**place, **shown}])
        known.change(index, *wanted)
    elif what == "cancel" and count >= value:
        given = {"orderId": order_id(order), "lines": [{**place, "quantity": value}]}
        await did(engine, "orderCancel", STAFF, **given)
        known.take(index, value)
    elif what == "refund" and value <= known.total:
        amount = {"amount": format_minor(value, "EUR")}
        await did(engine, "refundCreate", STAFF, orderId=order_id(order), amount=amount)
        known.total -= value
    elif what == "pay":
        await paid(engine, order, "till:paid")
        if known.is_alive:
            now = await stored(engine, order)
            assert due(now) == 0 or current(now)["state"] == "on_delivery"


async def _history(engine: Engine, method: str, steps: list[tuple[str, int, int]]) -> None:
    order = await placed(engine, 2, 1, prices={"EUR": 997}, method=method)
    known = Till(order)
    for step in steps:
        if not known.is_alive:
            return
        await _stepped(engine, order, known, step)
        now = await stored(engine, order)
        kept = sum(charged - back for charged, back in books(order))
        assert left(now) == known.total, step
        assert kept + due(now) == known.total or not known.is_alive, step
        assert min(kept, due(now)) >= 0
        assert now["sums"]["total"] == now["seller_orders"][0]["sums"]["total"]
        assert [one["quantity"] - one["cancelled"] for one in now["lines"]] == [
            count for count, _ in known.lines
        ]
        assert not any(one["waits"] for one in now["lines"]) or due(now) > 0


@pytest.mark.gate
async def test_whatever_is_edited_paid_and_cancelled_what_is_kept_and_due_is_what_it_costs(
    engine: Engine,
) -> None:
    loop = asyncio.get_running_loop()

    @settings(max_examples=max(1, settings().max_examples // 6), deadline=None)
    @by(st.sampled_from(["till:paid", "till:on_delivery"]), STEPS)
    def histories(method: str, steps: list[tuple[str, int, int]]) -> None:
        work = _history(engine, method, steps)
        asyncio.run_coroutine_threadsafe(work, loop).result(60)

    await asyncio.to_thread(histories)


async def test_an_order_that_cost_nothing_can_be_added_to(engine: Engine) -> None:
    cart = await ready(engine, 1, prices={"EUR": 0})
    await editing.select_ways(Context(engine, CARL), cart["_id"], {None: ("free", ())})
    order = (await completed(engine, cart)).order
    assert (order["sums"]["total"], order["payment"]["method"]) == (0, None)
    thing = await offer(engine, prices={"EUR": 700})
    done = await edited(engine, order, add=[{"variantId": variant(thing)}])
    assert money(done["order"]) == ("7.00", "0.00", "7.00", "0.00")
    done = await paid(engine, order, "till:paid")
    assert money(done["order"]) == ("7.00", "7.00", "0.00", "0.00")
