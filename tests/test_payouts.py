"""What sellers are owed: when it is earned, when it is due, and how it is paid by a file."""

import asyncio
import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from mercat.app import create_app
from mercat.engine import Engine
from mercat.errors import BootError, ForbiddenError
from mercat.storage import Record
from mercat_orders.orders.access import orders
from mercat_payouts.entries import Balance
from mercat_payouts.exporting import exported
from mercat_payouts.looking import look, sweep
from mercat_payouts.runs import run
from mercat_payouts.settling import Adjustment, adjust, mark_failed, mark_paid
from mercat_payouts.splitting import splits

from .conftest import EngineFor, until
from .order_changes import STAFF, did, order_id, part_id, units
from .paying_out import (
    TOML,
    as_system,
    balance,
    count_of_entries,
    emptied,
    given_back,
    kinds,
    looked_at,
    paid_out,
    sent,
    sold,
    split_of,
    toml_of,
)


@pytest.fixture
async def shop(shared_engine_for: EngineFor) -> Engine:
    return await emptied(await shared_engine_for(TOML))


async def test_a_share_is_earned_when_paid_and_due_when_sent(shop: Engine) -> None:
    order = await sold(shop, 2, 1, sellers=("anna", "bert"))
    await looked_at(shop, order)
    assert await balance(shop) == Balance(pending=2_490 - 200)
    assert await kinds(shop) == [("EARNED", 2_490), ("COMMISSION", -200)]
    await sent(shop, order)
    assert await balance(shop) == Balance(available=2_290)
    assert await balance(shop, "bert") == Balance(pending=1_390)
    before = await count_of_entries(shop)
    await asyncio.gather(*(looked_at(shop, order) for _ in range(5)))
    assert await count_of_entries(shop) == before


async def test_what_is_not_paid_yet_is_not_earned(shop: Engine) -> None:
    order = await sold(shop, method="till:on_delivery")
    await sent(shop, order)
    assert await balance(shop) == Balance()
    assert await kinds(shop) == []


async def test_an_order_of_the_shop_alone_leaves_no_trace(shop: Engine) -> None:
    order = await sold(shop, sellers=(None,))
    await sent(shop, order)
    assert await split_of(shop, order) is None
    mixed = await sold(shop, 1, 1, sellers=(None, "carl"))
    await looked_at(shop, mixed)
    assert await balance(shop, "carl") == Balance(pending=1_390)
    assert await balance(shop, "None") == Balance()


async def test_a_refund_is_written_down_once_whoever_hears_of_it(shop: Engine) -> None:
    order = await sold(shop, 2)
    await sent(shop, order)
    await given_back(shop, order, "12.45", 0)
    assert await balance(shop) == Balance(available=1_245 - 100)
    assert (await kinds(shop))[3:] == [
        ("REFUNDED", -1_245),
        ("COMMISSION_BACK", 100),
        ("DUE", -1_145),
    ]
    await given_back(shop, order, "12.45")
    assert await balance(shop) == Balance()


async def test_a_cancelled_line_is_not_earned(shop: Engine) -> None:
    order = await sold(shop, 3)
    await looked_at(shop, order)
    lines = units(order, 1)
    await did(shop, "orderCancel", STAFF, orderId=order_id(order), lines=lines)
    await looked_at(shop, order)
    assert await balance(shop) == Balance(pending=2_490 - 200)
    await did(shop, "orderCancel", STAFF, orderId=order_id(order))
    await looked_at(shop, order)
    assert await balance(shop) == Balance()


