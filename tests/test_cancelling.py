"""Cancelling: who may, what goes back into stock, and what goes back of the money."""

import asyncio
from typing import Any

import pytest

from mercat.checkout import payment_changed
from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.ids import encode_id
from mercat.money import allocate
from mercat.storage import Record
from mercat_orders.orders import quantities
from mercat_orders.orders.access import orders, secret_of

from .conftest import EngineFor
from .market import CARL, CORA, GUEST, NOBODY, OTHER_GUEST
from .order_changes import (
    ANNA,
    BERT,
    READER,
    STAFF,
    did,
    given_back,
    kinds,
    on_hand,
    order_id,
    part_id,
    refused,
    stored,
    tried,
    units,
)
from .ordering import TOML, placed
from .plugins_for_tests.till.books import BOOKS, settle


@pytest.fixture(scope="module", name="engine")
async def made(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(TOML)


def variant(order: Record, index: int = 0) -> Any:
    return order["lines"][index]["variant"]


async def test_its_buyer_cancels_an_order_and_gets_everything_back(engine: Engine) -> None:
    order = await placed(engine, 2, 3, sellers=("anna", "bert"), stock=10)
    done = await did(engine, "orderCancel", CARL, orderId=order_id(order), reason="Too late")
    found = done["order"]
    assert (found["state"], found["paid"]["amount"]) == ("CANCELLED", "59.80")
    assert found["refunded"]["amount"] == "59.80"
    assert [one["state"] for one in found["refunds"]] == ["DONE", "DONE"]
    assert [one["state"] for one in found["sellerOrders"]] == ["CANCELLED", "CANCELLED"]
    assert given_back(order) == order["sums"]["total"] == 5_980
    assert [await on_hand(engine, variant(order, index)) for index in (0, 1)] == [10, 10]
    now = await stored(engine, order)
    assert kinds(now) == ["PLACED", "CANCELLED", "CANCELLED", "REFUNDED", "REFUNDED"]
    assert [one["seller"] for one in now["timeline"][1:]] == ["anna", "bert", "anna", "bert"]
    assert now["timeline"][1]["reason"] == "Too late"
    assert now["settle_at"] is None


async def test_a_seller_cancels_their_own_part_alone(engine: Engine) -> None:
    order = await placed(engine, 2, 3, sellers=("anna", "bert"))
    _, errors = await tried(engine, "orderCancel", BERT, sellerOrderId=part_id(order))
    assert errors == [("NOT_FOUND", ["sellerOrderId"])]
    assert await refused(engine, "orderCancel", BERT, orderId=order_id(order)) == "FORBIDDEN"
    done = await did(engine, "orderCancel", BERT, sellerOrderId=part_id(order, 1))
    assert (done["order"], done["sellerOrder"]["state"]) == (None, "CANCELLED")
    now = await stored(engine, order)
    assert [part["state"] for part in now["seller_orders"]] == ["CONFIRMED", "CANCELLED"]
    assert given_back(order) == order["seller_orders"][1]["sums"]["total"]
    done = await did(engine, "orderCancel", CARL, orderId=order_id(order))
    assert done["order"]["refunded"] == done["order"]["paid"]


async def test_delivery_is_paid_back_with_the_last_unit_of_a_part(engine: Engine) -> None:
    order = await placed(engine, 3, sellers=("anna",), prices={"EUR": 999})
    part = part_id(order)
    assert order["seller_orders"][0]["way"]["total"] == 490
    for expected in (999, 1_998):
        await did(engine, "orderCancel", sellerOrderId=part, lines=units(order, 1))
        assert given_back(order) == expected
    await did(engine, "orderCancel", sellerOrderId=part, lines=units(order, 1))
    assert given_back(order) == order["sums"]["total"] == 2_997 + 490


async def test_delivery_is_not_paid_back_where_something_was_sent(engine: Engine) -> None:
    order = await placed(engine, 3, sellers=("anna",))
    part = part_id(order)
    await did(engine, "orderFulfil", sellerOrderId=part, lines=units(order, 1))
    done = await did(engine, "orderCancel", sellerOrderId=part, lines=units(order, 2))
    assert done["sellerOrder"]["state"] == "FULFILLED"
    assert given_back(order) == 2_000


@pytest.mark.parametrize(("total", "count"), [(1_000, 3), (1, 7), (0, 4), (99_999, 13), (5, 5)])
def test_units_cancelled_one_by_one_cost_what_their_line_does(total: int, count: int) -> None:
    line: dict[str, Any] = {"total": total, "quantity": count, "cancelled": 0, "returned": 0}
    shares = []
    for which in range(count):
        shares.append(quantities.worth(line, 1))
        line["cancelled" if which % 2 else "returned"] += 1
    assert shares == allocate(total, [1] * count)


async def test_what_was_sent_is_not_cancelled(engine: Engine) -> None:
    order = await placed(engine, 2, 3, sellers=("anna", "bert"))
    await did(engine, "orderFulfil", sellerOrderId=part_id(order), lines=units(order, 1))
    before = await stored(engine, order)
    for viewer in (CARL, STAFF):
        assert await refused(engine, "orderCancel", viewer, orderId=order_id(order)) == "STATE"
    assert await refused(engine, "orderCancel", ANNA, sellerOrderId=part_id(order)) == "STATE"
    mine = {"sellerOrderId": part_id(order), "lines": units(order, 1)}
    assert await refused(engine, "orderCancel", CARL, **mine) == "STATE"
    _, errors = await tried(engine, "orderCancel", ANNA, **{**mine, "lines": units(order, 2)})
    assert errors == [("QUANTITY", ["lines", "0", "quantity"])]
    assert await stored(engine, order) == before
    done = await did(engine, "orderCancel", CARL, orderId=order_id(order), lines=units(order, 0, 3))
    assert done["order"]["sellerOrders"][1]["state"] == "CANCELLED"


@pytest.mark.parametrize("quantity", [0, -1, 4, 2**31 - 1])
async def test_no_line_is_cancelled_more_often_than_it_was_bought(
    engine: Engine, quantity: int
) -> None:
    order = await placed(engine, 3, sellers=("anna",))
    lines = [{"lineId": encode_id("OrderLine", order["lines"][0]["id"]), "quantity": quantity}]
    _, errors = await tried(engine, "orderCancel", orderId=order_id(order), lines=lines)
    assert errors == [("QUANTITY", ["lines", "0", "quantity"])]
    assert await stored(engine, order) == order


async def test_what_is_meant_has_to_be_there(engine: Engine) -> None:
    order = await placed(engine, 3, sellers=("anna",))
    other = await placed(engine, 3, sellers=("anna",))
    whole = {"orderId": order_id(order)}
    _, errors = await tried(engine, "orderCancel", **whole, lines=units(other, 1))
    assert errors == [("NOT_FOUND", ["lines", "0", "lineId"])]
    assert await refused(engine, "orderCancel", **whole, lines=[]) == "INVALID"
    assert await refused(engine, "orderCancel") == "INVALID"
    both = {**whole, "sellerOrderId": part_id(order)}
    assert await refused(engine, "orderCancel", **both) == "INVALID"
    assert await refused(engine, "orderCancel", orderId=part_id(order)) == "INVALID"
    assert await refused(engine, "orderCancel", **whole, reason="x" * 1_001) == "INVALID"
    assert await refused(engine, "orderCancel", **whole, reason="\ud800") == "INVALID"
    lines = [{"lineId": encode_id("OrderLine", order["lines"][0]["id"]), "quantity": 10**12}]
    assert await stored(engine, order) == order
    with pytest.raises(AssertionError, match="32-bit"):
        await tried(engine, "orderCancel", **whole, lines=lines)


@pytest.mark.parametrize("viewer", [CORA, NOBODY, GUEST, ANNA, BERT])
async def test_somebody_elses_order_is_not_there(engine: Engine, viewer: Viewer) -> None:
    order = await placed(engine, 3)
    _, errors = await tried(engine, "orderCancel", viewer, orderId=order_id(order))
    assert errors == [("NOT_FOUND", ["orderId"])]
    _, errors = await tried(engine, "orderCancel", viewer, sellerOrderId=part_id(order))
    assert errors == [("NOT_FOUND", ["sellerOrderId"])]
    assert await stored(engine, order) == order


async def test_who_may_only_read_changes_nothing(engine: Engine) -> None:
    order = await placed(engine, 3)
    assert await refused(engine, "orderCancel", READER, orderId=order_id(order)) == "FORBIDDEN"
    assert await refused(engine, "refundCreate", READER, orderId=order_id(order), lines=[]) == (
        "FORBIDDEN"
    )


async def test_a_guest_cancels_by_their_identity_or_the_secret(engine: Engine) -> None:
    for viewer, has_secret in ((GUEST, False), (NOBODY, True), (OTHER_GUEST, True)):
        order = await placed(engine, 3, viewer=GUEST)
        whole = {"orderId": order_id(order)}
        if has_secret:
            wrong = {**whole, "secret": "x" * 43}
            assert await refused(engine, "orderCancel", viewer, **wrong) == "NOT_FOUND"
            whole["secret"] = secret_of(Context(engine), order)
        done = await did(engine, "orderCancel", viewer, **whole)
        assert done["order"]["state"] == "CANCELLED"


async def test_an_order_that_is_none_yet_is_not_there(engine: Engine) -> None:
    order = await placed(engine, 3)
    for state in ("PLACING", "FAILED"):
        await orders(Context(engine)).update_one({"_id": order["_id"]}, {"$set": {"state": state}})
        for viewer in (CARL, STAFF):
            assert await refused(engine, "orderCancel", viewer, orderId=order_id(order)) == (
                "NOT_FOUND"
            )


async def test_what_is_broken_is_not_put_into_stock_again(engine: Engine) -> None:
    order = await placed(engine, 3, sellers=("anna",), stock=10)
    mine = {"sellerOrderId": part_id(order), "restock": False}
    assert await refused(engine, "orderCancel", CARL, **mine) == "FORBIDDEN"
    await did(engine, "orderCancel", ANNA, **mine, lines=units(order, 2))
    assert await on_hand(engine, variant(order)) == 7
    await did(engine, "orderCancel", ANNA, sellerOrderId=part_id(order))
    assert await on_hand(engine, variant(order)) == 8


async def test_of_ten_at_once_with_one_key_one_has_an_effect(engine: Engine) -> None:
    order = await placed(engine, 5, sellers=("anna",), stock=10)
    given = {"orderId": order_id(order), "lines": units(order, 1), "idempotencyKey": "k"}
    await asyncio.gather(*(did(engine, "orderCancel", CARL, **given) for _ in range(10)))
    assert (await stored(engine, order))["lines"][0]["cancelled"] == 1
    assert (await on_hand(engine, variant(order)), given_back(order)) == (6, 1_000)
    _, errors = await tried(engine, "orderCancel", CARL, **{**given, "reason": "x"})
    assert [code for code, _ in errors] == ["CONFLICT"]


async def test_of_ten_at_once_without_a_key_none_gets_more_than_was_bought(
    engine: Engine,
) -> None:
    order = await placed(engine, 5, sellers=("anna",), stock=10)
    given = {"orderId": order_id(order), "lines": units(order, 1)}
    codes = await asyncio.gather(*(refused(engine, "orderCancel", **given) for _ in range(10)))
    assert sorted(code or "" for code in codes) == [""] * 5 + ["STATE"] * 5
    assert await on_hand(engine, variant(order)) == 10
    assert given_back(order) == order["sums"]["total"]


@pytest.mark.parametrize("method", ["till:on_delivery", "till:awaited", "till:authorized"])
async def test_where_nothing_is_paid_less_is_due_and_at_last_the_payment_ends(
    engine: Engine, method: str
) -> None:
    order = await placed(engine, 3, sellers=("anna",), method=method)
    whole = {"orderId": order_id(order)}
    found = (await did(engine, "orderCancel", CARL, **whole, lines=units(order, 2)))["order"]
    money = [found[name]["amount"] for name in ("paid", "due", "refunded")]
    assert money == ["0.00", "14.90", "0.00"]
    found = (await did(engine, "orderCancel", CARL, **whole))["order"]
    assert (found["state"], found["paymentState"], found["refunds"]) == ("CANCELLED", "ENDED", [])
    assert [found[name]["amount"] for name in ("paid", "due")] == ["0.00", "0.00"]
    now = await stored(engine, order)
    payments = [now["payment"], *now["further_payments"]]
    assert ({one["state"] for one in payments}, now["settle_at"]) == ({"ended"}, None)
    assert [BOOKS[one["key"]].ended for one in payments] == [1] * len(payments)
    assert len(payments) == (1 if method == "till:authorized" else 2)


async def test_who_pays_by_hand_pays_what_is_due_after_some_was_cancelled(engine: Engine) -> None:
    order = await placed(engine, 3, sellers=("anna",), method="till:awaited")
    await did(engine, "orderCancel", CARL, orderId=order_id(order), lines=units(order, 1))
    now = await stored(engine, order)
    (again,) = now["further_payments"]
    assert (again["method"], again["amount"], again["state"]) == ("till:awaited", 2_490, "awaited")
    assert (now["state"], now["payment"]["state"]) == ("PENDING", "ended")
    settle(again["key"], "paid")
    await engine.hooks.notify(payment_changed, engine.context(), again["key"])
    now = await stored(engine, order)
    assert (now["state"], now["refunds"]) == ("CONFIRMED", [])
    found = (await did(engine, "orderCancel", CARL, orderId=order_id(order)))["order"]
    assert [found[name]["amount"] for name in ("paid", "due", "refunded")] == [
        *("24.90", "0.00", "24.90"),
    ]
    assert sum(BOOKS[again["key"]].refunded.values()) == 2_490


async def test_of_all_that_is_done_at_once_the_money_and_the_stock_come_out_right(
    engine: Engine,
) -> None:
    order = await placed(engine, 4, 4, sellers=("anna", "bert"), stock=10)
    whole, mine = {"orderId": order_id(order)}, {"sellerOrderId": part_id(order)}
    await asyncio.gather(
        *(refused(engine, "orderFulfil", ANNA, **mine, lines=units(order, 1)) for _ in range(4)),
        *(refused(engine, "orderCancel", CARL, **whole, lines=units(order, 1)) for _ in range(4)),
        *(refused(engine, "orderCancel", **mine, lines=units(order, 1)) for _ in range(4)),
        *(refused(engine, "refundCreate", **whole, amount={"amount": "40"}) for _ in range(4)),
        *(refused(engine, "orderCancel", BERT, sellerOrderId=part_id(order, 1)) for _ in range(4)),
    )
    now = await stored(engine, order)
    line = now["lines"][0]
    assert line["cancelled"] + line["fulfilled"] == 4
    stock = [await on_hand(engine, variant(order, index)) for index in (0, 1)]
    assert stock == [6 + line["cancelled"], 10]
    assert given_back(order) == sum(refund["amount"] for refund in now["refunds"])
    assert given_back(order) <= order["sums"]["total"]
    assert {refund["state"] for refund in now["refunds"]} == {"DONE"}
    assert [entry["number"] for entry in now["timeline"]] == list(range(1, now["version"]))


async def test_two_engines_on_one_database_cancel_each_unit_once(
    engine_for: EngineFor,
) -> None:
    first, second = await engine_for(TOML), await engine_for(TOML)
    order = await placed(first, 5, stock=10)
    given = {"orderId": order_id(order), "lines": units(order, 1)}
    codes = await asyncio.gather(
        *(refused(one, "orderCancel", **given) for _ in range(5) for one in (first, second)),
    )
    assert sorted(code or "" for code in codes) == [""] * 5 + ["STATE"] * 5
    assert await on_hand(first, variant(order)) == 10
    assert given_back(order) == order["sums"]["total"]


async def test_an_order_that_costs_nothing_is_cancelled_without_a_payment(
    shared_engine_for: EngineFor,
) -> None:
    engine = await shared_engine_for(TOML.replace('EUR = "4.90"', 'EUR = "0"'))
    order = await placed(engine, 5, prices={"EUR": 0}, stock=10)
    assert (order["sums"]["total"], order["payment"]["method"]) == (0, None)
    done = await did(engine, "orderCancel", CARL, orderId=order_id(order))
    assert (done["order"]["state"], done["order"]["refunds"]) == ("CANCELLED", [])
    assert await on_hand(engine, variant(order)) == 10
