"""Returns: asked for, approved, received, paid back or refused."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mercat.context import Context
from mercat.engine import Engine
from mercat.ids import encode_id
from mercat.storage import Record
from mercat_orders.orders.access import orders, secret_of

from .conftest import EngineFor
from .market import CARL, CORA, GUEST, NOBODY
from .order_changes import (
    ANNA,
    BERT,
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
from .plugins_for_tests.till.books import BOOKS


@pytest.fixture(scope="module", name="engine")
async def made(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(TOML)


async def delivered(engine: Engine, *quantities: int, **more: Any) -> Record:
    """An order all of which has arrived."""
    order = await placed(engine, *quantities, **{"sellers": ("anna",), "stock": 10, **more})
    for index in range(len(order["seller_orders"])):
        done = await did(engine, "orderFulfil", sellerOrderId=part_id(order, index))
        parcel = done["sellerOrder"]["fulfilments"][0]["id"]
        await did(engine, "fulfilmentUpdate", id=parcel, delivered=True)
    return order


async def asked(engine: Engine, order: Record, *quantities: int, approved: bool = True) -> str:
    """The id of a return of so many of an order's lines."""
    done = await did(
        engine,
        "orderReturnRequest",
        CARL,
        orderId=order_id(order),
        lines=units(order, *quantities),
        reason="Too small",
    )
    (back,) = done["returns"]
    if approved:
        await did(engine, "returnApprove", ANNA, id=back["id"])
    return str(back["id"])


async def test_a_thing_comes_back_and_is_paid_back_with_its_share(engine: Engine) -> None:
    order = await delivered(engine, 3, prices={"EUR": 333})
    back = await asked(engine, order, 2, approved=False)
    done = await did(engine, "returnApprove", ANNA, id=back, message="Send it to Ulm")
    (found,) = done["sellerOrder"]["returns"]
    assert (found["state"], found["reason"], found["message"]) == (
        "APPROVED",
        "Too small",
        "Send it to Ulm",
    )
    done = await did(engine, "returnReceive", ANNA, id=back)
    (found,) = done["sellerOrder"]["returns"]
    assert (found["state"], found["value"]["amount"]) == ("REFUNDED", "6.66")
    (refund,) = found["refunds"]
    assert (refund["state"], refund["amount"]["amount"]) == ("DONE", "6.66")
    assert found["lines"][0]["receivedQuantity"] == found["lines"][0]["restockedQuantity"] == 2
    assert done["sellerOrder"]["lines"][0]["returnedQuantity"] == 2
    assert done["sellerOrder"]["state"] == "DELIVERED"
    assert (given_back(order), await on_hand(engine, order["lines"][0]["variant"])) == (666, 9)
    assert kinds(await stored(engine, order))[3:] == [
        *("RETURN_REQUESTED", "RETURN_APPROVED", "RETURN_RECEIVED", "REFUND_WANTED", "REFUNDED"),
    ]


async def test_a_return_of_things_of_two_sellers_is_one_for_each(engine: Engine) -> None:
    order = await delivered(engine, 2, 3, sellers=("anna", "bert"))
    done = await did(
        engine, "orderReturnRequest", CARL, orderId=order_id(order), lines=units(order, 1, 2)
    )
    assert [one["state"] for one in done["returns"]] == ["REQUESTED", "REQUESTED"]
    first, second = (one["id"] for one in done["returns"])
    for viewer, other in ((ANNA, second), (BERT, first), (CORA, first)):
        _, errors = await tried(engine, "returnApprove", viewer, id=other)
        assert errors == [("NOT_FOUND", ["id"])]
    assert await refused(engine, "returnApprove", CARL, id=first) == "FORBIDDEN"
    await did(engine, "returnApprove", BERT, id=second)
    now = await stored(engine, order)
    states = [part["returns"][0]["state"] for part in now["seller_orders"]]
    assert states == ["REQUESTED", "APPROVED"]


@pytest.mark.parametrize("quantity", [0, -1, 3, 2**31 - 1])
async def test_no_more_comes_back_than_was_delivered_and_is_not_back_yet(
    engine: Engine, quantity: int
) -> None:
    order = await delivered(engine, 3)
    await asked(engine, order, 1)
    before = await stored(engine, order)
    lines = [{"lineId": encode_id("OrderLine", order["lines"][0]["id"]), "quantity": quantity}]
    _, errors = await tried(
        engine, "orderReturnRequest", CARL, orderId=order_id(order), lines=lines
    )
    assert errors == [("QUANTITY", ["lines", "0", "quantity"])]
    assert await stored(engine, order) == before


