"""Captures: what is authorized is taken once, never more than that, and as it is sent."""

import asyncio
from typing import Any

import pytest

from mercat.checkout import CaptureStatus, CaptureWanted, payment_capture, payment_changed
from mercat.context import Viewer
from mercat.engine import Engine
from mercat.errors import ConflictError, DomainError
from mercat.ids import encode_id
from mercat_orders.orders.changes.settling import settle_all
from mercat_payments import settling

from . import ordering
from .asking import answered
from .banking import Bank, lost, make_due, operations, started, status, stored
from .conftest import EngineFor
from .order_changes import did, kinds, order_id, part_id, units
from .order_changes import stored as stored_order
from .ordering import completed, ready
from .test_hooks import Plugins
from .test_payments import made, toml_of

__all__ = ["made"]

BOSS = Viewer(role="ADMIN", permissions=frozenset({"payments.manage"}), user="boss")
LATER = '[plugins.payments]\ncapture = "on_fulfilment"\n'
MANY: dict[str, Any] = {"manual_capture": True, "partial_capture": True, "multiple_captures": True}


@pytest.fixture
def bank() -> Bank:
    return Bank("bank", **MANY)


@pytest.fixture
async def shop(plugins: Plugins, bank: Bank, engine_for: EngineFor) -> Engine:
    return await engine_for(toml_of(plugins, bank) + LATER)


async def captured(engine: Engine, amount: int, most: int = 1000) -> CaptureStatus | None:
    wanted = CaptureWanted("o", amount, most)
    return await engine.hooks.first(payment_capture, engine.context(), wanted)


async def figures(engine: Engine) -> tuple[str, int, int, int]:
    """The state, and what is authorized, captured and being captured."""
    found = await stored(engine, "o")
    return found["state"], found["authorized"], found["captured"], found["capturing"]


async def by_hand(engine: Engine, name: str, **given: Any) -> dict[str, Any]:
    """The payload of a mutation about the payment."""
    kind = name[0].upper() + name[1:]
    more = "operation { state amount { amount } }" if name == "paymentCapture" else ""
    answer = await answered(
        engine,
        f"mutation ($input: {kind}Input!) {{ {name}(input: $input) {{ payment {{ state }} {more}"
        " userErrors { code message } } }",
        {"input": {"paymentId": encode_id("Payment", "o"), **given}},
        viewer=BOSS,
    )
    payload: dict[str, Any] = answer["data"][name]
    return payload


def code(payload: dict[str, Any]) -> str | None:
    return payload["userErrors"][0]["code"] if payload["userErrors"] else None


# As the goods go


async def test_hook_payment_capture(shop: Engine, bank: Bank) -> None:
    await started(shop, "o", "hold")
    assert not bank.asked("start")[0].captures
    for _ in range(2):
        assert await captured(shop, 300) == CaptureStatus("done")
    assert await figures(shop) == ("authorized", 700, 300, 0)
    assert await captured(shop, 800) == CaptureStatus("done")
    assert [each.money.minor for each in bank.asked("capture")] == [300, 500]
    assert await captured(shop, 900, most=900) == CaptureStatus("done")
    assert await figures(shop) == ("paid", 0, 900, 0), "what is left is let go of"
    assert [kind for kind, _ in await operations(shop, "o")][-1] == "VOID"
    found = await status(shop, "o")
    assert (found, bank.taken("o")) == ("paid", 900)


async def test_a_company_that_captures_once_takes_all_that_is_wanted_at_first(
    plugins: Plugins, engine_for: EngineFor
) -> None:
    bank = Bank(manual_capture=True, partial_capture=True)
    shop = await engine_for(toml_of(plugins, bank) + LATER)
    await started(shop, "o", "hold")
    assert await captured(shop, 300, most=900) == CaptureStatus("done")
    assert await figures(shop) == ("paid", 0, 900, 0)
    assert await captured(shop, 900, most=900) == CaptureStatus("done")
    assert bank.taken("o") == 900


@pytest.mark.parametrize("setting", ["at_once", "by_hand"])
async def test_when_it_is_taken_is_the_shops_choice(
    setting: str, plugins: Plugins, bank: Bank, engine_for: EngineFor
) -> None:
    table = f'[plugins.payments]\ncapture = "{setting}"\n'
    shop = await engine_for(toml_of(plugins, bank) + table)
    await started(shop, "o", "hold")
    assert bank.asked("start")[0].captures == (setting == "at_once")
    wanted = None if setting == "by_hand" else CaptureStatus("done")
    assert await captured(shop, 500) == wanted
    assert bank.taken("o") == (0 if setting == "by_hand" else 500)


