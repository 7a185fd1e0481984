"""Whole checkouts that the simulated company has paid, by its page and by programs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from mercat.context import Context
from mercat.engine import Engine
from mercat.errors import NotFoundError
from mercat.ids import encode_id, key_of
from mercat_payments.settling import ask_again
from mercat_payments.watching import updates
from mercat_payments_sandbox.provider import OUTCOMES
from mercat_products.stock.reservations import release

from .banking import make_due
from .buying import request
from .conftest import EngineFor
from .market import CORA, offer
from .order_changes import did, order_id
from .plugins_for_tests.stocktaking.shop import figures
from .simulating import (
    BACK,
    TABLE,
    TOML,
    Buyer,
    books,
    client_of,
    deliver,
    heading,
    job_runs,
    order,
    pass_seconds,
    payment,
    press,
)

CODE = "123456"


@pytest.fixture
async def shop(engine_for: EngineFor) -> Engine:
    return await engine_for(TOML, plugins=TABLE)


@pytest.fixture
async def http(shop: Engine) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(shop) as client:
        yield client


@pytest.fixture
async def buyer(shop: Engine, http: httpx.AsyncClient) -> Buyer:
    return Buyer(http, await offer(shop, stock=1))


async def test_it_is_offered_beside_the_other_ways(shop: Engine, buyer: Buyer) -> None:
    await buyer.completes()
    query = """mutation ($input: CartCreateInput!) { cartCreate(input: $input) {
      cart { paymentMethods { id name } } } }"""
    lines = [{"variantId": encode_id("ProductVariant", buyer.thing), "quantity": 1}]
    asked = {"query": query, "variables": {"input": {"lines": lines}}}
    answer = (await buyer.http.post("/graphql", json=asked)).json()
    found = answer["data"]["cartCreate"]["cart"]["paymentMethods"]
    assert [method["id"] for method in found] == [
        *("manual:on_delivery", "sandbox:card", "sandbox:authorize"),
    ]
    assert all("simulated" in method["name"] for method in found[1:])


async def test_an_order_is_paid_by_the_page(shop: Engine, buyer: Buyer) -> None:
    page = await buyer.begins()
    answer = await press(buyer.http, page, "pay")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{BACK}&payment=approved"
    assert await buyer.state() == "CONFIRMED"
    total = (await order(shop))["sums"]["total"]
    assert await books(shop) == (0, total, 0)
    assert await figures(shop, buyer.thing) == (0, 0)


async def test_an_order_whose_buyer_never_comes_back_is_placed_by_the_message(
    shop: Engine, buyer: Buyer
) -> None:
    await press(buyer.http, await buyer.begins(), "pay")
    assert (await order(shop))["state"] == "PLACING"
    await deliver(shop)
    assert (await order(shop))["state"] == "CONFIRMED"


async def test_a_payment_that_is_only_authorized_places_the_order(
    shop: Engine, buyer: Buyer
) -> None:
    buyer.method = "sandbox:authorize"
    await press(buyer.http, await buyer.begins(), "pay")
    assert await buyer.state() == "CONFIRMED"
    total = (await order(shop))["sums"]["total"]
    assert await books(shop) == (total, 0, 0)


@pytest.mark.parametrize(
    ("button", "said", "words"),
    [
        ("decline", "declined", "The card was declined. Nothing was taken."),
        ("cancel", "cancelled", "You cancelled the payment."),
    ],
)
async def test_a_payment_that_is_not_made_opens_the_cart_again(
    shop: Engine, buyer: Buyer, button: str, said: str, words: str
) -> None:
    answer = await press(buyer.http, await buyer.begins(), button)
    assert answer.headers["location"] == f"{BACK}&payment={said}"
    payload = await buyer.completes()
    assert payload["order"] is None
    assert [(error["code"], error["message"]) for error in payload["userErrors"]] == [
        ("DECLINED", words)
    ]
    assert await figures(shop, buyer.thing) == (1, 0)


async def test_3d_secure_lets_the_right_code_pay_once(shop: Engine, buyer: Buyer) -> None:
    page = await buyer.begins()
    answer = await press(buyer.http, page, "secure")
    assert answer.headers["location"] == page
    assert heading(await buyer.http.get(page)) == "3-D Secure"
    assert await buyer.state() is None, "it still waits for the buyer"
    for _ in range(2):
        answer = await press(buyer.http, page, "confirm", code=f" {CODE}")
        assert answer.headers["location"] == f"{BACK}&payment=approved"
    assert await buyer.state() == "CONFIRMED"
    assert [event["kind"] for event in (await payment(shop))["events"]] == [
        *("authorized", "captured"),
    ]


async def test_3d_secure_declines_after_three_wrong_codes(shop: Engine, buyer: Buyer) -> None:
    page = await buyer.begins()
    await press(buyer.http, page, "secure")
    for code, left in (("654321", 2), ("654321", 2), ("654320", 1)):
        answer = await press(buyer.http, page, "confirm", code=code)
        assert answer.headers["location"] == page
        assert f"Tries left: {left}" in (await buyer.http.get(page)).text
    answer = await press(buyer.http, page, "confirm", code="")
    assert answer.headers["location"] == f"{BACK}&payment=declined"
    await press(buyer.http, page, "confirm", code=CODE)
    assert await buyer.state() == "DECLINED"
    assert (await payment(shop))["captured"] == 0


async def test_a_payment_that_timed_out_is_settled_by_its_message(
    shop: Engine, buyer: Buyer
) -> None:
    answer = await press(buyer.http, await buyer.begins(), "timeout")
    assert answer.headers["location"] == f"{BACK}&payment=processing"
    assert await buyer.state() == "PENDING"
    await pass_seconds(shop, 4)
    await deliver(shop)
    assert (await order(shop))["state"] == "PENDING"
    await pass_seconds(shop, 1)
    await deliver(shop)
    assert (await order(shop))["state"] == "CONFIRMED"


async def test_without_a_message_the_job_finds_out(shop: Engine, buyer: Buyer) -> None:
    await press(buyer.http, await buyer.begins(), "pay", "none")
    await pass_seconds(shop, 60)
    await deliver(shop)
    assert (await order(shop))["state"] == "PLACING"
    await job_runs(shop)
    assert (await order(shop))["state"] == "CONFIRMED"


async def test_a_page_that_is_left_is_abandoned(shop: Engine, buyer: Buyer) -> None:
    page = await buyer.begins()
    await pass_seconds(shop, 29 * 60)
    assert (await buyer.http.get(page)).text.count("<button") == 5
    await pass_seconds(shop, 60)
    assert heading(await buyer.http.get(page)) == "Too late"
    await press(buyer.http, page, "pay")
    await deliver(shop)
    assert (await order(shop))["failure"]["code"] == "DECLINED"
    assert [event["kind"] for event in (await payment(shop))["events"]] == ["failed"]


async def test_what_was_paid_goes_back_in_parts_and_whole(shop: Engine, buyer: Buyer) -> None:
    await press(buyer.http, await buyer.begins(), "pay")
    assert await buyer.state() == "CONFIRMED"
    placed = await order(shop)
    total = placed["sums"]["total"]
    given = {"amount": {"amount": "2.50", "currency": "EUR"}, "idempotencyKey": "r1"}
    await did(shop, "refundCreate", orderId=order_id(placed), reason="scratched", **given)
    assert await books(shop) == (0, total, 250)
    await did(shop, "orderCancel", orderId=order_id(placed), reason="wanted no more")
    assert await books(shop) == (0, total, total)
    assert (await payment(shop))["refunded"] == total
    await deliver(shop)
    assert await books(shop) == (0, total, total), "the messages tell what is known"


async def test_an_order_that_sold_out_while_it_was_paid_gets_its_money_back(
    shop: Engine, buyer: Buyer
) -> None:
    page = await buyer.begins()
    await release(shop.context(), str((await order(shop))["_id"]))
    faster = Buyer(buyer.http, buyer.thing, data={"outcome": "approve"})
    assert await faster.state() == "CONFIRMED"
    await press(buyer.http, page, "pay")
    await deliver(shop)
    await job_runs(shop)
    assert await buyer.state() == "OUT_OF_STOCK"
    paid, other = await shop.storage.database["sandbox_payments"].find().sort("_id", 1).to_list()
    assert paid["captured"] == paid["refunded"] == other["captured"] > 0
    assert other["refunded"] == 0


@pytest.mark.parametrize(("outcome", "state"), [("approve", "CONFIRMED"), ("decline", "DECLINED")])
async def test_a_program_pays_in_one_call(buyer: Buyer, outcome: str, state: str) -> None:
    buyer.data = {"outcome": outcome}
    assert await buyer.state() == state


async def test_a_program_answers_3d_secure(buyer: Buyer) -> None:
    payload = await buyer.completes(outcome="three_d_secure")
    assert payload["action"]["kind"] == "REDIRECT"
    payload = await buyer.completes(code="000000")
    assert payload["action"]["message"] == "That was not the right code."
    payload = await buyer.completes(code=CODE)
    assert payload["order"]["state"] == "CONFIRMED"


@pytest.mark.parametrize("outcome", ["timeout", "unknown"])
async def test_what_nobody_knows_is_found_out_and_paid_once(
    shop: Engine, buyer: Buyer, outcome: str
) -> None:
    buyer.data = {"outcome": outcome}
    payload = await buyer.completes()
    assert (payload["order"], payload["action"]["kind"]) == (None, "WAIT")
    await pass_seconds(shop, 6)
    await make_due(shop, str((await order(shop))["_id"]))
    await ask_again(shop.context())
    await deliver(shop)
    found = await order(shop)
    assert found["state"] == "CONFIRMED"
    assert (await payment(shop))["captured"] == found["sums"]["total"]


async def test_what_the_sandbox_does_not_have_is_declined(shop: Engine, buyer: Buyer) -> None:
    payload = await buyer.completes(outcome="<b>maybe")
    assert [error["message"] for error in payload["userErrors"]] == [
        f"The sandbox's 'outcome' is one of {', '.join(OUTCOMES)}."
    ]
    assert await shop.storage.database["sandbox_payments"].count_documents({}) == 0


async def test_the_request_of_the_documentation_is_understood(buyer: Buyer) -> None:
    text = (Path(__file__).parents[1] / "docs" / "payments-sandbox.md").read_text()
    document = text.partition("```graphql\n")[2].partition("```")[0]
    cart = request(buyer.thing)["variables"]["input"]["cart"]
    asked = {"query": document, "variables": {"cart": cart}}
    found = (await buyer.http.post("/graphql", json=asked)).json()
    assert found["data"]["checkoutComplete"]["order"]["state"] == "CONFIRMED"


RESUME = """mutation ($input: PaymentResumeInput!) { paymentResume(input: $input) {
  order { number paymentState payments { state } } secret action { kind }
  userErrors { code } } }"""


async def resumed(buyer: Buyer, payment_id: str, secret: str | None) -> dict[str, Any]:
    given = {"paymentId": payment_id, "secret": secret}
    asked = {"query": RESUME, "variables": {"input": given}}
    answer = (await buyer.http.post("/graphql", json=asked)).json()
    found: dict[str, Any] = answer["data"]["paymentResume"]
    return found


async def test_a_page_that_knows_the_payment_alone_goes_on_with_it(
    shop: Engine, buyer: Buyer
) -> None:
    payload = await buyer.completes()
    payment_id, secret = payload["action"]["paymentId"], payload["secret"]
    found = await resumed(buyer, payment_id, secret)
    assert (found["order"], found["action"]) == (None, {"kind": "REDIRECT"})
    await press(buyer.http, urlsplit(payload["action"]["url"]).path, "pay")
    for wrong in (None, "x", f"{secret}x"):
        assert (await resumed(buyer, payment_id, wrong))["userErrors"] == [{"code": "NOT_FOUND"}]
    assert (await order(shop))["state"] == "PLACING"
    for _ in range(2):
        found = await resumed(buyer, payment_id, secret)
        assert found["order"]["paymentState"] == "PAID"
        assert (found["order"]["payments"], found["secret"]) == ([{"state": "PAID"}], secret)
    assert (await buyer.completes())["order"]["number"] == found["order"]["number"]


async def test_a_declined_payment_is_told_to_who_goes_on_with_it(
    shop: Engine, buyer: Buyer
) -> None:
    payload = await buyer.completes()
    await press(buyer.http, urlsplit(payload["action"]["url"]).path, "decline")
    found = await resumed(buyer, payload["action"]["paymentId"], payload["secret"])
    assert (found["order"], found["userErrors"]) == (None, [{"code": "DECLINED"}])


async def test_a_payment_is_followed_before_there_is_an_order(shop: Engine, buyer: Buyer) -> None:
    payload = await buyer.completes()
    key = key_of(payload["action"]["paymentId"], "Payment")
    news = updates(shop.context(), key, payload["secret"])
    async with contextlib.aclosing(news):
        assert (await anext(news))["state"] == "action"
        await press(buyer.http, urlsplit(payload["action"]["url"]).path, "pay")
        await deliver(shop)
        async with asyncio.timeout(10):
            assert (await anext(news))["state"] == "paid"
    stranger = updates(Context(shop, CORA), key, "x")
    with pytest.raises(NotFoundError):
        await anext(stranger)