async def test_only_what_arrived_can_come_back(engine: Engine) -> None:
    order = await placed(engine, 3, sellers=("anna",))
    whole = {"orderId": order_id(order), "lines": units(order, 1)}
    assert await refused(engine, "orderReturnRequest", CARL, **whole) == "STATE"
    done = await did(engine, "orderFulfil", sellerOrderId=part_id(order), lines=units(order, 1))
    assert await refused(engine, "orderReturnRequest", CARL, **whole) == "QUANTITY"
    parcel = done["sellerOrder"]["fulfilments"][0]["id"]
    await did(engine, "fulfilmentUpdate", id=parcel, delivered=True)
    await did(engine, "orderReturnRequest", CARL, **whole)
    assert await refused(engine, "orderReturnRequest", CARL, **whole) == "QUANTITY"


async def test_what_arrived_too_long_ago_stays(engine: Engine) -> None:
    order = await delivered(engine, 3)
    path = "seller_orders.0.fulfilments.0.delivered_at"
    for days, code in ((29, None), (31, "QUANTITY")):
        then = datetime.now(UTC) - timedelta(days=days)
        await orders(Context(engine)).update_one({"_id": order["_id"]}, {"$set": {path: then}})
        assert code == await refused(
            engine,
            "orderReturnRequest",
            CARL,
            orderId=order_id(order),
            lines=units(order, 1),
        )


async def test_a_shop_may_take_nothing_back(shared_engine_for: EngineFor) -> None:
    engine = await shared_engine_for(f"{TOML}\n[plugins.orders]\nreturn_days = 0\n")
    order = await delivered(engine, 1)
    code = await refused(
        engine, "orderReturnRequest", CARL, orderId=order_id(order), lines=units(order, 1)
    )
    assert code == "STATE"


async def test_a_refused_return_can_be_asked_for_again(engine: Engine) -> None:
    order = await delivered(engine, 1)
    back = await asked(engine, order, 1, approved=False)
    assert await refused(engine, "returnRefuse", ANNA, id=back, reason=" ") == "INVALID"
    done = await did(engine, "returnRefuse", ANNA, id=back, reason="It was worn")
    (found,) = done["sellerOrder"]["returns"]
    assert (found["state"], found["message"]) == ("REFUSED", "It was worn")
    for name in ("returnApprove", "returnReceive", "returnRefund"):
        assert await refused(engine, name, ANNA, id=back) == "STATE"
    await asked(engine, order, 1)
    assert given_back(order) == 0


async def test_of_what_arrives_some_is_sold_again_and_some_never_came(engine: Engine) -> None:
    order = await delivered(engine, 2, 3, prices={"EUR": 100})
    back = await asked(engine, order, 2, 3)
    lines = [{**one, "restock": False} for one in units(order, 1)]
    lines += [{**one, "quantity": 2} for one in units(order, 0, 1)]
    done = await did(engine, "returnReceive", ANNA, id=back, lines=lines)
    (found,) = done["sellerOrder"]["returns"]
    counts = [
        (one["quantity"], one["receivedQuantity"], one["restockedQuantity"])
        for one in found["lines"]
    ]
    assert (counts, found["value"]["amount"]) == ([(2, 1, 0), (3, 2, 2)], "3.00")
    stock = [await on_hand(engine, line["variant"]) for line in order["lines"]]
    assert stock == [8, 9]
    await asked(engine, order, 1, 1)


@pytest.mark.parametrize("quantity", [-1, 2, 2**31 - 1])
async def test_no_more_arrives_than_was_to_come(engine: Engine, quantity: int) -> None:
    order = await delivered(engine, 3)
    back = await asked(engine, order, 1)
    line = encode_id("OrderLine", order["lines"][0]["id"])
    before = await stored(engine, order)
    given = [{"lineId": line, "quantity": quantity}]
    _, errors = await tried(engine, "returnReceive", ANNA, id=back, lines=given)
    assert errors == [("QUANTITY", ["lines", "0", "quantity"])]
    nothing = [{"lineId": line, "quantity": 0}]
    assert await refused(engine, "returnReceive", ANNA, id=back, lines=nothing) == "QUANTITY"
    twice = [{"lineId": line, "quantity": 1}] * 2
    assert await refused(engine, "returnReceive", ANNA, id=back, lines=twice) == "QUANTITY"
    stranger = [{"lineId": encode_id("OrderLine", order["_id"]), "quantity": 1}]
    assert await refused(engine, "returnReceive", ANNA, id=back, lines=stranger) == "NOT_FOUND"
    assert await stored(engine, order) == before


async def test_delivery_is_paid_back_once_if_asked(engine: Engine) -> None:
    order = await delivered(engine, 2)
    first, second = await asked(engine, order, 1), await asked(engine, order, 1)
    await did(engine, "returnReceive", ANNA, id=first, refundShipping=True)
    assert given_back(order) == 1_490
    _, errors = await tried(engine, "returnReceive", ANNA, id=second, refundShipping=True)
    assert errors == [("INVALID", ["refundShipping"])]
    await did(engine, "returnReceive", ANNA, id=second)
    assert given_back(order) == order["sums"]["total"] == 2_490