async def test_a_lost_answer_is_asked_for_again_with_the_same_key(shop: Engine, bank: Bank) -> None:
    await started(shop, "o", "hold")
    bank.trouble("capture", lost())
    assert await captured(shop, 400) == CaptureStatus("pending")
    assert await figures(shop) == ("authorized", 1000, 0, 400)
    assert code(await by_hand(shop, "paymentCapture", amount="6.01", idempotencyKey="k"))
    await make_due(shop, "o")
    await settling.ask_again(shop.context())
    assert await figures(shop) == ("authorized", 600, 400, 0)
    assert {each.key for each in bank.asked("capture")} == {"capture:o:400"}


async def test_twenty_at_once_never_take_more_than_was_wanted(shop: Engine, bank: Bank) -> None:
    await started(shop, "o", "hold")
    goals = [300, 500, 700, 900] * 5
    found = await asyncio.gather(*(captured(shop, goal) for goal in goals), return_exceptions=True)
    assert all(isinstance(each, CaptureStatus | ConflictError) for each in found)
    assert bank.taken("o") <= 900
    assert await captured(shop, 900) == CaptureStatus("done")
    assert bank.taken("o") == 900


async def test_a_refused_capture_is_told_and_what_the_company_knows_is_asked(
    shop: Engine, bank: Bank
) -> None:
    await started(shop, "o", "hold")
    bank.accounts["start:o"].let_go = True  # as an authorization that ran out
    assert await captured(shop, 400) == CaptureStatus("failed", "There is less than that.")
    assert await figures(shop) == ("ended", 0, 0, 0)


# By hand


async def test_staff_takes_parts_once_for_each_key_and_no_more_than_there_is(
    shop: Engine, bank: Bank
) -> None:
    await started(shop, "o", "hold")
    for _ in range(2):
        found = await by_hand(shop, "paymentCapture", amount="4", idempotencyKey="one")
        assert found["operation"] == {"state": "DONE", "amount": {"amount": "4.00"}}
    assert bank.taken("o") == 400
    tries = {"6.01": "two", "5": "one", "-1": "three", "x": "four"}
    for amount, key in tries.items():
        found = await by_hand(shop, "paymentCapture", amount=amount, idempotencyKey=key)
        assert code(found) == ("CONFLICT" if key == "one" else "INVALID"), amount
    assert code(await by_hand(shop, "paymentCapture")) == "INVALID", "without a key"
    assert code(await by_hand(shop, "paymentVoid")) == "INVALID", "some of it was taken"
    found = await by_hand(shop, "paymentCapture", amount="1", isLast=True, idempotencyKey="last")
    assert found["payment"] == {"state": "PAID"}
    assert (await figures(shop), bank.taken("o")) == (("paid", 0, 500, 0), 500)
    assert code(await by_hand(shop, "paymentCapture", idempotencyKey="more")) == "INVALID"


async def test_what_is_voided_is_captured_no_more(shop: Engine, bank: Bank) -> None:
    await started(shop, "o", "hold")
    for _ in range(2):
        assert (await by_hand(shop, "paymentVoid", reason="x"))["payment"] == {"state": "ENDED"}
    assert code(await by_hand(shop, "paymentCapture", idempotencyKey="k")) == "INVALID"
    assert await captured(shop, 500) == CaptureStatus("done"), "there is nothing to be taken"
    assert (bank.taken("o"), bank.asked("capture")) == (0, [])


async def test_all_or_nothing_is_taken_where_the_company_can_no_more(
    plugins: Plugins, engine_for: EngineFor
) -> None:
    bank = Bank(manual_capture=True)
    shop = await engine_for(toml_of(plugins, bank) + LATER)
    await started(shop, "o", "hold")
    assert code(await by_hand(shop, "paymentCapture", amount="9", idempotencyKey="k")) == "INVALID"
    assert await captured(shop, 300, most=900) == CaptureStatus("done")
    assert (await figures(shop), bank.taken("o")) == (("paid", 0, 1000, 0), 1000)


# With orders


@pytest.fixture
async def market(plugins: Plugins, bank: Bank, engine_for: EngineFor) -> Engine:
    path = plugins.add("banks", payment_providers=lambda: [bank])
    toml = ordering.TOML.replace('"tests.plugins_for_tests.till"]', f'"payments", "{path}"]')
    return await engine_for(toml + LATER)


