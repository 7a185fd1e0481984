"""Random histories of orders, with a till that keeps books: the ledger of sellers agrees."""

import asyncio

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from mercat.engine import Engine
from mercat_payouts.entries import Balance
from mercat_payouts.runs import run
from mercat_payouts.shares import Share
from mercat_payouts.splitting import net

from .conftest import EngineFor
from .paying_out import as_system, balance, looked_at, paid_out, split_of, toml_of
from .plugins_for_tests.loyalty.hooks import PAID
from .plugins_for_tests.till.books import BOOKS
from .test_order_model import LOYAL, MOST, SHARE, STEPS, Orders, Prime

pytestmark = pytest.mark.gate

SELLERS = ("anna", "bert")


class Owed(Orders):
    """One order, whose sellers are paid; what other orders left behind is known."""

    runs = 0

    @rule()
    def pay_out(self) -> None:
        if not hasattr(self, "order"):
            return
        self.run(looked_at(self.engine, self.order))
        type(self).runs += 1
        self.run(run(as_system(self.engine), f"run {self.runs}"))
        for seller in SELLERS:
            assert self.run(balance(self.engine, seller)).available <= 0

    @invariant()
    def sellers_get_what_is_theirs(self) -> None:
        if not hasattr(self, "model"):
            return
        self.run(looked_at(self.engine, self.order))
        split = self.run(split_of(self.engine, self.order))
        found = [] if split is None else split["parts"]
        earned = sum(part["earned"]["gross"] for part in found if part["seller"])
        kept = 0
        if self.order["payment"]["method"] == "till:paid":
            book = BOOKS[str(self.order["_id"])]
            kept = book.charged - sum(book.refunded.values())
        assert 0 <= earned <= kept
        if None not in {part["seller"] for part in self.order["seller_orders"]}:
            assert earned == kept
        for part in found:
            share, due = Share(**part["earned"]), Share(**part["due"])
            assert share.net == share.gross + share.discount - share.commission
            assert due in (Share(), share) or due.gross <= share.gross

    def teardown(self) -> None:
        """All that was ever earned is pending, available, or was paid."""
        for seller in SELLERS:
            found = self.run(balance(self.engine, seller))
            total = found.pending + found.available + found.in_transit + found.paid
            assert total == self.run(earned_by(self.engine, seller))
            sent = self.run(sent_to(self.engine, seller))
            assert (found.in_transit, found.paid) == (sent, 0)


async def earned_by(engine: Engine, seller: str) -> int:
    """What a seller earned of all orders."""
    found = 0
    async for split in engine.storage.database["payout_splits"].find({}):
        found += sum(net(part["earned"]) for part in split["parts"] if part["seller"] == seller)
    return found


async def sent_to(engine: Engine, seller: str) -> int:
    return sum(one["amount"] for one in await paid_out(engine) if one["seller"] == seller)


async def test_random_histories_of_an_order_lose_no_cent_of_the_sellers(
    engine_for: EngineFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PAID, LOYAL, Prime())
    toml = toml_of("tests.plugins_for_tests.loyalty", due="fulfilment")
    engine, loop = await engine_for(toml), asyncio.get_running_loop()

    class Bound(Owed):
        pass

    Bound.engine, Bound.loop = engine, loop
    examples = min(MOST, max(1, round(settings().max_examples * SHARE / 2)))
    phases = (Phase.explicit, Phase.reuse, Phase.generate)
    chosen = settings(max_examples=examples, stateful_step_count=STEPS, phases=phases)
    await asyncio.to_thread(run_state_machine_as_test, Bound, settings=chosen)
    assert await balance(engine, "anna") != Balance()
