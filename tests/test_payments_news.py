"""What happens to a payment at its company, without the shop's having asked for it."""

from typing import Any

import pytest

from mercat.checkout import payment_changed
from mercat.engine import Engine
from mercat.money import Amount
from mercat.payments import Event, EventKind
from mercat.storage import Record
from mercat_orders.orders.changes.settling import settle_all
from mercat_payments.inbox import take

from . import ordering
from .banking import WHEN, Bank
from .banking import stored as stored_payment
from .conftest import EngineFor
from .market import CARL
from .order_changes import did, kinds, order_id, refused, stored
from .ordering import completed, ready
from .test_hooks import Plugins
from .test_payments import bank, made
from .test_payments_captures import MANY

pytestmark = pytest.mark.gate

__all__ = ["bank", "made"]


@pytest.fixture
async def market(plugins: Plugins, bank: Bank, engine_for: EngineFor) -> Engine:
    path = plugins.add("banks", payment_providers=lambda: [bank])
    toml = ordering.TOML.replace('"tests.plugins_for_tests.till"]', f'"payments", "{path}"]')
    return await engine_for(toml)


async def bought(market: Engine, way: str = "card") -> Record:
    return (await completed(market, await ready(market, 2), method=f"bank:{way}")).order


async def happens(market: Engine, order: Record, kind: EventKind, ref: str, amount: int) -> Record:
    """The order after its payment's company has told of something."""
    key = str(order["_id"])
    money = Amount(amount, "EUR")
    event = Event(f"{ref}-{kind}", kind, money, ref, WHEN, f"pay-start:{key}")
    for _ in range(2):
        await take(market.context(), "bank", [event])
        await market.hooks.notify(payment_changed, market.context(), key)
        await settle_all(market.context())
    return await stored(market, order)


async def test_what_goes_back_at_the_company_is_a_refund_of_the_order(market: Engine) -> None:
    order = await bought(market)
    now = await happens(market, order, "refunded", "dashboard", 300)
    (refund,) = now["refunds"]
    assert (refund["state"], refund["cause"], refund["amount"]) == ("DONE", "PROVIDER", 300)
    assert kinds(now)[-1] == "REFUNDED"
    rest = order["sums"]["total"] - 300
    too_much = {"amount": f"{(rest + 1) / 100:.2f}"}
    assert await refused(market, "refundCreate", orderId=order_id(order), amount=too_much)
    all_of_it = {"amount": f"{rest / 100:.2f}"}
    await did(market, "refundCreate", orderId=order_id(order), amount=all_of_it)
    payment = await stored_payment(market, str(order["_id"]))
    assert (payment["refunded"], payment["refundable"]) == (order["sums"]["total"], 0)


async def test_a_refund_of_the_shops_own_is_not_taken_for_another(market: Engine) -> None:
    order = await bought(market)
    given = {"amount": "3"}
    await did(market, "refundCreate", orderId=order_id(order), amount=given)
    (own,) = (await stored(market, order))["refunds"]
    now = await happens(market, order, "refunded", f"refund:{own['id']}", 300)
    assert [one["state"] for one in now["refunds"]] == ["DONE"]


async def test_a_refund_that_fails_later_can_be_made_again(market: Engine, bank: Bank) -> None:
    order = await bought(market)
    given: dict[str, Any] = {"orderId": order_id(order), "amount": {"amount": "3"}}
    await did(market, "refundCreate", **given)
    (done,) = (await stored(market, order))["refunds"]
    now = await happens(market, order, "refund_failed", f"refund:{done['id']}", 300)
    (failed,) = now["refunds"]
    assert (failed["state"], kinds(now)[-1]) == ("FAILED", "REFUND_FAILED")
    await did(market, "refundCreate", **given)
    assert len(bank.asked("refund")) == 2
    assert (await stored_payment(market, str(order["_id"])))["refunded"] == 300


async def test_a_dispute_is_told_and_nothing_disputed_goes_back_twice(market: Engine) -> None:
    order = await bought(market)
    key, total = str(order["_id"]), order["sums"]["total"]
    now = await happens(market, order, "dispute_opened", "d1", total)
    assert (kinds(now)[-1], now["payment"]["disputed"]) == ("DISPUTED", total)
    payment = await stored_payment(market, key)
    assert (payment["disputed"], payment["refundable"], payment["state"]) == (total, 0, "paid")
    await did(market, "refundCreate", orderId=order_id(order), amount={"amount": "1"})
    (refund,) = (await stored(market, order))["refunds"]
    assert refund["state"] == "FAILED", "the buyer's bank has it already"
    now = await happens(market, order, "dispute_won", "d1", total)
    assert (kinds(now)[-1], now["payment"]["disputed"]) == ("DISPUTE_CLOSED", 0)
    await did(market, "refundCreate", orderId=order_id(order), amount={"amount": "1"})
    now = await happens(market, order, "dispute_lost", "d2", 500)
    payment = await stored_payment(market, key)
    assert (payment["disputed"], payment["refundable"]) == (500, total - 100 - 500)


async def test_an_authorization_that_runs_out_has_its_order_paid_anew(
    plugins: Plugins, engine_for: EngineFor
) -> None:
    bank = Bank("bank", **MANY)
    path = plugins.add("banks", payment_providers=lambda: [bank])
    toml = ordering.TOML.replace('"tests.plugins_for_tests.till"]', f'"payments", "{path}"]')
    market = await engine_for(toml)
    order = await bought(market, "hold")
    total = order["sums"]["total"]
    await happens(market, order, "authorization_expired", f"pay-start:{order['_id']}", total)
    now = await stored(market, order)
    assert now["payment"]["state"] == "ended"
    given = {"orderId": order_id(order), "paymentMethodId": "bank:card"}
    assert await refused(market, "paymentStart", CARL, **given) is None
    assert bank.taken(f"{order['_id']}.2") == total
