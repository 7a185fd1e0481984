"""What is put with a cart, such as a gift card, is paid first; a method pays the rest."""

from collections import Counter
from typing import Any

import pytest

from mercat.checkout import payment_changed
from mercat.context import Context
from mercat.engine import Engine
from mercat.errors import DomainError
from mercat.ids import encode_id
from mercat.storage import Record
from mercat_orders.carts.access import carts
from mercat_orders.checkout.completing import complete
from mercat_orders.checkout.errors import QuoteChangedError
from mercat_orders.checkout.wanting import Agreement, Completion
from mercat_orders.orders.access import orders
from mercat_orders.orders.money import payments

from .asking import answered
from .conftest import EngineFor
from .killing import Killed, killed_at
from .market import CARL
from .order_changes import STAFF, did, order_id
from .ordering import TOML, check_books, completed, kept_of, left, ready
from .plugins_for_tests.till.books import BOOKS, settle

CART = """
query ($id: ID) {
  cart(id: $id) {
    quoteHash paymentDue { amount } paymentMethods { id } totals { total { amount } }
  }
}
"""
PAID = ("till:paid", 1_000)


@pytest.fixture(scope="module", name="engine")
async def made(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(TOML)


async def put(engine: Engine, cart: Record, *tenders: tuple[str, int]) -> Record:
    """Put something to pay with with a cart: how the till answers, and how much it is."""
    found = await carts(engine.context()).find_one_and_update(
        {"_id": cart["_id"]},
        {"$set": {"plugin_data": {"till": tenders}}, "$inc": {"version": 1}},
        return_document=True,
    )
    assert found is not None
    return found


async def seen(engine: Engine, cart: Record) -> Any:
    answer = await answered(engine, CART, {"id": encode_id("Cart", cart["_id"])}, viewer=CARL)
    return answer["data"]["cart"]


def charged(order: Record) -> list[tuple[str, int]]:
    """What the till was asked to take for an order, in the order in which it was."""
    mine = {payment["key"] for payment in payments(order)}
    return [(found.wanted.method, found.charged) for key, found in BOOKS.items() if key in mine]


async def test_it_is_paid_first_and_a_method_pays_the_rest(engine: Engine) -> None:
    cart = await put(engine, await ready(engine, 2), PAID, ("till:paid", 500))
    found = await seen(engine, cart)
    assert (found["totals"]["total"]["amount"], found["paymentDue"]["amount"]) == ("24.90", "9.90")
    order = (await completed(engine, cart, method="till:authorized")).order
    assert order["state"] == "CONFIRMED"
    assert charged(order) == [("till:paid", 1_000), ("till:paid", 500), ("till:authorized", 990)]
    await check_books(engine, cart)


async def test_where_it_covers_everything_no_method_is_needed(engine: Engine) -> None:
    cart = await put(engine, await ready(engine, 2), ("till:paid", 10_000), PAID)
    found = await seen(engine, cart)
    assert (found["paymentDue"]["amount"], found["paymentMethods"]) == ("0.00", [])
    order = (await completed(engine, cart)).order
    assert order["state"] == "CONFIRMED"
    assert charged(order) == [("till:paid", 2_490)]
    await check_books(engine, cart)


@pytest.mark.parametrize("state", ["declined", "on_delivery", "authorized", "action", "awaited"])
async def test_it_is_paid_at_once_or_nothing_is(engine: Engine, state: str) -> None:
    cart = await put(engine, await ready(engine, 2), PAID, (f"till:{state}", 500))
    with pytest.raises(DomainError, match=f"the till says {state}") as caught:
        await completed(engine, cart)
    assert caught.value.code == "DECLINED"
    await check_books(engine, cart)
    (order,) = await orders(engine.context()).find({"cart": cart["_id"]}).to_list()
    assert order["payment"]["key"] not in BOOKS
    assert {payment["state"] for payment in payments(order)} == {"ended"}


async def test_it_comes_back_where_the_rest_is_declined(engine: Engine) -> None:
    cart = await put(engine, await ready(engine, 2), PAID)
    with pytest.raises(DomainError, match="the till says declined"):
        await completed(engine, cart, method="till:declined")
    await check_books(engine, cart)
    await completed(engine, cart)
    await check_books(engine, cart)


async def test_where_nobody_knows_of_it_the_job_lets_go_of_everything(engine: Engine) -> None:
    cart = await put(engine, await ready(engine, 2), PAID, ("till:unknown", 500))
    done = await completed(engine, cart)
    assert done.order["state"] == "PLACING"
    assert done.action is not None
    assert done.action.state == "unknown"
    await left(engine)
    assert await check_books(engine, cart) == []


async def test_what_comes_of_it_while_the_buyer_pays_the_rest_makes_no_order(
    engine: Engine,
) -> None:
    cart = await put(engine, await ready(engine, 2), PAID)
    done = await completed(engine, cart, method="till:action")
    (tender,) = done.order["further_payments"]
    await engine.hooks.notify(payment_changed, engine.context(), tender["key"])
    (order,) = await orders(engine.context()).find({"cart": cart["_id"]}).to_list()
    assert order["state"] == "PLACING"
    settle(order["payment"]["key"], "paid")
    await engine.hooks.notify(payment_changed, engine.context(), order["payment"]["key"])
    (order,) = await check_books(engine, cart)
    assert order["state"] == "CONFIRMED"


async def test_what_was_paid_first_goes_back_last(engine: Engine) -> None:
    cart = await put(engine, await ready(engine, 2), PAID)
    order = (await completed(engine, cart)).order
    await did(engine, "refundCreate", STAFF, orderId=order_id(order), amount={"amount": "20"})
    main, tender = (payment["key"] for payment in payments(order))
    assert (kept_of(main), kept_of(tender)) == (0, 490)
    await did(engine, "orderCancel", CARL, orderId=order_id(order))
    assert (kept_of(main), kept_of(tender)) == (0, 0)


async def test_what_is_to_be_paid_on_delivery_is_less_first(engine: Engine) -> None:
    cart = await put(engine, await ready(engine, 1, 1), PAID)
    order = (await completed(engine, cart, method="till:on_delivery")).order
    await did(engine, "refundCreate", STAFF, orderId=order_id(order), amount={"amount": "20"})
    tender = order["further_payments"][0]["key"]
    assert kept_of(tender) == 490


async def test_another_sum_of_it_is_another_quote(engine: Engine) -> None:
    cart = await put(engine, await ready(engine, 2), PAID)
    agreed = Agreement(quote=(await seen(engine, cart))["quoteHash"])
    cart = await put(engine, cart, ("till:paid", 999))
    wanted = Completion(agreed, method="till:paid", accepts_terms=True)
    with pytest.raises(QuoteChangedError):
        await complete(Context(engine, CARL), cart["_id"], wanted)


@pytest.mark.gate
async def test_killed_anywhere_nothing_of_it_is_lost(engine: Engine) -> None:
    step, killed, ends = 0, True, Counter[str]()
    while killed:
        step += 1
        cart = await put(engine, await ready(engine, 2), PAID, ("till:paid", 500))
        killed = False
        with killed_at(step):
            try:
                await completed(engine, cart)
            except Killed:
                killed = True
        await left(engine)
        await left(engine)
        ends["ordered" if await check_books(engine, cart) else "undone"] += 1
    assert ends["ordered"] > 5
    assert ends["undone"] > 10
