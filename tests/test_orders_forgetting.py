"""What orders know of people is theirs to have, and goes with them once an order is over."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mercat import auth
from mercat.context import Viewer
from mercat.engine import Engine
from mercat.storage import Record
from mercat_orders.carts.personal import FIELDS
from mercat_orders.orders.access import orders
from mercat_orders.orders.forgetting import FAILED_KEPT, ErasureDocument, forget

from .asking import answered
from .conftest import EngineFor
from .market import CARL
from .ordering import TOML, placed


@pytest.fixture(scope="module", name="engine")
async def made(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(TOML)


async def stored(engine: Engine, order: Record) -> Record:
    found = await orders(engine.context()).find_one({"_id": order["_id"]})
    assert found is not None
    return found


async def state(engine: Engine, order: Record, state: str) -> None:
    await orders(engine.context()).update_one({"_id": order["_id"]}, {"$set": {"state": state}})


async def test_people_get_a_copy_of_their_orders(engine: Engine) -> None:
    viewer = Viewer(role="CUSTOMER", user="reader")
    order = await placed(engine, 2, viewer=viewer)
    await placed(engine, 1, viewer=CARL)
    (said,) = await engine.hooks.collect(auth.personal_data, engine.context(), "reader")
    assert [one["number"] for one in said["orders"]] == [order["code"]]
    (copy,) = said["orders"]
    assert (copy["email"], copy["total"]) == ("ada@example.com", "24.90 EUR")
    assert "Unter den Linden 1" in copy["shipping_address"]
    assert copy["lines"][0]["quantity"] == 2


async def test_an_order_that_is_over_forgets_who_made_it(engine: Engine) -> None:
    viewer = Viewer(role="CUSTOMER", user="leaver")
    over, going_on = [await placed(engine, 1, viewer=viewer) for _ in range(2)]
    other = await placed(engine, 1, viewer=CARL)
    await state(engine, over, "COMPLETED")
    context = engine.context()
    await engine.hooks.notify(auth.user_erased, context, "leaver")
    await engine.hooks.notify(auth.user_erased, context, "leaver")
    assert [(await stored(engine, over))[name] for name in FIELDS] == [None] * 4
    assert (await stored(engine, over))["email_digest"] == ""
    for order in (going_on, other):
        found = await stored(engine, order)
        assert None not in (found["email"], found["shipping_address"])
    await state(engine, going_on, "CANCELLED")
    await forget(context)
    assert [(await stored(engine, going_on))[name] for name in FIELDS] == [None] * 4
    assert (await stored(engine, other))["email"] is not None
    assert await engine.storage.collection(ErasureDocument).count_documents({}) == 0


async def test_checkouts_that_came_to_nothing_are_forgotten_after_a_month(engine: Engine) -> None:
    fresh, old, ending, order = [await placed(engine, 1) for _ in range(4)]
    past = datetime.now(UTC) - FAILED_KEPT - timedelta(days=1)
    for found, values in (
        (fresh, {"state": "FAILED"}),
        (old, {"state": "FAILED", "updated_at": past}),
        (ending, {"state": "FAILED", "updated_at": past, "payment.state": "ENDING"}),
        (order, {"updated_at": past}),
    ):
        await orders(engine.context()).update_one({"_id": found["_id"]}, {"$set": values})
    await forget(engine.context())
    keys = [fresh["_id"], old["_id"], ending["_id"], order["_id"]]
    left = await orders(engine.context()).find({"_id": {"$in": keys}}).to_list()
    assert {each["_id"] for each in left} == {fresh["_id"], ending["_id"], order["_id"]}


async def test_an_order_without_its_buyer_is_still_shown(engine: Engine) -> None:
    viewer = Viewer(role="CUSTOMER", user="gone")
    order = await placed(engine, 1, viewer=viewer)
    await state(engine, order, "COMPLETED")
    await engine.hooks.notify(auth.user_erased, engine.context(), "gone")
    asked = """query ($number: String) { order(number: $number) { number buyer { email phone }
      shippingAddress { name } billingAddress { name } totals { total { amount } } } }"""
    staff: Any = Viewer(role="SUPPORT", permissions=frozenset({"orders.read"}), user="sam")
    answer = await answered(engine, asked, {"number": order["code"]}, viewer=staff)
    assert answer["data"]["order"] == {
        "number": order["code"],
        "buyer": {"email": None, "phone": None},
        "shippingAddress": None,
        "billingAddress": None,
        "totals": {"total": {"amount": "14.90"}},
    }
