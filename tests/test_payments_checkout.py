"""Orders paid by the plugin `payments`: what its payments say is what becomes of the order."""

from pathlib import Path

import pytest

from mercat.checkout import Cart, payment_methods
from mercat.engine import Engine
from mercat.ids import encode_id
from mercat_orders.orders.access import orders
from mercat_orders.orders.failing import fail

from . import asking, ordering
from .banking import Bank, lost, make_due, stored
from .conftest import EngineFor, until
from .ordering import completed, left, ready
from .test_hooks import Plugins
from .test_payments import bank, made
from .test_payments_api import STAFF

pytestmark = pytest.mark.gate

__all__ = ["bank", "made"]

WAYS = "[plugins.payments_manual.on_delivery]\n[plugins.payments_manual.bank_transfer]\n"


@pytest.fixture
async def market(plugins: Plugins, bank: Bank, engine_for: EngineFor) -> Engine:
    path = plugins.add("banks", payment_providers=lambda: [bank])
    wanted = f'"payments", "payments_manual", "{path}"]'
    toml = ordering.TOML.replace('"tests.plugins_for_tests.till"]', wanted)
    return await engine_for(toml + WAYS, work=True)


async def state_of(engine: Engine) -> str:
    (order,) = await orders(engine.context()).find().to_list()
    state: str = order["state"]
    return state


@pytest.mark.parametrize(
    ("method", "state"),
    [
        ("manual:on_delivery", "CONFIRMED"),
        ("manual:bank_transfer", "PENDING"),
        ("bank:card", "CONFIRMED"),
        ("bank:hold", "CONFIRMED"),
        ("bank:later", "PENDING"),
        ("bank:action", "PLACING"),
    ],
)
async def test_an_order_is_what_its_payment_says(market: Engine, method: str, state: str) -> None:
    done = await completed(market, await ready(market), method=method)
    assert (await state_of(market), done.action is not None) == (state, state == "PLACING")
    payment = await stored(market, str(done.order["_id"]))
    assert payment["amount"] == done.order["sums"]["total"]
    assert payment["order_number"] == done.order["code"]


async def test_an_order_is_confirmed_once_somebody_says_that_its_money_came(
    market: Engine,
) -> None:
    done = await completed(market, await ready(market), method="manual:bank_transfer")
    key = str(done.order["_id"])
    document = """mutation ($id: ID!) { paymentMarkPaid(input: {paymentId: $id,
      idempotencyKey: "k"}) { payment { state } userErrors { message } } }"""
    await asking.told(market, document, {"id": encode_id("Payment", key)}, viewer=STAFF)

    async def is_confirmed() -> bool:
        return await state_of(market) == "CONFIRMED"

    await until(is_confirmed)


async def test_an_order_whose_payment_nobody_knew_is_placed_once_it_is_known(
    market: Engine, bank: Bank
) -> None:
    bank.trouble("start", lost())
    done = await completed(market, await ready(market), method="bank:card")
    key = str(done.order["_id"])
    assert await state_of(market) == "PLACING"
    await make_due(market, key)

    async def is_confirmed() -> bool:
        return await state_of(market) == "CONFIRMED"

    await until(is_confirmed, seconds=15)
    assert bank.taken(key) == done.order["sums"]["total"]
    assert len(bank.accounts) == 1


async def test_a_checkout_that_was_left_ends_its_payment(market: Engine, bank: Bank) -> None:
    done = await completed(market, await ready(market), method="bank:action")
    key = str(done.order["_id"])
    bank.accounts[f"start:{key}"].taken = True
    await fail(market.context(), done.order, "EXPIRED", "the payment took too long")
    assert (await stored(market, key))["state"] == "ended"
    assert bank.taken(key) == 0
    await left(market)
    assert await state_of(market) == "FAILED"


async def test_the_shop_of_the_repository_has_both_ways(engine_for: EngineFor) -> None:
    toml = (Path(__file__).parents[1] / "engine.toml").read_text()
    engine = await engine_for(toml)
    asked = Cart("x", "EUR", ())
    (found,) = await engine.hooks.collect(payment_methods, engine.context(), asked, 1000)
    assert [method.id for method in found] == ["manual:on_delivery", "manual:bank_transfer"]
