"""Payments that are not to be: nothing is taken any more, and what was taken goes back."""

import asyncio

import pytest

from mercat.checkout import PaymentStatus
from mercat.engine import Engine
from mercat.payments import Done, Outcome
from mercat_payments import settling
from mercat_payments.providers import providers_of

from .banking import (
    Bank,
    ended,
    events,
    lost,
    make_due,
    operations,
    started,
    status,
    stored,
)
from .conftest import EngineFor
from .identity import told
from .test_hooks import Plugins
from .test_payments import bank, made, shop, toml_of

pytestmark = pytest.mark.gate

__all__ = ["bank", "made", "shop"]


@pytest.mark.parametrize(
    ("way", "did"),
    [
        ("card", ["REFUND"]),
        ("hold", ["VOID"]),
        ("later", ["VOID"]),
        ("cash", ["VOID"]),
        ("action", ["VOID"]),
        ("declined", []),
    ],
)
async def test_each_payment_ends_once(shop: Engine, bank: Bank, way: str, did: list[str]) -> None:
    await started(shop, "o", way)
    for _ in range(3):
        assert await ended(shop, "o") == "ended"
    assert await operations(shop, "o") == [
        ("START", (await stored(shop, "o"))["start"]),
        *((kind, "DONE") for kind in did),
    ]
    assert bank.taken("o") == 0
    assert len(bank.calls) == 1 + len(did)
    assert await status(shop, "o") == "ended"
    assert await told(shop, "payment_changed") == [{"key": "o"}]
    record = await stored(shop, "o")
    assert (record["end_reason"], record["ask_at"]) == ("sold out", None)


@pytest.mark.parametrize("way", ["card", "hold", "later", "action"])
async def test_what_ended_is_not_started_again(shop: Engine, bank: Bank, way: str) -> None:
    await started(shop, "o", way)
    await ended(shop, "o")
    count = len(bank.calls)
    assert await started(shop, "o", way, data={"code": "right"}) == PaymentStatus("ended")
    assert len(bank.calls) == count
    assert bank.taken("o") == 0


async def test_without_a_payment_nothing_ends_and_what_comes_too_late_begins_nothing(
    shop: Engine, bank: Bank
) -> None:
    for _ in range(2):
        assert await ended(shop, "o") is None
    assert await status(shop, "o") is None
    for _ in range(2):
        assert await started(shop, "o") == PaymentStatus("ended")
    assert bank.calls == []
    assert await ended(shop, "o") is None


async def test_what_nobody_knows_is_found_out_and_given_back(shop: Engine, bank: Bank) -> None:
    bank.trouble("start", lost(), lost())
    await started(shop, "o")
    assert await ended(shop, "o") == "unknown"
    assert await status(shop, "o") == "ended"
    assert bank.taken("o") == 0
    assert await events(shop, "o") == ["captured", "refunded"]


@pytest.mark.parametrize(("way", "what"), [("card", "refund"), ("hold", "void"), ("later", "void")])
async def test_a_lost_answer_keeps_it_from_ending_until_the_job_asked(
    shop: Engine, bank: Bank, way: str, what: str
) -> None:
    await started(shop, "o", way)
    bank.trouble(what, lost())
    assert await ended(shop, "o") == "unknown"
    await make_due(shop, "o")
    await settling.ask_again(shop.context())
    assert (await stored(shop, "o"))["state"] == "ended"
    first, second = bank.asked(what)
    assert first == second
    assert bank.taken("o") == 0


async def test_what_was_taken_just_before_it_ended_goes_back(shop: Engine, bank: Bank) -> None:
    await started(shop, "o", "action")
    bank.accounts["start:o"].taken = True
    assert await ended(shop, "o") == "ended"
    assert [kind for kind, _ in await operations(shop, "o")] == ["START", "VOID", "REFUND"]
    assert bank.taken("o") == 0


async def test_what_is_taken_after_it_ended_goes_back(shop: Engine, bank: Bank) -> None:
    """As with a provider that only says later that a buyer was quicker."""
    await started(shop, "o", "later")
    await ended(shop, "o")
    bank.accounts["start:o"].taken = True
    provider = providers_of(shop.context()).find("bank")
    assert provider is not None
    record = await settling.ask_for_news(shop.context(), provider, await stored(shop, "o"))
    assert record["state"] == "unknown", "it is no payment that an order may be made of"
    await make_due(shop, "o")
    await settling.ask_again(shop.context())
    assert bank.taken("o") == 0
    assert (await stored(shop, "o"))["state"] == "ended"


async def test_a_refused_refund_is_tried_again_by_another_key(shop: Engine, bank: Bank) -> None:
    await started(shop, "o")
    bank.refuses_refunds = True
    assert await ended(shop, "o") == "unknown"
    assert (await started(shop, "o")).state == "ended", "no order may be made of it"
    bank.refuses_refunds = False
    await make_due(shop, "o")
    await settling.ask_again(shop.context())
    assert (await stored(shop, "o"))["state"] == "ended"
    assert bank.taken("o") == 0
    assert len({request.key for request in bank.asked("refund")}) == 2


async def test_what_is_done_without_money_waits_and_is_let_go(
    plugins: Plugins, engine_for: EngineFor
) -> None:
    class Careless(Bank):
        def _outcome(self, key: str) -> Outcome:
            return Done(f"pay-{key}")

    careless = Careless()
    engine = await engine_for(toml_of(plugins, careless))
    assert (await started(engine, "o", "later")).state == "awaited"
    assert await ended(engine, "o") == "ended"
    assert careless.accounts["start:o"].let_go


async def test_starting_and_ending_at_once_leaves_nothing_taken(
    plugins: Plugins, bank: Bank, engine_for: EngineFor
) -> None:
    toml = toml_of(plugins, bank)
    one, other = [await engine_for(toml) for _ in range(2)]
    for turn in range(12):
        key = f"o{turn}"

        async def late(key: str = key, turn: int = turn) -> str | None:
            await asyncio.sleep(0.001 * turn)
            return await ended(other, key)

        begun, _ = await asyncio.gather(started(one, key), late())
        again = await ended(other, key)
        assert again in {"ended", None}
        assert bank.taken(key) == 0, f"turn {turn}: {begun}"
        assert (await started(one, key)).state == "ended"
