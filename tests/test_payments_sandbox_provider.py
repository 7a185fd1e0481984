"""The simulated company keeps the protocol's word: keys, sums, and its truth."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from mercat.engine import Engine
from mercat.errors import ConflictError
from mercat.money import Amount
from mercat.payments import (
    ActionRequired,
    Declined,
    Done,
    Operation,
    Outcome,
    OutcomeUnknown,
    Pending,
    Resume,
    Start,
)
from mercat_payments.balances import Balances, Entry, fold
from mercat_payments_sandbox.provider import SandboxProvider

from .conftest import EngineFor
from .simulating import TABLE, TOML, pass_seconds, payment


@pytest.fixture(scope="module")
async def shared(shared_engine_for: EngineFor) -> Engine:
    return await shared_engine_for(TOML, plugins=TABLE)


@pytest.fixture
def provider(shared: Engine) -> SandboxProvider:
    return SandboxProvider(shared.context())


def start(key: str, minor: int = 1000, currency: str = "EUR", **more: Any) -> Start:
    given = {"method": "card", "order_number": "R-1", "data": {"outcome": "approve"}, **more}
    return Start(key, Amount(minor, currency), **given)


async def paid(provider: SandboxProvider, key: str, **more: Any) -> str:
    """The reference of a new payment."""
    outcome = await provider.start(start(key, **more))
    assert isinstance(outcome, Done)
    return outcome.ref


def operation(key: str, ref: str, minor: int = 1000, currency: str = "EUR") -> Operation:
    return Operation(key, ref, Amount(minor, currency))


async def balances(provider: SandboxProvider, ref: str) -> Balances:
    """What the company's truth comes to."""
    events = await provider.fetch(ref)
    assert len({event.id for event in events}) == len(events)
    assert {event.parent_ref for event in events} <= {ref}
    return fold(Entry(event.kind, event.ref, event.money.minor) for event in events)


def code(outcome: Outcome) -> str:
    assert isinstance(outcome, Declined)
    return outcome.code


async def test_the_same_key_has_one_effect_and_the_same_answer(provider: SandboxProvider) -> None:
    first = await provider.start(start("twice"))
    assert await provider.start(start("twice")) == first
    waiting = [await provider.start(start("page", data={})) for _ in range(2)]
    assert isinstance(waiting[0], ActionRequired)
    assert waiting[0] == waiting[1], "its page has the same address"
    other = await provider.start(start("another", data={}))
    assert isinstance(other, ActionRequired)
    assert other.url != waiting[0].url


async def test_what_is_only_to_be_reserved_is_not_taken(provider: SandboxProvider) -> None:
    ref = await paid(provider, "reserved", captures=False)
    assert await balances(provider, ref) == Balances(authorized=1000)
    request = replace(operation("last", ref, 600), is_last=True)
    outcome = await provider.capture(request)
    assert [event.kind for event in outcome.events] == ["captured", "voided"]
    assert await provider.capture(request) == outcome
    assert await balances(provider, ref) == Balances(captured=600, released=400)


async def test_twenty_at_once_with_one_key_are_one(provider: SandboxProvider) -> None:
    found = await asyncio.gather(*(provider.start(start("twenty")) for _ in range(20)))
    assert found == [found[0]] * 20
    ref = await paid(provider, "twenty")
    asked = [provider.refund(operation("back", ref, 300)) for _ in range(20)]
    answers = await asyncio.gather(*asked)
    assert answers == [answers[0]] * 20
    assert (await balances(provider, ref)).refunded == 300


async def test_twenty_refunds_at_once_never_give_back_more_than_was_taken(
    provider: SandboxProvider,
) -> None:
    ref = await paid(provider, "drained")
    asked = [provider.refund(operation(f"drain{n}", ref, 300)) for n in range(20)]
    answers = await asyncio.gather(*asked)
    assert sum(isinstance(answer, Done) for answer in answers) == 3
    assert (await balances(provider, ref)).refunded == 900


async def test_two_processes_never_give_back_more_than_was_taken(engine_for: EngineFor) -> None:
    shops = [await engine_for(TOML, plugins=TABLE) for _ in range(2)]
    providers = [SandboxProvider(shop.context()) for shop in shops]
    ref = await paid(providers[0], "shared")
    asked = [providers[n % 2].refund(operation(f"r{n // 2}", ref, 300)) for n in range(20)]
    answers = await asyncio.gather(*asked)
    assert answers[::2] == answers[1::2], "both hear the same of one key"
    assert sum(isinstance(answer, Done) for answer in answers[::2]) == 3
    for provider in providers:
        assert await balances(provider, ref) == Balances(captured=1000, refunded=900)


@pytest.mark.parametrize("other", [{"minor": 1001}, {"currency": "USD"}, {"method": "authorize"}])
async def test_a_key_that_comes_with_something_else_is_an_error(
    provider: SandboxProvider, other: dict[str, Any]
) -> None:
    key = f"other {other}"
    ref = await paid(provider, key)
    with pytest.raises(ConflictError):
        await provider.start(start(key, **other))
    await provider.refund(operation(f"r {key}", ref, 10))
    with pytest.raises(ConflictError):
        await provider.refund(operation(f"r {key}", ref, 11))
    with pytest.raises(ConflictError):
        await provider.capture(operation(f"r {key}", ref, 10))
    assert (await balances(provider, ref)).refunded == 10


