"""The simulated company's messages: late, twice, out of order, or never; and over HTTP."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from mercat.engine import Engine
from mercat_payments_sandbox import sending
from mercat_payments_sandbox.signing import signed, written

from .banking import events
from .conftest import EngineFor, until
from .order_changes import did, order_id
from .simulating import (
    SECRET,
    TABLE,
    TOML,
    Buyer,
    books,
    deliver,
    order,
    pass_seconds,
    payment,
    press,
)
from .test_payments_sandbox import buyer, http, shop

pytestmark = pytest.mark.gate

__all__ = ["buyer", "http", "shop"]


async def told(engine: Engine) -> list[str]:
    """The kinds of events of the messages that came and weren't looked at, in order."""
    rows = engine.storage.database["outbox"].find({"hook": "payment_events"}).sort("_id", 1)
    return [kind for row in await rows.to_list() for kind in _kinds(row)]


def _kinds(row: Any) -> list[str]:
    text = json.dumps(row, default=str)
    return [kind for kind in ("authorized", "captured", "refunded", "failed") if kind in text]


@pytest.mark.parametrize(
    ("messages", "now", "later"),
    [
        ("at_once", ["authorized", "captured"], []),
        ("late", [], ["authorized", "captured"]),
        ("twice", ["authorized", "authorized", "captured", "captured"], []),
        ("out_of_order", ["captured"], ["authorized"]),
        ("none", [], []),
    ],
)
async def test_messages_come_as_they_were_chosen_and_count_once(
    shop: Engine, buyer: Buyer, messages: str, now: list[str], later: list[str]
) -> None:
    await press(buyer.http, await buyer.begins(), "pay", messages)
    await pass_seconds(shop, 9)
    assert await told(shop) == now
    await deliver(shop)
    await pass_seconds(shop, 1)
    assert await told(shop) == later
    await deliver(shop)
    total = (await order(shop))["sums"]["total"]
    assert await books(shop) == ((0, total, 0) if now or later else (0, 0, 0))
    assert (await order(shop))["state"] == ("CONFIRMED" if now or later else "PLACING")
    assert (await payment(shop))["messages"] == []
    await buyer.state()
    assert await events(shop, str((await order(shop))["_id"])) == ["authorized", "captured"]


async def test_a_late_message_outlives_the_engine_that_was_to_send_it(
    shop: Engine, buyer: Buyer, engine_for: EngineFor
) -> None:
    await press(buyer.http, await buyer.begins(), "pay", "late")
    await shop.stop()
    other = await engine_for(TOML, plugins=TABLE)
    await pass_seconds(other, 10)
    await deliver(other)
    assert (await order(other))["state"] == "CONFIRMED"


async def test_the_engine_sends_and_takes_them_by_itself(
    engine_for: EngineFor, shop: Engine, buyer: Buyer
) -> None:
    await press(buyer.http, await buyer.begins(), "pay", "late")
    past = datetime.now(UTC) - timedelta(seconds=1)
    await shop.storage.database["sandbox_payments"].update_one(
        {}, {"$set": {"due_at": past, "messages.$[].due_at": past}}
    )
    working = await engine_for(TOML, plugins=TABLE, work=True)

    async def is_confirmed() -> bool:
        return bool((await order(working))["state"] == "CONFIRMED")

    await until(is_confirmed)


async def test_a_message_that_could_not_be_sent_is_sent_again(
    shop: Engine, buyer: Buyer, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    page = await buyer.begins()

    async def broken(*_: Any) -> None:
        raise RuntimeError(SECRET)

    with monkeypatch.context() as patch:
        patch.setattr("mercat_payments.inbox.receive", broken)
        answer = await press(buyer.http, page, "pay")
        assert answer.status_code == 303, "it is paid all the same"
        await sending.come_due(shop.context())
    assert len((await payment(shop))["messages"]) == 2
    assert "its messages wait: RuntimeError" in caplog.text
    assert SECRET not in caplog.text
    await sending.come_due(shop.context())
    await deliver(shop)
    assert (await order(shop))["state"] == "CONFIRMED"


async def test_a_decline_at_once_is_told_too_and_changes_nothing(
    shop: Engine, buyer: Buyer
) -> None:
    buyer.data = {"outcome": "decline"}
    assert await buyer.state() == "DECLINED"
    await pass_seconds(shop, 60)
    assert await told(shop) == ["failed"]
    assert (await payment(shop))["messages"] == []


@pytest.mark.parametrize(("messages", "count"), [("at_once", 1), ("twice", 2), ("none", 0)])
async def test_refunds_are_told_of_as_the_payment_was(
    shop: Engine, buyer: Buyer, messages: str, count: int
) -> None:
    buyer.data = {"outcome": "approve", "messages": messages}
    assert await buyer.state() == "CONFIRMED"
    await pass_seconds(shop, 60)
    await deliver(shop)
    placed = await order(shop)
    given = {"amount": {"amount": "1", "currency": "EUR"}, "idempotencyKey": "r"}
    await did(shop, "refundCreate", orderId=order_id(placed), reason="scratched", **given)
    await pass_seconds(shop, 0)
    assert await told(shop) == ["refunded"] * count
    await deliver(shop)
    assert await books(shop) == (0, placed["sums"]["total"], 100)


@pytest.mark.parametrize(
    ("secret", "minutes", "status"),
    [(SECRET, 0, 200), (SECRET, -6, 400), ("somebody else's secret", 0, 400)],
)
async def test_over_http_only_what_the_company_signed_just_now_is_taken(
    shop: Engine,
    buyer: Buyer,
    http: httpx.AsyncClient,
    secret: str,
    minutes: int,
    status: int,
) -> None:
    await press(http, await buyer.begins(), "pay", "none")
    record = await payment(shop)
    raw = written(record, record["events"][1], "shop")
    at = int(datetime.now(UTC).timestamp()) + minutes * 60
    headers = signed(secret.encode(), raw, at)
    answer = await http.post("/payments/sandbox/webhook", content=raw, headers=headers)
    assert answer.status_code == status
    await deliver(shop)
    assert (await order(shop))["state"] == ("CONFIRMED" if status == 200 else "PLACING")