async def test_an_order_that_was_read_long_ago_changes_nothing(
    shop: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await sold(shop, 2)
    await sent(shop, order)
    await given_back(shop, order, "5", 0)
    after = await balance(shop)

    class Old:
        async def find_one(self, _: object) -> Record:
            return order

    with monkeypatch.context() as patch:
        patch.setattr("mercat_payouts.splitting.orders", lambda _: Old())
        await looked_at(shop, order)
    assert await balance(shop) == after


async def test_what_is_held_back_is_due_later(engine_for: EngineFor) -> None:
    shop = await engine_for(toml_of(due="delivery", hold_days=14))
    order = await sold(shop)
    await did(shop, "orderFulfil", STAFF, sellerOrderId=part_id(order))
    found = await orders(shop.context()).find_one({"_id": order["_id"]})
    assert found is not None
    parcel = found["seller_orders"][0]["fulfilments"][0]["id"]
    await looked_at(shop, order)
    split = await split_of(shop, order)
    assert split is not None
    assert split["look_at"] is None
    past = datetime.now(UTC) - timedelta(days=14)
    given = {
        "state": "DELIVERED",
        "seller_orders.0.state": "DELIVERED",
        "seller_orders.0.delivered_at": past + timedelta(minutes=1),
    }
    await orders(shop.context()).update_one(
        {"seller_orders.fulfilments.id": parcel}, {"$set": given, "$inc": {"version": 1}}
    )
    await looked_at(shop, order)
    assert await balance(shop) == Balance(pending=1_390)
    split = await split_of(shop, order)
    assert split is not None
    assert timedelta(0) < split["look_at"] - datetime.now(UTC) <= timedelta(minutes=1)
    await orders(shop.context()).update_one(
        {"_id": order["_id"]}, {"$set": {"seller_orders.0.delivered_at": past}}
    )
    await splits(shop.context()).update_one({"_id": order["_id"]}, {"$set": {"look_at": past}})
    await look(shop.context())
    assert await balance(shop) == Balance(available=1_390)


async def test_the_sweep_finds_what_nobody_told_of(shop: Engine) -> None:
    order = await sold(shop)
    await sweep(shop.context())
    assert await balance(shop) == Balance(pending=1_390)
    await did(shop, "orderFulfil", STAFF, sellerOrderId=part_id(order))
    await sweep(shop.context())
    assert await balance(shop) == Balance(available=1_390)


async def test_the_outbox_tells_of_what_changes(engine_for: EngineFor) -> None:
    shop = await engine_for(TOML, work=True)
    order = await sold(shop)
    await did(shop, "orderFulfil", STAFF, sellerOrderId=part_id(order))

    async def is_due() -> bool:
        return await balance(shop) == Balance(available=1_390)

    await until(is_due)


async def test_orders_before_the_first_day_do_not_count(engine_for: EngineFor) -> None:
    shop = await engine_for(toml_of(since="2100-01-01"))
    order = await sold(shop)
    await looked_at(shop, order)
    assert await split_of(shop, order) is None


async def test_a_run_pays_what_is_available_once(shop: Engine) -> None:
    for sellers in (("anna", "bert"), ("anna",)):
        order = await sold(shop, 1, 1, sellers=sellers)
        await sent(shop, order)
    made = await run(as_system(shop), "may")
    assert [(one["seller"], one["amount"]) for one in made.payouts] == [("anna", 1_390 + 2_290)]
    assert await balance(shop) == Balance(in_transit=3_680)
    again = await run(as_system(shop), "may")
    assert [one["_id"] for one in again.payouts] == [one["_id"] for one in made.payouts]
    assert (await run(as_system(shop), "june")).payouts == []
    (payout,) = made.payouts
    await mark_paid(as_system(shop), payout["_id"], "bank 17")
    await mark_paid(as_system(shop), payout["_id"], "bank 17")
    assert await balance(shop) == Balance(paid=3_680)
    with pytest.raises(ForbiddenError):
        await run(shop.context(STAFF), "x")


async def test_a_payout_that_failed_is_available_again(shop: Engine) -> None:
    order = await sold(shop)
    await sent(shop, order)
    (payout,) = (await run(as_system(shop), "1")).payouts
    await mark_failed(as_system(shop), payout["_id"], "no such account")
    assert await balance(shop) == Balance(available=1_390)
    (again,) = (await run(as_system(shop), "2")).payouts
    assert again["amount"] == 1_390
    rows = list(csv.DictReader(io.StringIO(await exported(as_system(shop), again["run"]))))
    assert [(row["amount"], row["sales"], row["carried_over"]) for row in rows] == [
        ("13.90", "0.00", "13.90")
    ]


async def test_a_refund_after_the_payout_is_set_off_against_the_next(shop: Engine) -> None:
    first = await sold(shop)
    await sent(shop, first)
    (payout,) = (await run(as_system(shop), "1")).payouts
    await mark_paid(as_system(shop), payout["_id"], "")
    await given_back(shop, first, "14.90", 0)
    assert await balance(shop) == Balance(available=-1_390, paid=1_390)
    assert (await run(as_system(shop), "2")).payouts == []
    second = await sold(shop, 2)
    await sent(shop, second)
    (payout,) = (await run(as_system(shop), "3")).payouts
    assert payout["amount"] == 2_290 - 1_390
    (row,) = csv.DictReader(io.StringIO(await exported(as_system(shop), payout["run"])))
    assert (row["sales"], row["commission"], row["carried_over"]) == ("10.00", "-1.00", "0.00")


async def test_an_adjustment_counts_once(shop: Engine) -> None:
    for _ in range(2):
        await adjust(as_system(shop), "anna", Adjustment("-5", "EUR", "for us"), "k")
    await adjust(as_system(shop), "anna", Adjustment("8", "EUR", "thanks"), "l")
    assert await balance(shop) == Balance(available=300)
    (payout,) = (await run(as_system(shop), "1")).payouts
    assert (payout["amount"], payout["adjusted"]) == (300, 300)


async def test_two_runs_at_once_pay_once(shop: Engine) -> None:
    for seller in ("anna", "bert", "carl"):
        await sent(shop, await sold(shop, sellers=(seller,)))
    await asyncio.gather(*(run(as_system(shop), f"run {number}") for number in range(4)))
    found = await paid_out(shop)
    assert sorted(one["seller"] for one in found) == ["anna", "bert", "carl"]
    assert {one["amount"] for one in found} == {1_390}
    assert await balance(shop, "bert") == Balance(in_transit=1_390)


async def test_a_refund_against_a_run_loses_nothing(shop: Engine) -> None:
    for number in range(6):
        order = await sold(shop)
        await sent(shop, order)
        before = await balance(shop)
        await asyncio.gather(
            run(as_system(shop), f"run {number}"), given_back(shop, order, "14.90", 0)
        )
        after = await balance(shop)
        assert after.pending == 0
        assert after.available + after.in_transit == before.available + before.in_transit - 1_390


async def test_a_provider_that_is_not_there_stops_the_boot(engine_for: EngineFor) -> None:
    engine = await engine_for(toml_of(provider="stripe"))
    with pytest.raises(BootError, match="there is no 'stripe'; known: ledger"):
        create_app(engine)
