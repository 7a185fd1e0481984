"""A kill at every await of a transfer, a reversal or a run: money moves once all the same."""

from typing import Any

import pytest

from mercat.engine import Engine
from mercat.storage import Record
from mercat_payouts.entries import Balance
from mercat_payouts.runs import run
from mercat_payouts.splitting import net

from . import test_payments_crashes
from .conftest import EngineFor
from .order_changes import STAFF, did, part_id
from .paying_out import TOML as BY_HAND
from .paying_out import as_system, balance, looked_at, paid_out, sent, sold, split_of
from .plugins_for_tests.remitter.company import Company
from .test_payments_crashes import killed_at_each
from .test_payouts_transfers import check, company, look_now, make_due, ready, shop

pytestmark = pytest.mark.gate

__all__ = ["company", "shop"]


@pytest.fixture(autouse=True)
def _company_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = (*test_payments_crashes._CALLS, (Company, "_called"))
    monkeypatch.setattr(test_payments_crashes, "_CALLS", calls)


@pytest.mark.parametrize(
    ("what", "every"),
    [
        ("transfer", 4),
        pytest.param("transfer", 1, marks=pytest.mark.long),
        pytest.param("reverse", 1, marks=pytest.mark.long),
    ],
)
async def test_a_kill_at_any_await_moves_money_once(shop: Engine, what: str, every: int) -> None:
    await ready(shop)
    made: dict[str, Record] = {}

    async def prepare(key: str) -> None:
        made[key] = await sold(shop, sellers=("anna",))
        await sent_quietly(shop, made[key], is_followed=what == "reverse")

    async def work(key: str) -> None:
        await looked_at(shop, made[key])

    async def checked(key: str) -> None:
        await looked_at(shop, made[key])
        await make_due(shop)
        await look_now(shop)
        await check(shop)
        split = await split_of(shop, made[key])
        assert split is not None
        part = split["parts"][0]
        assert net(part["due"]) == part["sent"] == (0 if what == "reverse" else 1_390)

    places = await killed_at_each(work, prepare, checked, what, every)
    assert places >= 8


async def sent_quietly(engine: Engine, order: Record, *, is_followed: bool) -> None:
    """All of it is sent; where that is followed, it is given back too, which isn't."""
    where: dict[str, Any] = {"sellerOrderId": part_id(order)}
    await did(engine, "orderFulfil", STAFF, **where)
    if is_followed:
        await looked_at(engine, order)
        await did(engine, "refundCreate", STAFF, amount={"amount": "14.90"}, **where)


async def test_a_kill_at_any_await_of_a_run_pays_once(engine_for: EngineFor) -> None:
    shop = await engine_for(BY_HAND)

    async def prepare(key: str) -> None:
        await sent(shop, await sold(shop, sellers=(key,)))

    async def work(key: str) -> None:
        await run(as_system(shop), key)

    async def checked(key: str) -> None:
        await work(key)
        assert await balance(shop, key) == Balance(in_transit=1_390)
        found = [one for one in await paid_out(shop) if one["seller"] == key]
        assert [one["amount"] for one in found] == [1_390]

    assert await killed_at_each(work, prepare, checked, "run") >= 8
