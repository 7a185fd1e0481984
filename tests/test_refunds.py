"""Money that goes back: never more than was paid, and once, whatever a payment service does."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mercat.checkout import PaymentStatus, RefundStatus, RefundWanted, payment_changed
from mercat.context import Context
from mercat.engine import Engine
from mercat.errors import ConflictError, InvalidError
from mercat.storage import Record
from mercat_orders.orders.access import orders
from mercat_orders.orders.changes import acting
from mercat_orders.orders.changes.settling import follow_payment, settle_all

from .conftest import EngineFor
from .market import CARL
from .order_changes import (
    did,
    given_back,
    kinds,
    order_id,
    part_id,
    refused,
    stored,
    tried,
    units,
)
from .ordering import TOML, placed
from .plugins_for_tests.till import hooks as till
from .plugins_for_tests.till.books import BOOKS, settle


@pytest.fixture(scope="module", name="engine")
async def made(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(TOML)


async def test_what_is_paid_after_some_was_cancelled_goes_back_once(engine: Engine) -> None:
    order = await placed(engine, 3, sellers=("anna",), method="till:authorized")
    await did(engine, "orderCancel", CARL, orderId=order_id(order), lines=units(order, 1))
    settle(str(order["_id"]), "paid")
    for _ in range(2):
        await engine.hooks.notify(payment_changed, engine.context(), str(order["_id"]))
    now = await stored(engine, order)
    assert (now["state"], kinds(now)[2:]) == (
        "CONFIRMED",
        ["PAYMENT_CHANGED", "OVERPAID", "REFUNDED"],
    )
    assert [(one["cause"], one["amount"], one["state"]) for one in now["refunds"]] == [
        ("OVERPAID", 1_000, "DONE")
    ]
    assert (given_back(order), now["waived"], now["seller_orders"][0]["waived"]) == (1_000, 0, 0)


@pytest.fixture
async def answers(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Any]]:
    """What the till says of refunds instead of doing them, one after the other."""
    said: list[Any] = []

    async def refund(wanted: RefundWanted) -> RefundStatus | None:
        answer = said.pop(0)
        if isinstance(answer, Exception):
            raise answer
        assert answer is None or isinstance(answer, RefundStatus)
        return answer

    def implementations(hooks: Any, name: str) -> Any:
        found = real(hooks, name)
        if name != "payment_refund" or not said:
            return found
        return tuple(replaced(one) for one in found)

    from dataclasses import replace

    from mercat.hooks import Hooks

    def replaced(one: Any) -> Any:
        return replace(one, function=refund) if one.function is till.payment_refund else one

    real = Hooks.implementations
    monkeypatch.setattr(Hooks, "implementations", implementations)
    yield said
    assert not said


async def old(engine: Engine, order: Record) -> None:
    """Let the time pass after which the job looks after an order."""
    await orders(Context(engine)).update_one(
        {"_id": order["_id"]}, {"$set": {"settle_at": datetime.now(UTC) - timedelta(seconds=1)}}
    )


@pytest.mark.parametrize("error", [ConflictError("busy"), RuntimeError("it broke")])
async def test_a_refund_that_nobody_answered_is_asked_for_again_with_its_key(
    engine: Engine, answers: list[Any], error: Exception
) -> None:
    order = await placed(engine, 3)
    answers.append(error)
    done = await did(engine, "orderCancel", CARL, orderId=order_id(order), lines=units(order, 1))
    assert [one["state"] for one in done["order"]["refunds"]] == ["WANTED"]
    await settle_all(engine.context())
    assert given_back(order) == 0
    await old(engine, order)
    await settle_all(engine.context())
    now = await stored(engine, order)
    (refund,) = now["refunds"]
    assert BOOKS[str(order["_id"])].refunded == {str(refund["id"]): 1_000}
    assert (refund["state"], now["settle_at"]) == ("DONE", None)
    assert kinds(now)[-1] == "REFUNDED"


@pytest.mark.parametrize("by_job", [True, False])
async def test_what_a_crash_left_unpaid_is_paid_back_once(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, by_job: bool
) -> None:
    order = await placed(engine, 3)
    given = {"orderId": order_id(order), "idempotencyKey": order_id(order)}

    async def crash(*_: Any) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(acting, "settle", crash)
    with pytest.raises(asyncio.CancelledError):
        await did(engine, "orderCancel", CARL, **given)
    monkeypatch.undo()
    now = await stored(engine, order)
    assert (now["state"], given_back(order)) == ("CANCELLED", 0)
    if by_job:
        await old(engine, order)
        await settle_all(engine.context())
    else:
        await did(engine, "orderCancel", CARL, **given)
    assert given_back(order) == order["sums"]["total"]
    assert kinds(await stored(engine, order)) == ["PLACED", "CANCELLED", "REFUNDED"]


async def test_a_refund_that_takes_its_time_is_followed(engine: Engine, answers: list[Any]) -> None:
    order = await placed(engine, 3)
    answers += [RefundStatus("pending", "in three days"), RefundStatus("pending")]
    await did(engine, "orderCancel", CARL, orderId=order_id(order), lines=units(order, 1))
    now = await stored(engine, order)
    assert now["refunds"][0]["state"] == "PENDING"
    assert now["settle_at"] - datetime.now(UTC) > timedelta(minutes=9)
    await follow_payment(engine.context(), str(order["_id"]))
    assert (await stored(engine, order))["version"] == now["version"]
    await follow_payment(engine.context(), str(order["_id"]))
    assert (await stored(engine, order))["refunds"][0]["state"] == "DONE"


@pytest.mark.parametrize(
    "answer", [RefundStatus("failed", "the card is gone"), InvalidError("no"), None]
)
async def test_money_whose_refund_failed_can_go_back_in_another_way(
    engine: Engine, answers: list[Any], answer: Any
) -> None:
    order = await placed(engine, 3)
    whole = {"orderId": order_id(order)}
    answers.append(answer)
    done = await did(engine, "orderCancel", CARL, **whole)
    (failed,) = done["order"]["refunds"]
    assert (failed["state"], bool(failed["message"])) == ("FAILED", True)
    assert done["order"]["refunded"]["amount"] == "0.00"
    assert kinds(await stored(engine, order))[-1] == "REFUND_FAILED"
    _, errors = await tried(engine, "refundCreate", **whole, amount={"amount": "34.91"})
    assert errors == [("AMOUNT", ["amount"])]
    done = await did(engine, "refundCreate", **whole, amount={"amount": "34.90"})
    assert done["order"]["refunded"]["amount"] == "34.90"
    assert given_back(order) == 3_490


async def test_a_payment_that_does_not_end_yet_is_ended_by_the_job(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await placed(engine, 1, method="till:awaited")
    monkeypatch.setattr(till, "_status", lambda _: PaymentStatus("unknown"))
    await did(engine, "orderCancel", CARL, orderId=order_id(order))
    now = await stored(engine, order)
    assert (now["payment"]["state"], now["payment"]["is_ending"]) == ("ENDING", True)
    monkeypatch.undo()
    await old(engine, order)
    await settle_all(engine.context())
    now = await stored(engine, order)
    assert (now["payment"]["state"], now["settle_at"]) == ("ended", None)


async def test_what_is_paid_after_all_was_cancelled_goes_back_with_the_payments_end(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await placed(engine, 1, method="till:awaited")
    key = str(order["_id"])
    monkeypatch.setattr(till, "_status", lambda _: PaymentStatus("paid"))
    await did(engine, "orderCancel", CARL, orderId=order_id(order))
    settle(key, "paid")
    await engine.hooks.notify(payment_changed, engine.context(), key)
    monkeypatch.undo()
    assert (await stored(engine, order))["refunds"] == []
    await old(engine, order)
    await settle_all(engine.context())
    now = await stored(engine, order)
    assert (now["state"], now["payment"]["state"], now["refunds"]) == ("CANCELLED", "ended", [])
    assert given_back(order) == BOOKS[key].charged == order["sums"]["total"]


async def test_staff_refunds_no_more_than_is_left(engine: Engine) -> None:
    order = await placed(engine, 2, 3, sellers=("anna", "bert"), prices={"EUR": 333})
    whole, part = {"orderId": order_id(order)}, {"sellerOrderId": part_id(order)}
    total, own = order["sums"]["total"], order["seller_orders"][0]["sums"]["total"]
    assert (total, own) == (1_665 + 980, 666 + 490)
    await did(engine, "refundCreate", **whole, amount={"amount": "1.00"}, reason="A scratch")
    done = await did(engine, "refundCreate", **part, lines=units(order, 1))
    assert done["sellerOrder"]["refunded"]["amount"] == "3.33"
    _, errors = await tried(engine, "refundCreate", **part, amount={"amount": "8.24"})
    assert errors == [("AMOUNT", ["amount"])]
    await did(engine, "refundCreate", **part, amount={"amount": "8.23"})
    done = await did(engine, "orderCancel", **whole)
    assert done["order"]["refunded"] == done["order"]["paid"]
    assert given_back(order) == total
    assert await refused(engine, "refundCreate", **whole, amount={"amount": "0.01"}) == "AMOUNT"


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ({}, [("INVALID", ["amount"])]),
        ({"amount": {"amount": "0"}}, [("INVALID", ["amount"])]),
        ({"amount": {"amount": "-1"}}, [("INVALID", ["amount"])]),
        ({"amount": {"amount": "0.001"}}, [("INVALID", ["amount", "amount"])]),
        ({"amount": {"amount": "1e30"}}, [("INVALID", ["amount", "amount"])]),
        ({"amount": {"amount": "1", "currency": "USD"}}, [("INVALID", ["amount", "currency"])]),
        ({"amount": {"amount": "9999999999"}}, [("AMOUNT", ["amount"])]),
        ({"lines": []}, [("INVALID", ["lines"])]),
    ],
)
async def test_what_goes_back_is_an_amount_of_the_orders_currency(
    engine: Engine, given: dict[str, Any], errors: Any
) -> None:
    order = await placed(engine, 1)
    assert (await tried(engine, "refundCreate", orderId=order_id(order), **given))[1] == errors
    assert await stored(engine, order) == order


async def test_of_ten_refunds_at_once_no_more_goes_back_than_was_paid(engine: Engine) -> None:
    order = await placed(engine, 1)
    given = {"orderId": order_id(order), "amount": {"amount": "6"}}
    codes = await asyncio.gather(*(refused(engine, "refundCreate", **given) for _ in range(10)))
    assert sorted(code or "" for code in codes) == ["", ""] + ["AMOUNT"] * 8
    keyed = {"orderId": order_id(order), "amount": {"amount": "1"}, "idempotencyKey": "one"}
    for _ in range(3):
        await did(engine, "refundCreate", **keyed)
    assert given_back(order) == 1_300


async def test_where_nothing_is_paid_a_refund_makes_less_due(engine: Engine) -> None:
    order = await placed(engine, 1, method="till:on_delivery")
    done = await did(engine, "refundCreate", orderId=order_id(order), amount={"amount": "4.90"})
    assert (done["order"]["due"]["amount"], done["order"]["refunds"]) == ("10.00", [])
    assert "WAIVED" in kinds(await stored(engine, order))
    over = {"amount": "10.01"}
    assert await refused(engine, "refundCreate", orderId=order_id(order), amount=over) == "AMOUNT"
