"""Edits of orders before they are sent: what comes, what goes, and that the rest is settled."""

from typing import Any

import pytest
from bson import ObjectId

from mercat.checkout import payment_changed
from mercat.engine import Engine
from mercat.ids import encode_id
from mercat.storage import Record

from .asking import answered
from .conftest import EngineFor
from .market import CARL, in_input, offer
from .order_changes import ANNA, STAFF, kinds, on_hand, order_id, part_id, stored
from .ordering import TOML, placed
from .plugins_for_tests.till.books import BOOKS, settle

LINES = "lines { id quantity cancelledQuantity isWaiting unitPrice { amount } }"
ORDER = f"""{{ state version paid {{ amount }} due {{ amount }} refunded {{ amount }}
  currentTotal {{ amount }} {LINES} paymentMethods {{ id }} sellerOrders {{ state }} }}"""
EDIT = f"""mutation ($input: OrderEditInput!) {{ orderEdit(input: $input) {{
  order {ORDER} difference {{ amount }} userErrors {{ code field message }} }} }}"""
PAY = f"""mutation ($input: OrderPayInput!) {{ orderPay(input: $input) {{
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
