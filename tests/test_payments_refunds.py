"""Refunds: never more than was taken, and each once."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from mercat.checkout import RefundStatus, RefundWanted, payment_refund
from mercat.engine import Engine
from mercat.errors import ConflictError, InvalidError
from mercat.money import Amount
from mercat.payments import Event, EventKind, Operation, Outcome, Pending
from mercat_payments import settling
from mercat_payments.ledger import note_events
from mercat_payments.operating import begin, new_operation

from .banking import (
    WHEN,
    Bank,
    ended,
    events,
    lost,
    make_due,
    operations,
    refunded,
    started,
    status,
    stored,
)
from .conftest import EngineFor
from .test_hooks import Plugins
from .test_payments import bank, made, shop, toml_of

pytestmark = pytest.mark.gate

__all__ = ["bank", "made", "shop"]


async def figures(engine: Engine, key: str) -> tuple[int, int, int, int]:
    """Taken, given back, about to be given back, and left."""
    found = await stored(engine, key)
    return found["captured"], found["refunded"], found["refunding"], found["refundable"]


async def test_parts_go_back_until_nothing_is_left(shop: Engine, bank: Bank) -> None:
    await started(shop, "o")
    assert [await refunded(shop, key, "o", 400) for key in "ab"] == ["done", "done"]
    with pytest.raises(InvalidError, match=r"2\.00"):
        await refunded(shop, "c", "o", 201)
    assert await refunded(shop, "c", "o", 200) == "done"
    assert await figures(shop, "o") == (1000, 1000, 0, 0)
    assert bank.taken("o") == 0
    assert await status(shop, "o") == "paid", "what became of the order is not the payment's"


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"amount": 1001}, InvalidError),
        ({"amount": 0}, InvalidError),
        ({"amount": -1}, InvalidError),
        ({"amount": 5, "currency": "JPY"}, InvalidError),
    ],
)
async def test_what_cant_go_back_is_refused_and_nobody_is_asked(
    shop: Engine, bank: Bank, more: dict[str, object], error: type[Exception]
) -> None:
    await started(shop, "o")
    given = {"currency": "EUR", **more}
    asked = RefundWanted("r", "o", given["amount"], given["currency"])  # type: ignore[arg-type]
    with pytest.raises(error):
        await shop.hooks.first(payment_refund, shop.context(), asked)
    assert bank.asked("refund") == []


@pytest.mark.parametrize("way", ["hold", "later", "declined", "action"])
async def test_nothing_goes_back_of_what_was_not_taken(shop: Engine, bank: Bank, way: str) -> None:
    await started(shop, "o", way)
    with pytest.raises(InvalidError):
        await refunded(shop, "r", "o", 1)
    assert bank.asked("refund") == []


async def test_a_strangers_payment_is_nobodys(shop: Engine) -> None:
    asked = RefundWanted("r", "nobody", 5, "EUR")
    assert await shop.hooks.first(payment_refund, shop.context(), asked) is None


async def test_a_key_gives_back_once_and_never_something_else(shop: Engine, bank: Bank) -> None:
    await started(shop, "o")
    await started(shop, "p")
    for _ in range(3):
        assert await refunded(shop, "r", "o", 300) == "done"
    assert bank.taken("o") == 700
    for payment, amount in (("o", 301), ("p", 300)):
        with pytest.raises(ConflictError):
            await refunded(shop, "r", payment, amount)
    assert len(bank.asked("refund")) == 1


async def test_twenty_with_one_key_are_one(
    plugins: Plugins, bank: Bank, engine_for: EngineFor
) -> None:
    toml = toml_of(plugins, bank)
    engines = [await engine_for(toml) for _ in range(2)]
    await started(engines[0], "o")
    found = await asyncio.gather(*(refunded(engines[n % 2], "r", "o", 300) for n in range(20)))
    assert set(found) <= {"done", "pending"}
    assert await refunded(engines[0], "r", "o", 300) == "done"
    assert bank.taken("o") == 700
    assert await figures(engines[0], "o") == (1000, 300, 0, 700)
    assert await operations(engines[0], "o") == [("START", "DONE"), ("REFUND", "DONE")]


async def test_twenty_with_keys_of_their_own_give_back_no_more_than_was_taken(
    plugins: Plugins, bank: Bank, engine_for: EngineFor
) -> None:
    toml = toml_of(plugins, bank)
    engines = [await engine_for(toml) for _ in range(2)]
    await started(engines[0], "o")
    found = await asyncio.gather(
        *(refunded(engines[n % 2], f"r{n}", "o", 150) for n in range(20)), return_exceptions=True
    )
    assert sum(each == "done" for each in found) == 6
    assert sum(isinstance(each, InvalidError) for each in found) == 14
    assert bank.taken("o") == 100
    assert await figures(engines[0], "o") == (1000, 900, 0, 100)


async def test_the_database_decides_whatever_each_has_read(shop: Engine, bank: Bank) -> None:
    """As with twenty processes that have all read that there is enough."""
    await started(shop, "o")
    read, context = await stored(shop, "o"), shop.context()
    found = await asyncio.gather(
        *(
            begin(context, new_operation(context, read, f"refund:r{n}", "REFUND", 150))
            for n in range(20)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(each, InvalidError) for each in found) == 14
    assert await figures(shop, "o") == (1000, 0, 900, 100)
    assert (await operations(shop, "o")).count(("REFUND", "BEGUN")) == 6


async def test_a_lost_answer_keeps_its_share_until_the_same_key_settles_it(
    shop: Engine, bank: Bank
) -> None:
    await started(shop, "o")
    bank.trouble("refund", lost())
    assert await refunded(shop, "r", "o", 700) == "pending"
    assert await figures(shop, "o") == (1000, 0, 700, 300)
    with pytest.raises(InvalidError):
        await refunded(shop, "s", "o", 301)
    assert await refunded(shop, "r", "o", 700) == "done"
    first, second = bank.asked("refund")
    assert first == second
    assert await figures(shop, "o") == (1000, 700, 0, 300)


async def test_a_job_settles_lost_refunds(shop: Engine, bank: Bank) -> None:
    await started(shop, "o")
    bank.trouble("refund", lost())
    await refunded(shop, "r", "o", 700)
    await make_due(shop, "o")
    await settling.ask_again(shop.context())
    assert await figures(shop, "o") == (1000, 700, 0, 300)
    assert bank.taken("o") == 300
    assert (await stored(shop, "o"))["ask_at"] is None


async def test_a_key_that_the_bank_may_have_forgotten_gives_nothing_back(
    shop: Engine, bank: Bank
) -> None:
    await started(shop, "o")
    bank.trouble("refund", lost())
    await refunded(shop, "r", "o", 700)
    old = datetime.now(UTC) - timedelta(hours=bank.capabilities.key_hours)
    await shop.storage.database["payment_operations"].update_many({}, {"$set": {"created_at": old}})
    await make_due(shop, "o")
    await settling.ask_again(shop.context())
    assert await refunded(shop, "r", "o", 700) == "pending"
    assert len(bank.asked("refund")) == 1
    assert await figures(shop, "o") == (1000, 0, 700, 300)


async def test_a_refused_refund_gives_its_share_free_and_says_why(shop: Engine, bank: Bank) -> None:
    await started(shop, "o")
    bank.refuses_refunds = True
    asked = RefundWanted("r", "o", 700, "EUR")
    for _ in range(2):
        found = await shop.hooks.first(payment_refund, shop.context(), asked)
        assert found == RefundStatus("failed", "the bank says no")
    assert len(bank.asked("refund")) == 1
    assert await figures(shop, "o") == (1000, 0, 0, 1000)


async def test_a_provider_may_give_back_all_or_nothing(
    plugins: Plugins, engine_for: EngineFor
) -> None:
    strict = Bank(partial_refund=False)
    engine = await engine_for(toml_of(plugins, strict))
    await started(engine, "o")
    with pytest.raises(InvalidError, match="all or nothing"):
        await refunded(engine, "r", "o", 999)
    assert await refunded(engine, "r", "o", 1000) == "done"


@pytest.mark.parametrize(("currency", "amount"), [("JPY", 1), ("EUR", 1), ("KWD", 1)])
async def test_the_smallest_unit_of_each_currency_comes_out_exactly(
    shop: Engine, bank: Bank, currency: str, amount: int
) -> None:
    await started(shop, "o", amount=1001, currency=currency)
    assert await refunded(shop, "r", "o", amount, currency=currency) == "done"
    assert await figures(shop, "o") == (1001, 1, 0, 1000)
    assert bank.taken("o") == 1000


async def test_what_the_provider_gave_back_by_itself_counts(shop: Engine, bank: Bank) -> None:
    await started(shop, "o", "action")
    account = bank.accounts["start:o"]
    account.taken = True
    account.back["by the bank's staff"] = 600
    assert await status(shop, "o") == "paid"
    assert await figures(shop, "o") == (1000, 600, 0, 400)
    with pytest.raises(InvalidError):
        await refunded(shop, "r", "o", 401)
    assert await refunded(shop, "r", "o", 400) == "done"


@pytest.mark.parametrize(
    ("kind", "state", "left"), [("refunded", "done", 600), ("refund_failed", "failed", 1000)]
)
async def test_a_refund_that_waits_is_settled_by_its_event(
    plugins: Plugins, engine_for: EngineFor, kind: EventKind, state: str, left: int
) -> None:
    class Slow(Bank):
        async def refund(self, request: Operation) -> Outcome:
            money = request.money
            return Pending("r-1", (Event("r-1-begun", "refund_pending", money, "r-1", WHEN),))

    engine = await engine_for(toml_of(plugins, Slow()))
    await started(engine, "o")
    assert await refunded(engine, "r", "o", 400) == "pending"
    assert await figures(engine, "o") == (1000, 0, 400, 600)
    event = Event("r-1-end", kind, Amount(400, "EUR"), "r-1", WHEN)
    for _ in range(2):
        await note_events(engine.context(), await stored(engine, "o"), (event,))
    assert await refunded(engine, "r", "o", 400) == state
    assert (await figures(engine, "o"))[2:] == (0, left)


async def test_a_provider_that_is_off_gives_nothing_back(
    plugins: Plugins, bank: Bank, engine_for: EngineFor
) -> None:
    await started(await engine_for(toml_of(plugins, bank)), "o")
    without = await engine_for('[plugins]\nenabled = ["media", "products", "orders", "payments"]\n')
    assert await refunded(without, "r", "o", 5) == "failed"


async def test_what_goes_back_of_an_ended_payment_goes_back_once(shop: Engine, bank: Bank) -> None:
    await started(shop, "o")
    assert await refunded(shop, "r", "o", 300) == "done"
    assert await ended(shop, "o") == "ended"
    assert sorted(bank.accounts["start:o"].back.values()) == [300, 700]
    with pytest.raises(InvalidError):
        await refunded(shop, "s", "o", 1)
    assert await events(shop, "o") == ["captured", "refunded", "refunded"]
