"""Orders as they were stored before they named their payments."""

from typing import Any

import pytest

from mercat.engine import Engine
from mercat.storage import Record
from mercat.storage.migrations import migrate

from .conftest import EngineFor
from .order_changes import did, given_back, order_id, stored
from .ordering import TOML
from .test_returns import asked, delivered


@pytest.fixture(scope="module", name="engine")
async def made(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(TOML)


def as_it_was(order: Record) -> dict[str, Any]:
    """The fields of an order without what they have since."""
    gone = {"key", "amount", "is_ending", "waits", "exchange", "part"}

    def without(record: Record, names: set[str] = gone) -> Record:
        return {name: value for name, value in record.items() if name not in names}

    def back(record: Record) -> Record:
        refunds = record["refunds"]
        return {
            **without(record, {"refunds", "wishes"}),
            "refund": refunds[0] if refunds else None,
        }

    return {
        "payment": without(order["payment"]),
        "lines": [without(line) for line in order["lines"]],
        "refunds": [without(one, {"payment"}) for one in order["refunds"]],
        "timeline": [without(entry) for entry in order["timeline"]],
        "seller_orders": [
            {**part, "returns": list(map(back, part["returns"]))} for part in order["seller_orders"]
        ],
    }


async def test_orders_from_before_name_their_payments_parts_and_refunds(engine: Engine) -> None:
    order = await delivered(engine, 3, sellers=("anna",))
    for count in (1, 2):
        back = await asked(engine, order, count)
        await did(engine, "returnReceive", id=back, refund=count == 1)
    before = await stored(engine, order)
    await engine.storage.database["orders"].update_one(
        {"_id": order["_id"]}, {"$set": as_it_was(before), "$unset": {"further_payments": 1}}
    )
    own = [one for one in engine.migrations if one.id.startswith("orders/")]
    await migrate(engine.context(), own, lambda _migration, _seconds: None)
    now = await stored(engine, order)
    assert {**now, "version": before["version"]} == before
    await did(engine, "returnRefund", id=back)
    await did(engine, "refundCreate", orderId=order_id(order), amount={"amount": "0.90"})
    assert given_back(order) == 3_090