async def heard(engine: Engine, order: dict[str, Any]) -> dict[str, Any]:
    """The order after it has heard of its payment."""
    await engine.hooks.notify(payment_changed, engine.context(), str(order["_id"]))
    await settle_all(engine.context())
    return await stored_order(engine, order)


@pytest.mark.gate
async def test_what_is_sent_is_taken_and_what_is_cancelled_let_go(
    market: Engine, bank: Bank
) -> None:
    done = await completed(market, await ready(market, 4), method="bank:hold")
    order, key = done.order, str(done.order["_id"])
    (line,), delivery = order["lines"], order["seller_orders"][0]["way"]["total"]
    await did(market, "orderFulfil", sellerOrderId=part_id(order), lines=units(order, 1))
    one = line["total"] // 4 + line["total"] % 4
    assert bank.taken(key) == pytest.approx(line["total"] // 4 + delivery, abs=1)
    now = await stored_order(market, order)
    assert (now["payment"]["state"], now["payment"]["captured"]) == ("authorized", bank.taken(key))
    assert kinds(now)[-1] == "CAPTURED"
    await did(market, "refundCreate", orderId=order_id(order), amount={"amount": "1"})
    assert bank.taken(key) <= one + delivery, "it is less to take, and nothing goes back"
    await did(market, "orderFulfil", sellerOrderId=part_id(order), lines=units(order, 2))
    await did(market, "orderCancel", orderId=order_id(order), lines=units(order, 1))
    now = await heard(market, order)
    rest = order["sums"]["total"] - line["total"] // 4 - 100
    assert bank.taken(key) == pytest.approx(rest, abs=1)
    account = bank.accounts[f"start:{key}"]
    assert account.released == order["sums"]["total"] - sum(account.captures.values())
    assert (now["payment"]["state"], now["settle_at"]) == ("paid", None)


@pytest.mark.gate
async def test_what_was_taken_goes_back_where_nothing_else_is_sent(
    market: Engine, bank: Bank
) -> None:
    done = await completed(market, await ready(market, 2), method="bank:hold")
    order, key = done.order, str(done.order["_id"])
    await did(market, "orderFulfil", sellerOrderId=part_id(order), lines=units(order, 1))
    taken = bank.taken(key)
    assert 0 < taken < order["sums"]["total"]
    await did(market, "orderCancel", orderId=order_id(order), lines=units(order, 1))
    await did(market, "refundCreate", orderId=order_id(order), amount={"amount": "2"})
    now = await heard(market, order)
    assert bank.taken(key) == taken - 200
    assert [refund["state"] for refund in now["refunds"]] == ["DONE"]
    assert now["payment"]["state"] == "paid"


@pytest.mark.gate
async def test_a_capture_that_is_refused_is_told_to_staff(market: Engine, bank: Bank) -> None:
    done = await completed(market, await ready(market, 1), method="bank:hold")
    order, key = done.order, str(done.order["_id"])
    bank.accounts[f"start:{key}"].let_go = True
    await did(market, "orderFulfil", sellerOrderId=part_id(order))
    now = await heard(market, order)
    failed = next(each for each in now["timeline"] if each["kind"] == "CAPTURE_FAILED")
    assert (failed["is_internal"], failed["reason"]) == (True, "There is less than that.")
    assert now["payment"]["state"] == "ended", "so that it can be paid in another way"


@pytest.mark.gate
async def test_an_order_that_is_not_sent_is_let_go_of(market: Engine, bank: Bank) -> None:
    done = await completed(market, await ready(market, 1), method="bank:hold")
    order, key = done.order, str(done.order["_id"])
    await did(market, "orderCancel", orderId=order_id(order))
    now = await heard(market, order)
    assert (bank.taken(key), bank.accounts[f"start:{key}"].let_go) == (0, True)
    assert now["payment"]["state"] == "ended"


@pytest.mark.gate
@pytest.mark.parametrize("trouble", [lost(), DomainError("x")])
async def test_a_parcel_leaves_whatever_becomes_of_its_capture(
    trouble: Exception, market: Engine, bank: Bank
) -> None:
    done = await completed(market, await ready(market, 1), method="bank:hold")
    order, key = done.order, str(done.order["_id"])
    bank.trouble("capture", trouble)
    await did(market, "orderFulfil", sellerOrderId=part_id(order))
    await make_due(market, key)
    await settling.ask_again(market.context())
    assert bank.taken(key) == order["sums"]["total"]
    assert (await heard(market, order))["payment"]["state"] == "paid"
