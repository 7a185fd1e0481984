"""Exchanges: something else for what comes back, and what lies between them is settled."""

from typing import Any

import pytest
from bson import ObjectId

from mercat.engine import Engine
from mercat.ids import encode_id
from mercat.storage import Record

from .asking import answered
from .conftest import EngineFor
from .market import CARL, in_input, offer
from .order_changes import ANNA, BERT, did, given_back, on_hand, order_id, part_id, stored, units
from .ordering import TOML, placed
from .plugins_for_tests.till.books import BOOKS
from .test_returns import delivered

BACK = """{ id state exchange { quantity variant { id } }
  exchangeLines { id quantity isWaiting cancelledQuantity } refunds { amount { amount } } }"""
REQUEST = f"""mutation ($input: OrderReturnRequestInput!) {{ orderReturnRequest(input: $input) {{
  returns {BACK} userErrors {{ code field message }} }} }}"""
APPROVE = f"""mutation ($input: ReturnApproveInput!) {{ returnApprove(input: $input) {{
  sellerOrder {{ state returns {BACK} }} userErrors {{ code field message }} }} }}"""
PAY = """mutation ($input: PaymentStartInput!) { paymentStart(input: $input) {
  order { due { amount } } userErrors { code message } } }"""


@pytest.fixture(scope="module", name="engine")
async def made(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(TOML)


async def asked(engine: Engine, query: str, viewer: Any, **given: Any) -> dict[str, Any]:
    answer = await answered(engine, query, {"input": given}, viewer=viewer)
    assert "errors" not in answer, answer["errors"]
    (payload,) = answer["data"].values()
    found: dict[str, Any] = payload
    return found


async def wished(engine: Engine, order: Record, variant: ObjectId, quantity: int = 1) -> str:
    """The id of a return of one unit, for which so many of a variant are wanted."""
    wish = {"variantId": encode_id("ProductVariant", variant), "quantity": quantity}
    payload = await asked(
        engine, REQUEST, CARL, orderId=order_id(order), lines=units(order, 1), exchange=[wish]
    )
    assert payload["userErrors"] == []
    (back,) = payload["returns"]
    assert back["exchange"] == [{"quantity": quantity, "variant": {"id": wish["variantId"]}}]
    return str(back["id"])


async def approved(engine: Engine, back: str, **given: Any) -> dict[str, Any]:
    payload = await asked(engine, APPROVE, ANNA, id=back, **given)
    assert payload["userErrors"] == []
    found: dict[str, Any] = payload["sellerOrder"]
    return found


async def sent(engine: Engine, order: Record) -> str:
    """Send all that can be sent, and deliver it; returns the part's state."""
    done = await did(engine, "orderFulfil", ANNA, sellerOrderId=part_id(order))
    parcel = done["sellerOrder"]["fulfilments"][-1]["id"]
    done = await did(engine, "fulfilmentUpdate", ANNA, id=parcel, delivered=True)
    return str(done["sellerOrder"]["state"])


@pytest.mark.parametrize("completed", [False, True])
async def test_the_same_for_the_same_costs_nothing_and_goes_once_the_other_came(
    engine: Engine, completed: bool
) -> None:
    order = await delivered(engine, 2)
    if completed:
        await did(engine, "orderComplete", orderId=order_id(order))
    thing = await offer(engine, seller="anna", stock=5)
    back = await wished(engine, order, thing)
    assert await on_hand(engine, thing) == 5
    part = await approved(engine, back)
    (line,) = part["returns"][0]["exchangeLines"]
    assert (line["isWaiting"], part["state"]) == (True, "PARTIALLY_FULFILLED")
    assert await on_hand(engine, thing) == 4
    await did(engine, "returnReceive", ANNA, id=back)
    now = await stored(engine, order)
    assert [one["waits"] for one in now["lines"]] == [False, False]
    assert (given_back(order), now["refunds"], now["waived"]) == (0, [], 1_000)
    assert await sent(engine, order) == "DELIVERED"
    assert (await stored(engine, order))["seller_orders"][0]["returns"][0]["state"] == "REFUNDED"


async def test_something_cheaper_pays_the_rest_back(engine: Engine) -> None:
    order = await delivered(engine, 2)
    thing = await offer(engine, seller="anna", prices={"EUR": 400})
    back = await wished(engine, order, thing)
    await approved(engine, back)
    await did(engine, "returnReceive", ANNA, id=back)
    assert given_back(order) == 600
    assert await sent(engine, order) == "DELIVERED"


async def test_something_dearer_waits_until_the_buyer_pays_the_difference(engine: Engine) -> None:
    order = await delivered(engine, 2)
    thing = await offer(engine, seller="anna", prices={"EUR": 1_800})
    back = await wished(engine, order, thing)
    await approved(engine, back)
    await did(engine, "returnReceive", ANNA, id=back)
    now = await stored(engine, order)
    assert [one["waits"] for one in now["lines"]] == [False, True]
    paid = await asked(engine, PAY, CARL, orderId=order_id(order), paymentMethodId="till:paid")
    assert (paid["userErrors"], paid["order"]["due"]) == ([], {"amount": "0.00"})
    (payment,) = (await stored(engine, order))["further_payments"]
    assert (BOOKS[payment["key"]].charged, given_back(order)) == (800, 0)
    assert await sent(engine, order) == "DELIVERED"


async def test_who_pays_before_sending_it_back_is_paid_back_for_that(engine: Engine) -> None:
    order = await delivered(engine, 1)
    thing = await offer(engine, seller="anna")
    back = await wished(engine, order, thing)
    await approved(engine, back)
    await asked(engine, PAY, CARL, orderId=order_id(order), paymentMethodId="till:paid")
    assert await sent(engine, order) == "DELIVERED"
    await did(engine, "returnReceive", ANNA, id=back)
    now = await stored(engine, order)
    assert sum(refund["amount"] for refund in now["refunds"]) == 1_000
    assert {refund["state"] for refund in now["refunds"]} == {"DONE"}


async def test_the_seller_may_send_something_else_at_another_price_or_nothing(
    engine: Engine,
) -> None:
    order = await delivered(engine, 2)
    thing = await offer(engine, seller="anna", stock=100)
    other = await offer(engine, seller="anna", stock=100)
    back = await wished(engine, order, thing)
    variant = encode_id("ProductVariant", other)
    part = await approved(engine, back, exchange=[{"variantId": variant, "unitPrice": "0.50"}])
    assert len(part["returns"][0]["exchangeLines"]) == 1
    assert (await on_hand(engine, thing), await on_hand(engine, other)) == (100, 99)
    assert (await stored(engine, order))["lines"][-1]["total"] == 50
    again = await wished(engine, order, thing)
    part = await approved(engine, again, exchange=[])
    assert part["returns"][1]["exchangeLines"] == []
    await did(engine, "returnReceive", ANNA, id=again)
    assert given_back(order) == 950  # the other exchange is still owed 0.50


async def test_what_was_to_be_sent_instead_stays_where_the_return_is_refused(
    engine: Engine,
) -> None:
    order = await delivered(engine, 1)
    thing = await offer(engine, seller="anna", stock=3)
    back = await wished(engine, order, thing, 2)
    await approved(engine, back)
    assert await on_hand(engine, thing) == 1
    await did(engine, "returnRefuse", ANNA, id=back, reason="It never came")
    now = await stored(engine, order)
    assert (now["lines"][-1]["cancelled"], await on_hand(engine, thing)) == (2, 3)
    assert (now["state"], now["waived"], given_back(order)) == ("DELIVERED", 2_000, 0)


async def test_what_is_sold_out_is_refused_and_the_return_stays_as_it_is(engine: Engine) -> None:
    order = await delivered(engine, 1)
    thing = await offer(engine, seller="anna", stock=1)
    back = await wished(engine, order, thing, 2)
    payload = await asked(engine, APPROVE, ANNA, id=back)
    assert [error["code"] for error in payload["userErrors"]] == ["OUT_OF_STOCK"]
    now = await stored(engine, order)
    assert now["seller_orders"][0]["returns"][0]["state"] == "REQUESTED"
    assert (len(now["lines"]), await on_hand(engine, thing)) == (1, 1)


async def test_another_sellers_things_are_no_exchange(engine: Engine) -> None:
    order = await delivered(engine, 1, 1, sellers=("anna", "bert"))
    thing, stranger = await offer(engine, seller="bert"), await offer(engine)
    for variant in (thing, stranger):
        wish = {"variantId": encode_id("ProductVariant", variant)}
        payload = await asked(
            engine, REQUEST, CARL, orderId=order_id(order), lines=units(order, 1), exchange=[wish]
        )
        (error,) = payload["userErrors"]
        assert error["code"] == "UNAVAILABLE"
    back = await wished(engine, order, await offer(engine, seller="anna"))
    wish = {"variantId": encode_id("ProductVariant", thing)}
    payload = await asked(engine, APPROVE, ANNA, id=back, exchange=[wish])
    (error,) = payload["userErrors"]
    assert (error["code"], in_input(error)) == ("UNAVAILABLE", ["exchange"])
    answer = await answered(engine, APPROVE, {"input": {"id": back}}, viewer=BERT)
    (error,) = answer["data"]["returnApprove"]["userErrors"]
    assert error["code"] == "NOT_FOUND"


async def test_an_exchange_is_approved_once_however_often_it_is_asked(engine: Engine) -> None:
    order = await placed(engine, 1, sellers=("anna",), stock=10)
    await sent(engine, order)
    thing = await offer(engine, seller="anna", stock=5)
    back = await wished(engine, order, thing)
    for _ in range(3):
        await approved(engine, back, idempotencyKey=f"approve {back}")
    assert (len((await stored(engine, order))["lines"]), await on_hand(engine, thing)) == (2, 4)