@pytest.mark.parametrize(("currency", "minor"), [("EUR", 1), ("JPY", 1250), ("KWD", 999_999)])
async def test_sums_are_exact(provider: SandboxProvider, currency: str, minor: int) -> None:
    ref = await paid(provider, f"exact {currency}", minor=minor, currency=currency)
    events = await provider.fetch(ref)
    assert {event.money for event in events} == {Amount(minor, currency)}
    assert (await balances(provider, ref)).captured == minor


async def test_refunds_in_parts_come_to_all_of_it_and_no_more(provider: SandboxProvider) -> None:
    ref = await paid(provider, "parts")
    for number, minor in enumerate((1, 499, 500)):
        outcome = await provider.refund(operation(f"parts{number}", ref, minor))
        assert isinstance(outcome, Done)
        (event,) = outcome.events
        assert (event.kind, event.money.minor, event.ref) == ("refunded", minor, outcome.ref)
    assert code(await provider.refund(operation("parts4", ref, 1))) == "more_than_captured"
    assert (await balances(provider, ref)).refunded == 1000


async def test_what_is_authorized_is_captured_in_parts_and_the_rest_let_go(
    provider: SandboxProvider,
) -> None:
    ref = await paid(provider, "held", method="authorize")
    assert await balances(provider, ref) == Balances(authorized=1000)
    assert isinstance(await provider.capture(operation("c1", ref, 300)), Done)
    assert isinstance(await provider.capture(operation("c2", ref, 200)), Done)
    assert code(await provider.capture(operation("c3", ref, 501))) == "more_than_authorized"
    assert code(await provider.refund(operation("c4", ref, 501))) == "more_than_captured"
    assert await balances(provider, ref) == Balances(authorized=500, captured=500)
    assert isinstance(await provider.void(operation("v1", ref)), Done)
    assert await balances(provider, ref) == Balances(captured=500, released=500)
    assert code(await provider.capture(operation("c5", ref, 1))) == "more_than_authorized"


async def test_what_was_taken_is_not_let_go_of(provider: SandboxProvider) -> None:
    ref = await paid(provider, "taken")
    assert code(await provider.void(operation("v2", ref))) == "captured"
    assert (await balances(provider, ref)).captured == 1000


async def test_a_payment_that_waits_can_be_called_off(provider: SandboxProvider) -> None:
    waits = await provider.start(start("waits", data={}))
    assert isinstance(waits, ActionRequired)
    assert isinstance(await provider.void(operation("v3", waits.ref)), Done)
    assert code(await provider.resume(Resume("waits", waits.ref, Amount(1000, "EUR")))) == "voided"
    assert await balances(provider, waits.ref) == Balances()


@pytest.mark.parametrize(("minor", "currency"), [(0, "EUR"), (-1, "EUR"), (5, "USD")])
async def test_a_sum_that_is_none_of_the_payments_is_refused(
    provider: SandboxProvider, minor: int, currency: str
) -> None:
    ref = await paid(provider, f"none {minor} {currency}")
    asked = operation(f"n {minor} {currency}", ref, minor, currency)
    assert code(await provider.refund(asked)) == "amount"


async def test_nobody_elses_payment_is_paid_or_given_back(provider: SandboxProvider) -> None:
    money = Amount(1000, "EUR")
    assert code(await provider.resume(Resume("k", "sandbox_of_another", money))) == (
        "unknown_payment"
    )
    for ask in (provider.capture, provider.void, provider.refund):
        assert code(await ask(operation("k", "sandbox_of_another"))) == "unknown_payment"
    assert await provider.fetch("sandbox_of_another") == ()


async def test_a_time_out_has_its_effect_and_is_not_declined(provider: SandboxProvider) -> None:
    asked = start("lost", data={"outcome": "timeout"})
    with pytest.raises(OutcomeUnknown):
        await provider.start(asked)
    outcome = await provider.start(asked)
    assert isinstance(outcome, Done)
    assert await balances(provider, outcome.ref) == Balances(captured=1000)


async def test_coming_back_early_or_twice_pays_nothing(provider: SandboxProvider) -> None:
    waits = await provider.start(start("early", data={}))
    assert isinstance(waits, ActionRequired)
    back = Resume("early", waits.ref, Amount(1000, "EUR"), {"code": "123456", "paid": "true"})
    for _ in range(2):
        assert await provider.resume(back) == waits, "no code was asked for"
    assert await provider.fetch(waits.ref) == ()


async def test_the_books_outlive_the_engine(engine_for: EngineFor) -> None:
    one = await engine_for(TOML, plugins=TABLE)
    asked = start("kept", data={"outcome": "unknown"})
    with pytest.raises(OutcomeUnknown):
        await SandboxProvider(one.context()).start(asked)
    other = await engine_for(TOML, plugins=TABLE)
    assert (await payment(other))["state"] == "SETTLING"
    await pass_seconds(other, 5)
    outcome = await SandboxProvider(other.context()).start(asked)
    assert isinstance(outcome, Done)
    assert await SandboxProvider(one.context()).fetch(outcome.ref) == outcome.events


async def test_a_payment_that_is_being_settled_is_pending(engine_for: EngineFor) -> None:
    engine = await engine_for(TOML, plugins=TABLE)
    provider = SandboxProvider(engine.context())
    with pytest.raises(OutcomeUnknown):
        await provider.start(start("slow", data={"outcome": "unknown"}))
    ref = (await payment(engine))["ref"]
    back = Resume("slow", ref, Amount(1000, "EUR"))
    assert isinstance(await provider.resume(back), Pending)
    assert await provider.fetch(ref) == ()
    await pass_seconds(engine, 5)
    assert isinstance(await provider.resume(back), Done)
