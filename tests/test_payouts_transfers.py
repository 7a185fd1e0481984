"""Sellers who are paid by a provider: transfers once each, and what is taken back of them."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId

from mercat.engine import Engine
from mercat.payouts import OutcomeUnknown, PayoutCapabilities, Ready, Unsupported
from mercat_payouts.accounts import accounts, ask_for_news
from mercat_payouts.entries import Balance, balances, payouts
from mercat_payouts.errors import StateError
from mercat_payouts.looking import look
from mercat_payouts.providers import providers_of
from mercat_payouts.reversing import reversals
from mercat_payouts.settling import mark_failed, mark_paid
from mercat_payouts.splitting import net, splits
from mercat_payouts.transferring import ask_again

from .conftest import EngineFor
from .paying_out import (
    as_system,
    balance,
    emptied,
    given_back,
    looked_at,
    paid_out,
    sent,
    sold,
    split_of,
    toml_of,
)
from .plugins_for_tests.remitter.company import COMPANY, SECRET, Company

TOML = toml_of("tests.plugins_for_tests.remitter", due="fulfilment", provider="remitter")


@pytest.fixture(autouse=True)
def company() -> Company:
    COMPANY.forget()
    return COMPANY


@pytest.fixture
async def shop(shared_engine_for: EngineFor) -> Engine:
    return await emptied(await shared_engine_for(TOML))


async def ready(engine: Engine, seller: str = "anna") -> None:
    """The seller has an account that can be paid."""
    ref = f"acct-{seller}"
    COMPANY.accounts[ref] = Ready(ref)
    await accounts(engine.context()).insert_one(
        {
            "_id": seller,
            "provider": "remitter",
            "state": "READY",
            "ref": ref,
            **dict.fromkeys(("details", "url", "expires_at")),
            "missing": [],
            "message": "",
            "updated_at": datetime.now(UTC),
            "version": 1,
        }
    )


async def held(engine: Engine, seller: str = "anna") -> Balance:
    return await balance(engine, seller, "remitter")


async def make_due(engine: Engine) -> None:
    """Have the job ask again at once."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    for collection in (payouts(engine.context()), reversals(engine.context())):
        await collection.update_many({"ask_at": {"$ne": None}}, {"$set": {"ask_at": past}})
    await ask_again(engine.context())


