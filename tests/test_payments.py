"""Payments: one start a key, whatever happens in between."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mercat.app import create_app
from mercat.checkout import Cart, Destination, PaymentMethod, payment_methods, payment_start
from mercat.engine import Engine
from mercat.errors import BootError, ConflictError, InvalidError
from mercat.money import Amount
from mercat.payments import Done, Event, MethodQuestion, Outcome, Start, Unsupported
from mercat.storage.migrations import migrate
from mercat_payments import asking, settling
from mercat_payments.ledger import MOST_ASKS

from .banking import (
    SECRET,
    WHEN,
    Bank,
    events,
    lost,
    make_due,
    operations,
    refunded,
    started,
    status,
    stored,
    wanted,
)
from .conftest import EngineFor, until
from .identity import told
from .test_hooks import Plugins


@pytest.fixture(name="plugins")
def made(monkeypatch: pytest.MonkeyPatch) -> Plugins:
    return Plugins(monkeypatch)


@pytest.fixture
def bank() -> Bank:
    return Bank()


async def _hear(key: str) -> None:
    """A hook that hears of changed payments; without any, nothing is told."""


def toml_of(plugins: Plugins, *banks: Bank) -> str:
    """An engine.toml with a plugin that has these banks, and one that hears of payments."""
    plugins.add("banks", payment_providers=lambda: list(banks), payment_changed=_hear)
    return plugins.toml("media", "products", "orders", "payments")


@pytest.fixture
async def shop(plugins: Plugins, bank: Bank, engine_for: EngineFor) -> Engine:
    return await engine_for(toml_of(plugins, bank))


# Who offers what


async def test_hook_payment_providers(plugins: Plugins, engine_for: EngineFor) -> None:
    engine = await engine_for(toml_of(plugins, Bank("one"), Bank("two")))
    cart = Cart("x", "EUR", (), Destination("DE"))
    (found,) = await engine.hooks.collect(payment_methods, engine.context(), cart, 1000)
    assert found[0] == PaymentMethod("one:card", "Card")
    assert [method.id for method in found if method.id.endswith("card")] == ["one:card", "two:card"]


async def test_providers_hear_the_sum_and_the_country(
    plugins: Plugins, engine_for: EngineFor
) -> None:
    heard: list[MethodQuestion] = []

    class Curious(Bank):
        async def methods(self, question: MethodQuestion) -> list[object]:  # type: ignore[override]
            heard.append(question)
            return []

    engine = await engine_for(toml_of(plugins, Curious()))
    for destination in (None, Destination("FR")):
        cart = Cart("x", "KWD", (), destination)
        assert await engine.hooks.collect(payment_methods, engine.context(), cart, 1250) == [[]]
    money = Amount(1250, "KWD")
    assert heard == [MethodQuestion(money), MethodQuestion(money, "FR")]


async def test_a_provider_that_fails_leaves_the_others_offered(
    plugins: Plugins, engine_for: EngineFor, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Bank):
        async def methods(self, _: MethodQuestion) -> list[object]:  # type: ignore[override]
            raise RuntimeError(SECRET)

    engine = await engine_for(toml_of(plugins, Broken("broken"), Bank()))
    cart = Cart("x", "EUR", ())
    (found,) = await engine.hooks.collect(payment_methods, engine.context(), cart, 1000)
    assert {method.id.partition(":")[0] for method in found} == {"bank"}
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    ("codes", "words"),
    [(("bank", "bank"), "there already"), (("My Bank",), "small letters")],
)
async def test_codes_that_cant_be_stop_the_boot(
    plugins: Plugins, engine_for: EngineFor, codes: tuple[str, ...], words: str
) -> None:
    engine = await engine_for(toml_of(plugins, *map(Bank, codes)))
    with pytest.raises(BootError, match=words):
        create_app(engine)


# What starts


@pytest.mark.parametrize(
    ("way", "state", "kinds"),
    [
        ("card", "paid", ["captured"]),
        ("hold", "authorized", ["authorized"]),
        ("declined", "declined", []),
        ("action", "action", []),
        ("later", "awaited", []),
        ("cash", "on_delivery", []),
    ],
)
async def test_each_outcome_is_a_state_and_stays_it(
    shop: Engine, bank: Bank, way: str, state: str, kinds: list[str]
) -> None:
    assert (await started(shop, "o", way)).state == state
    assert await status(shop, "o") == state
    assert await events(shop, "o") == kinds
    if way != "action":
        again = await started(shop, "o", way)
        assert again.state == state
        assert len(bank.asked("start")) == 1, "what is settled is answered from what is stored"
    assert await told(shop, "payment_changed") == [], "who started it knows already"


async def test_what_the_buyer_is_told_is_the_providers_word(shop: Engine) -> None:
    for _ in range(2):
        declined = await started(shop, "a", "declined")
        assert declined.message == "Your card was declined."
        waiting = await started(shop, "b", "later")
        assert (waiting.message, waiting.data) == ("Wait for it.", {"slip": "start:b"})


async def test_a_strangers_method_is_nobodys(shop: Engine) -> None:
    for method in ("till:card", "", ":card"):
        asked = wanted("o")
        other = type(asked)("o", method, asked.amount, asked.currency, asked.order_number)
        assert await shop.hooks.first(payment_start, shop.context(), other) is None
    assert await status(shop, "o") is None


async def test_what_isnt_offered_is_declined_and_nothing_begins(shop: Engine, bank: Bank) -> None:
    for more in ({"way": "crypto"}, {"currency": "USD"}):
        assert (await started(shop, "o", **more)).state == "declined"
    assert bank.calls == []
    assert await status(shop, "o") is None
    assert (await started(shop, "o")).state == "paid"


@pytest.mark.parametrize("amount", [0, -5])
async def test_there_has_to_be_something_to_pay(shop: Engine, bank: Bank, amount: int) -> None:
    with pytest.raises(InvalidError):
        await started(shop, "o", amount=amount)
    with pytest.raises(InvalidError):
        await started(shop, "o", currency="XXX")
    assert bank.calls == []


@pytest.mark.parametrize("more", [{"amount": 1001}, {"currency": "JPY"}, {"way": "hold"}])
async def test_a_key_never_pays_something_else(
    shop: Engine, bank: Bank, more: dict[str, Any]
) -> None:
    await started(shop, "o")
    with pytest.raises(ConflictError):
        await started(shop, "o", **more)
    assert bank.taken("o") == 1000
    assert len(bank.calls) == 1


async def test_twenty_at_once_are_one(shop: Engine, bank: Bank) -> None:
    found = await asyncio.gather(*(started(shop, "o") for _ in range(20)))
    assert {each.state for each in found} == {"paid"}
    assert len(bank.asked("start")) == 1
    assert await events(shop, "o") == ["captured"]
    assert await operations(shop, "o") == [("START", "DONE")]


async def test_twenty_in_two_processes_are_one(
    plugins: Plugins, bank: Bank, engine_for: EngineFor
) -> None:
    toml = toml_of(plugins, bank)
    engines = [await engine_for(toml) for _ in range(2)]
    for key in ("a", "b", "c"):
        found = await asyncio.gather(*(started(engines[n % 2], key) for n in range(20)))
        assert {each.state for each in found} == {"paid"}
        assert await events(engines[0], key) == ["captured"]
        assert await operations(engines[0], key) == [("START", "DONE")]
        assert {request.key for request in bank.asked("start")} <= {"start:a", "start:b", "start:c"}
    assert len(bank.accounts) == 3


# What goes wrong


async def test_a_lost_answer_is_unknown_and_the_retry_has_one_effect(
    shop: Engine, bank: Bank
) -> None:
    bank.trouble("start", lost())
    assert (await started(shop, "o", data={"token": "t1"}, return_url="https://a/")).state == (
        "unknown"
    )
    assert await operations(shop, "o") == [("START", "UNKNOWN")]
    assert (await started(shop, "o", data={"token": "other"})).state == "paid"
    first, second = bank.asked("start")
    assert first == second, "the same key goes with the same request"
    assert (first.data, first.return_url) == ({"token": "t1"}, "https://a/")
    assert bank.taken("o") == 1000
    assert await events(shop, "o") == ["captured"]


@pytest.mark.parametrize(
    ("way", "state", "start"), [("card", "paid", "DONE"), ("later", "awaited", "PENDING")]
)
async def test_a_twin_that_hears_nothing_undoes_nothing(
    plugins: Plugins, bank: Bank, engine_for: EngineFor, way: str, state: str, start: str
) -> None:
    toml = toml_of(plugins, bank)
    one, other = [await engine_for(toml) for _ in range(2)]
    settled = asyncio.Event()

    async def late() -> None:
        await settled.wait()
        raise lost()

    async def has_begun() -> bool:
        return bool(bank.calls)

    bank.trouble("start", late)
    slow = asyncio.create_task(started(one, "o", way))
    await until(has_begun)
    assert (await started(other, "o", way)).state == state
    settled.set()
    assert (await slow).state == state
    assert await operations(one, "o") == [("START", start)]
    assert (await stored(one, "o"))["start"] == start


@pytest.mark.parametrize("error", [RuntimeError(SECRET), KeyError(SECRET), OSError(SECRET)])
async def test_whatever_a_provider_raises_is_unknown_and_no_secret_is_logged(
    shop: Engine, bank: Bank, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bank.trouble("start", error)
    assert (await started(shop, "o")).state == "unknown"
    assert type(error).__name__ in caplog.text
    assert SECRET not in caplog.text
    assert await status(shop, "o") == "paid"


async def test_a_provider_that_takes_too_long_is_unknown(
    shop: Engine, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "SECONDS", 0.05)
    bank.trouble("start", lambda: asyncio.sleep(60))
    assert (await started(shop, "o")).state == "unknown"
    assert (await started(shop, "o")).state == "paid"


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "paid",
        Done("x", (Event("1", "captured", Amount(1000, "USD"), "x", WHEN),)),
        Done("x", (Event("1", "captured", Amount(-1000, "EUR"), "x", WHEN),)),
        Done("x", ("captured",)),  # type: ignore[arg-type]
        Done("x", None),  # type: ignore[arg-type]
        Done("x", (Event("1", "taken", Amount(1000, "EUR"), "x", WHEN),)),  # type: ignore[arg-type]
    ],
)
async def test_an_answer_that_cant_be_is_unknown(
    plugins: Plugins, engine_for: EngineFor, answer: Outcome
) -> None:
    class Strange(Bank):
        async def start(self, _: Start) -> Outcome:
            return answer

    engine = await engine_for(toml_of(plugins, Strange()))
    assert (await started(engine, "o")).state == "unknown"
    assert await events(engine, "o") == []


@pytest.mark.parametrize(("amount", "state"), [(None, "awaited"), (999, "awaited"), (1000, "paid")])
async def test_only_the_whole_sum_is_paid(
    plugins: Plugins, engine_for: EngineFor, amount: int | None, state: str
) -> None:
    class Careless(Bank):
        async def start(self, _: Start) -> Outcome:
            if amount is None:
                return Done("x")
            return Done("x", (Event("1", "captured", Amount(amount, "EUR"), "x", WHEN),))

    engine = await engine_for(toml_of(plugins, Careless()))
    assert (await started(engine, "o")).state == state


async def test_what_a_provider_cant_do_is_declined(plugins: Plugins, engine_for: EngineFor) -> None:
    class Unable(Bank):
        async def start(self, _: Start) -> Outcome:
            raise Unsupported("no payments today")

    engine = await engine_for(toml_of(plugins, Unable()))
    assert (await started(engine, "o")).state == "declined"


# What the buyer has to do


async def test_an_action_is_shown_again_and_sealed_where_it_is_kept(
    shop: Engine, bank: Bank
) -> None:
    found = await started(shop, "o", "action")
    assert found.url == f"https://bank.example/3ds?token={SECRET}"
    assert (found.data, found.expires_at) == ({"id": "start:o"}, WHEN)
    record = await stored(shop, "o")
    assert SECRET.encode() not in record["shown"]
    assert await status(shop, "o") == "action"
    assert (await started(shop, "o", "action", data={"code": "right"})).state == "paid"
    assert (await stored(shop, "o"))["shown"] is None
    for _ in range(2):
        assert (await started(shop, "o", "action", data={"code": "right"})).state == "paid"
    assert await events(shop, "o") == ["captured"]
    assert len(bank.asked("resume")) == 1


async def test_what_the_client_sends_is_sealed_until_it_is_settled(
    shop: Engine, bank: Bank
) -> None:
    bank.trouble("start", lost())
    await started(shop, "o", data={"token": SECRET})
    assert SECRET.encode() not in (await stored(shop, "o"))["request"]
    await started(shop, "o")
    assert (await stored(shop, "o"))["request"] is None


async def test_a_wrong_code_declines_for_good(shop: Engine, bank: Bank) -> None:
    await started(shop, "o", "action")
    found = await started(shop, "o", "action", data={"code": "wrong"})
    assert (found.state, found.message) == ("declined", "That was not the right code.")
    assert (await started(shop, "o", "action", data={"code": "right"})).state == "declined"
    assert bank.taken("o") == 0


async def test_a_lost_answer_to_the_buyers_return_is_asked_for_again(
    shop: Engine, bank: Bank
) -> None:
    await started(shop, "o", "action")
    bank.trouble("resume", lost())
    assert (await started(shop, "o", "action", data={"code": "right"})).state == "unknown"
    assert (await started(shop, "o", "action", data={"code": "right"})).state == "paid"
    assert await events(shop, "o") == ["captured"]


async def test_the_providers_word_counts_before_the_buyer_is_back(shop: Engine, bank: Bank) -> None:
    await started(shop, "o", "action")
    bank.accounts["start:o"].taken = True
    assert await status(shop, "o") == "paid"
    assert await told(shop, "payment_changed") == [{"key": "o"}]
    assert await status(shop, "o") == "paid"
    assert await told(shop, "payment_changed") == [{"key": "o"}], "it is told once"
    assert (await stored(shop, "o"))["shown"] is None


@pytest.mark.parametrize("error", [lost(), RuntimeError(SECRET), Unsupported("not here")])
async def test_a_provider_that_cant_say_more_leaves_it_as_it_stands(
    shop: Engine, bank: Bank, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    await started(shop, "o", "action")
    bank.accounts["start:o"].taken = True
    bank.trouble("fetch", error)
    assert await status(shop, "o") == "action"
    assert SECRET not in caplog.text
    assert await status(shop, "o") == "paid"


# What is asked again


async def test_a_job_settles_what_nobody_knows_and_tells(shop: Engine, bank: Bank) -> None:
    bank.trouble("start", lost())
    await started(shop, "o")
    record = await stored(shop, "o")
    assert timedelta(seconds=9) < record["ask_at"] - record["created_at"] <= timedelta(seconds=11)
    await settling.ask_again(shop.context())
    assert len(bank.asked("start")) == 1, "it waits 10 s"
    await make_due(shop, "o")
    await settling.ask_again(shop.context())
    assert (await stored(shop, "o"))["state"] == "paid"
    assert (await stored(shop, "o"))["ask_at"] is None
    assert await told(shop, "payment_changed") == [{"key": "o"}]
    assert bank.taken("o") == 1000


async def test_the_pauses_grow_and_somebody_is_called_in_the_end(
    shop: Engine, bank: Bank, caplog: pytest.LogCaptureFixture
) -> None:
    bank.trouble("start", *(lost() for _ in range(5)))
    await started(shop, "o")
    pauses = []
    for _ in range(3):
        await make_due(shop, "o")
        before = datetime.now(UTC)
        await settling.ask_again(shop.context())
        pauses.append(round(((await stored(shop, "o"))["ask_at"] - before).total_seconds(), -1))
    assert pauses == [20, 40, 80]
    await shop.storage.database["payments"].update_one({}, {"$set": {"asks": MOST_ASKS}})
    await make_due(shop, "o")
    await settling.ask_again(shop.context())
    assert (await stored(shop, "o"))["ask_at"] is None
    assert "payment o: nobody can say where it stands" in caplog.text


async def test_a_key_that_the_provider_may_have_forgotten_is_not_used_again(
    shop: Engine, bank: Bank
) -> None:
    bank.trouble("start", lost())
    await started(shop, "o")
    old = datetime.now(UTC) - timedelta(hours=bank.capabilities.key_hours)
    await shop.storage.database["payments"].update_one({}, {"$set": {"created_at": old}})
    assert (await started(shop, "o")).state == "unknown"
    assert await status(shop, "o") == "unknown"
    assert len(bank.asked("start")) == 1


async def test_one_payment_that_cant_be_settled_keeps_no_other_from_it(
    shop: Engine, bank: Bank, caplog: pytest.LogCaptureFixture
) -> None:
    bank.trouble("start", lost(), lost())
    for key in ("a", "b"):
        await started(shop, key)
        await make_due(shop, key)
    await shop.storage.database["payments"].update_one({"_id": "a"}, {"$unset": {"currency": 1}})
    await settling.ask_again(shop.context())
    assert (await stored(shop, "b"))["state"] == "paid"
    assert "payment a could not be settled" in caplog.text


async def test_a_payment_whose_provider_is_off_stands_as_it_stood(
    plugins: Plugins, bank: Bank, engine_for: EngineFor
) -> None:
    engine = await engine_for(toml_of(plugins, bank))
    await started(engine, "o", "later")
    without = await engine_for('[plugins]\nenabled = ["media", "products", "orders", "payments"]\n')
    assert await status(without, "o") == "awaited"
    assert await without.hooks.first(payment_start, without.context(), wanted("o")) is None


async def test_payments_from_before_say_themselves_who_began_them(shop: Engine, bank: Bank) -> None:
    await started(shop, "o")
    payments = shop.storage.database["payments"]
    before = await stored(shop, "o")
    await payments.update_one({"_id": "o"}, {"$unset": {"who": 1}})
    start = {"_id": "start:o", "payment": "o", "kind": "START", "state": "DONE", "who": "ada"}
    await shop.storage.database["payment_operations"].insert_one(start)
    own = [one for one in shop.migrations if one.id.startswith("payments/")]
    await migrate(shop.context(), own, lambda _migration, _seconds: None)
    assert await stored(shop, "o") == {**before, "who": "ada", "is_asked": False}
    assert await operations(shop, "o") == [("START", "DONE")]
    assert await refunded(shop, "r", "o", 400) == "done"


async def test_a_start_by_hand_is_one_write(plugins: Plugins, engine_for: EngineFor) -> None:
    bank = Bank(by_hand=True)
    engine = await engine_for(toml_of(plugins, bank))
    assert (await started(engine, "o", "later")).state == "awaited"
    assert len(bank.asked("start")) == 1
    assert ((await stored(engine, "o"))["start"], (await stored(engine, "o"))["version"]) == (
        "PENDING",
        2,
    )


async def test_what_is_paid_by_hand_at_once_has_its_event(
    plugins: Plugins, engine_for: EngineFor
) -> None:
    engine = await engine_for(toml_of(plugins, Bank(by_hand=True)))
    assert (await started(engine, "o", "card")).state == "paid"
    assert await events(engine, "o") == ["captured"]