async def test_the_amount_may_be_another_but_not_more_than_is_left(engine: Engine) -> None:
    order = await delivered(engine, 2)
    back = await asked(engine, order, 1)
    over = {"amount": {"amount": "24.91"}}
    _, errors = await tried(engine, "returnReceive", ANNA, id=back, **over)
    assert errors == [("AMOUNT", ["amount"])]
    below = {"amount": {"amount": "-1"}}
    assert await refused(engine, "returnReceive", ANNA, id=back, **below) == "INVALID"
    await did(engine, "returnReceive", ANNA, id=back, amount={"amount": "7.50"})
    assert given_back(order) == 750
    await did(engine, "refundCreate", orderId=order_id(order), amount={"amount": "12.00"})
    back = await asked(engine, order, 1)
    done = await did(engine, "returnReceive", id=back)
    assert done["order"]["refunded"] == done["order"]["paid"]
    assert given_back(order) == 750 + 1_200 + 540


async def test_what_arrived_can_be_paid_back_later(engine: Engine) -> None:
    order = await delivered(engine, 2)
    back = await asked(engine, order, 1)
    done = await did(engine, "returnReceive", ANNA, id=back, refund=False)
    assert done["sellerOrder"]["returns"][0]["state"] == "RECEIVED"
    assert given_back(order) == 0
    below = {"amount": "-1"}
    assert await refused(engine, "returnRefund", ANNA, id=back, amount=below) == "INVALID"
    await did(engine, "returnRefund", ANNA, id=back)
    assert given_back(order) == 1_000
    assert await refused(engine, "returnRefund", ANNA, id=back) == "STATE"


async def test_a_return_for_which_nothing_is_left_is_closed(engine: Engine) -> None:
    order = await delivered(engine, 2)
    await did(engine, "refundCreate", orderId=order_id(order), amount={"amount": "24.90"})
    for name, more in (("returnReceive", {}), ("returnRefund", {"refund": False})):
        back = await asked(engine, order, 1)
        done = await did(engine, "returnReceive", ANNA, id=back, **more)
        if name == "returnRefund":
            done = await did(engine, name, ANNA, id=back)
        (*_, found) = done["sellerOrder"]["returns"]
        assert (found["state"], found["refunds"]) == ("REFUNDED", [])
    assert given_back(order) == order["sums"]["total"]


async def test_a_return_whose_refund_failed_is_paid_back_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await delivered(engine, 2)
    back = await asked(engine, order, 1)
    book = BOOKS.pop(str(order["_id"]))
    done = await did(engine, "returnReceive", ANNA, id=back, refundShipping=True)
    (found,) = done["sellerOrder"]["returns"]
    assert (found["state"], found["refunds"]) == ("RECEIVED", [])
    BOOKS[str(order["_id"])] = book
    await did(engine, "returnRefund", ANNA, id=back, refundShipping=True)
    assert given_back(order) == 1_490


async def test_of_ten_at_once_with_one_key_one_has_an_effect(engine: Engine) -> None:
    order = await delivered(engine, 3)
    given: dict[str, Any] = {"orderId": order_id(order), "lines": units(order, 1)}
    answers = await asyncio.gather(
        *(did(engine, "orderReturnRequest", CARL, **given, idempotencyKey="k") for _ in range(10))
    )
    assert len({one["returns"][0]["id"] for one in answers}) == 1
    back = answers[0]["returns"][0]["id"]
    await did(engine, "returnApprove", ANNA, id=back)
    codes = await asyncio.gather(
        *(refused(engine, "returnReceive", ANNA, id=back) for _ in range(5)),
        *(refused(engine, "returnReceive", ANNA, id=back, idempotencyKey="k") for _ in range(5)),
    )
    assert set(codes) <= {None, "STATE"}
    now = await stored(engine, order)
    assert (now["lines"][0]["returned"], given_back(order)) == (1, 1_000)
    assert await on_hand(engine, order["lines"][0]["variant"]) == 8


async def test_a_guest_asks_with_the_secret(engine: Engine) -> None:
    order = await delivered(engine, 1, viewer=GUEST)
    given = {"orderId": order_id(order), "lines": units(order, 1)}
    assert await refused(engine, "orderReturnRequest", NOBODY, **given) == "NOT_FOUND"
    secret = secret_of(Context(engine), order)
    done = await did(engine, "orderReturnRequest", NOBODY, **given, secret=secret)
    assert done["returns"][0]["state"] == "REQUESTED"
    assert done["order"]["id"] == order_id(order)


async def test_what_was_due_on_delivery_and_comes_back_is_due_no_more(engine: Engine) -> None:
    order = await delivered(engine, 2, method="till:on_delivery")
    back = await asked(engine, order, 1)
    done = await did(engine, "returnReceive", STAFF, id=back)
    assert (done["order"]["due"]["amount"], done["order"]["refunds"]) == ("14.90", [])
    assert done["sellerOrder"]["returns"][0]["state"] == "REFUNDED"