async def look_now(engine: Engine) -> None:
    """Have every split looked at, whatever it waits for."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    async for split in splits(engine.context()).find({}):
        parts = [{**part, "retry_at": None} for part in split["parts"]]
        await splits(engine.context()).update_one(
            {"_id": split["_id"]}, {"$set": {"look_at": past, "parts": parts}}
        )
    await look(engine.context())


async def check(engine: Engine, seller: str = "anna") -> None:
    """What the company moved is what is written down, and nothing is owed or asked for."""
    await make_due(engine)
    found = await held(engine, seller)
    assert found.paid == COMPANY.has(f"acct-{seller}")
    assert found.in_transit == 0
    record = await balances(engine.context()).find_one({"_id": f"remitter:{seller}:EUR"})
    assert record is not None
    due = sent = 0
    async for split in splits(engine.context()).find({}):
        for part in split["parts"]:
            if part["seller"] == seller:
                due, sent = due + net(part["due"]), sent + part["sent"]
    assert found.available == due - sent - record["debt"]


async def test_hook_payout_providers(shop: Engine) -> None:
    codes = [one.code for one in providers_of(shop.context()).all()]
    assert codes == ["ledger", "remitter"]


async def test_a_part_that_is_due_is_transferred_once(shop: Engine) -> None:
    await ready(shop)
    order = await sold(shop, 2, 1, sellers=("anna", "bert"))
    await asyncio.gather(*(sent(shop, order) for _ in range(1)))
    await asyncio.gather(*(looked_at(shop, order) for _ in range(5)))
    assert await held(shop) == Balance(paid=2_290)
    assert COMPANY.has("acct-anna") == 2_290
    ((_, request),) = [call for call in COMPANY.calls if call[0] == "transfer"]
    assert (request.account, request.order_number) == ("acct-anna", order["code"])
    assert await held(shop, "bert") == Balance(pending=1_390)


async def test_an_answer_that_was_lost_is_asked_for_with_the_same_key(
    shop: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    await ready(shop)
    COMPANY.trouble("transfer", OutcomeUnknown(f"no answer about {SECRET}"), TimeoutError())
    order = await sold(shop)
    with caplog.at_level(logging.DEBUG):
        await sent(shop, order)
    assert SECRET not in caplog.text
    assert await held(shop) == Balance(in_transit=1_390)
    await make_due(shop)
    assert [one["state"] for one in await paid_out(shop)] == ["UNKNOWN"]
    await make_due(shop)
    assert await held(shop) == Balance(paid=1_390)
    assert len(COMPANY.moved) == 1
    assert len([call for call in COMPANY.calls if call[0] == "transfer"]) == 3
    await check(shop)


async def test_a_transfer_that_takes_its_time_is_looked_after(shop: Engine) -> None:
    await ready(shop)
    COMPANY.is_slow = True
    await sent(shop, await sold(shop))
    await make_due(shop)
    assert await held(shop) == Balance(in_transit=1_390)
    COMPANY.is_slow = False
    await make_due(shop)
    assert await held(shop) == Balance(paid=1_390)
    assert len([call for call in COMPANY.calls if call[0] == "transfer"]) == 1


async def test_a_refund_takes_back_its_share_of_the_transfer(shop: Engine) -> None:
    await ready(shop)
    order = await sold(shop, 2)
    await sent(shop, order)
    await given_back(shop, order, "12.45", 0)
    assert await held(shop) == Balance(paid=1_145)
    assert COMPANY.has("acct-anna") == 1_145
    COMPANY.trouble("reverse", OutcomeUnknown("lost"))
    await given_back(shop, order, "12.45", 0)
    assert await held(shop) == Balance(available=-1_145, paid=1_145)
    await check(shop)
    assert await held(shop) == Balance()
    assert len(COMPANY.back) == 2


async def test_a_refund_waits_until_it_is_known_what_was_transferred(shop: Engine) -> None:
    await ready(shop)
    COMPANY.trouble("transfer", OutcomeUnknown("lost"))
    order = await sold(shop)
    await sent(shop, order)
    await given_back(shop, order, "14.90", 0)
    assert not COMPANY.back
    await make_due(shop)
    await look_now(shop)
    assert await held(shop) == Balance()
    assert COMPANY.has("acct-anna") == 0
    await check(shop)


@pytest.mark.parametrize("can", [True, False])
async def test_what_can_not_be_taken_back_is_set_off(shop: Engine, can: bool) -> None:
    await ready(shop)
    COMPANY.capabilities = PayoutCapabilities(reversals=can)
    COMPANY.declines = {"reverse"}
    first = await sold(shop)
    await sent(shop, first)
    await given_back(shop, first, "14.90", 0)
    assert await held(shop) == Balance(available=-1_390, paid=1_390)
    await check(shop)
    await sent(shop, await sold(shop, 2))
    assert await held(shop) == Balance(paid=2_290)
    assert COMPANY.has("acct-anna") == 2_290
    await check(shop)


async def test_a_transfer_that_is_declined_is_tried_anew(shop: Engine) -> None:
    await ready(shop)
    COMPANY.declines = {"transfer"}
    order = await sold(shop)
    await sent(shop, order)
    assert await held(shop) == Balance(available=1_390)
    split = await split_of(shop, order)
    assert split is not None
    assert split["parts"][0]["failures"] == 1
    assert split["look_at"] > datetime.now(UTC) + timedelta(minutes=50)
    await looked_at(shop, order)
    assert len(await paid_out(shop)) == 1
    COMPANY.declines = set()
    await look_now(shop)
    assert await held(shop) == Balance(paid=1_390)
    assert [one["state"] for one in await paid_out(shop)] == ["FAILED", "DONE"]


async def test_who_has_no_account_is_paid_once_there_is_one(shop: Engine) -> None:
    order = await sold(shop)
    await sent(shop, order)
    assert await held(shop) == Balance(available=1_390)
    await ready(shop)
    needed = {"state": "INFORMATION_NEEDED"}
    await accounts(shop.context()).update_one({"_id": "anna"}, {"$set": needed})
    await ask_for_news(shop.context())
    await look(shop.context())
    assert await held(shop) == Balance(paid=1_390)


async def test_who_is_suspended_is_paid_once_that_is_over(shop: Engine) -> None:
    key = ObjectId()
    collection = shop.storage.database["sellers"]
    given = {"_id": key, "number": 10**9, "slug": str(key), "status": "suspended", "members": []}
    await collection.insert_one(given)
    await ready(shop, str(key))
    await sent(shop, await sold(shop, sellers=(str(key),)))
    assert await held(shop, str(key)) == Balance(available=1_390)
    await collection.update_one({"_id": key}, {"$set": {"status": "approved"}})
    await look_now(shop)
    assert await held(shop, str(key)) == Balance(paid=1_390)


@pytest.mark.parametrize("is_paid", [True, False])
async def test_a_transfer_that_nobody_knows_of_is_decided_by_people(
    shop: Engine, is_paid: bool
) -> None:
    await ready(shop)
    COMPANY.is_slow = True
    order = await sold(shop)
    await sent(shop, order)
    COMPANY.trouble("fetch", Unsupported("fetch"))
    await make_due(shop)
    assert await held(shop) == Balance(in_transit=1_390)
    (payout,) = await paid_out(shop)
    mark = mark_paid if is_paid else mark_failed
    with pytest.raises(StateError):
        await mark(as_system(shop), payout["_id"], "t-77")
    stuck = {"state": "UNKNOWN", "ask_at": None}
    await payouts(shop.context()).update_one({"_id": payout["_id"]}, {"$set": stuck})
    for _ in range(2):
        await mark(as_system(shop), payout["_id"], "t-77")
    expected = Balance(paid=1_390) if is_paid else Balance(available=1_390)
    assert await held(shop) == expected
    split = await split_of(shop, order)
    assert split is not None
    assert split["parts"][0]["sent"] == expected.paid
