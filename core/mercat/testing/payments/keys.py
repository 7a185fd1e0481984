"""Clauses 2, 3 and 4: a key has one effect, whoever repeats it and whatever gets lost."""

import asyncio
from typing import TypeVar

import pytest

from mercat.payments import Declined, Done, Operation, Outcome, OutcomeUnknown, Pending, Start
from mercat.testing.payments.clauses import clause
from mercat.testing.payments.company import Books
from mercat.testing.payments.desk import Desk, Later, check, fail, total

R = TypeVar("R", Start, Operation)
_CALLS = 20


def _ref(outcome: Outcome) -> str | None:
    return outcome.ref


async def _ready(desk: Desk, kind: Later) -> Operation:
    """A request about a new payment, for as little as can be asked for."""
    if kind == "capture":
        minor = 300 if desk.can.partial_capture else 1000
        return desk.operation(kind, await desk.held(), minor)
    if kind == "void":
        return desk.operation(kind, await desk.held(), 1000)
    minor = 300 if desk.can.partial_refund else 1000
    return desk.operation(kind, await desk.paid(), minor)


@clause(2)
class KeyClauses:
    async def test_the_same_key_has_the_same_answer(self, desk: Desk) -> None:
        request = await desk.begun()
        first, again = [await desk.start(request) for _ in range(2)]
        other = await desk.start(await desk.begun())
        check(
            type(first) is type(again) and _ref(first) == _ref(again),
            "`start` with the same key gives another `ref`: hand the key to the company",
        )
        check(_ref(first) != _ref(other), "`start` with a new key gives the `ref` of another one")

    async def test_the_same_key_is_paid_once(self, desk: Desk) -> None:
        before, request = await desk.company.books(), await desk.wanted()
        for _ in range(2):
            desk.taken(await desk.start(request), 1000)
        gone = await desk.since(before)
        check(
            (gone.captured, gone.payments) == (1000, 1),
            f"`start` twice with one key took {gone.captured} of 1000 in {gone.payments} "
            "payments: hand the key to the company as its idempotency key",
        )
        await desk.paid()
        check(
            (await desk.since(before)).captured == 2000,
            "`start` with a new key took nothing: two orders are two payments",
        )

    @pytest.mark.parametrize("kind", ["capture", "refund"])
    async def test_the_same_key_is_done_once(self, desk: Desk, kind: Later) -> None:
        desk.asks_somebody()
        request = await _ready(desk, kind)
        before = await desk.company.books()
        first, again = [await desk.do(kind, request) for _ in range(2)]
        await _done_once(desk, kind, request, before)
        check(_ref(first) == _ref(again), f"`{kind}` with the same key gives another `ref`")

    async def test_a_new_key_is_a_new_refund(self, desk: Desk) -> None:
        desk.needs("partial_refund")
        desk.asks_somebody()
        first = await _ready(desk, "refund")
        before = await desk.company.books()
        refs = [_ref(await desk.do("refund", first))]
        refs.append(_ref(await desk.do("refund", desk.operation("refund", first.ref, 300))))
        gone = (await desk.since(before)).refunded
        check(gone == 600, f"two refunds of 300 by two keys gave back {gone}: that is 600")
        check(len(set(refs)) == len(refs), "two refunds have one `ref`, so that only one counts")

    async def test_a_start_with_another_amount_is_an_error(self, desk: Desk) -> None:
        desk.asks_somebody()
        request = await desk.wanted()
        desk.taken(await desk.start(request), 1000)
        await desk.conflicts("start", request)

    async def test_a_refund_with_another_amount_is_an_error(self, desk: Desk) -> None:
        desk.needs("partial_refund")
        desk.asks_somebody()
        request = await _ready(desk, "refund")
        await desk.do("refund", request)
        await desk.conflicts("refund", request)


async def _done_once(desk: Desk, kind: Later, request: Operation, before: Books) -> None:
    gone = await desk.since(before)
    got = gone.captured if kind == "capture" else gone.refunded
    check(
        got == request.money.minor,
        f"`{kind}` of {request.money.minor} asked again with one key came to {got}: hand the key "
        "to the company as its idempotency key",
    )


async def _at_once(desk: Desk, name: str, request: R) -> list[Outcome]:
    """The outcomes of twenty calls; without those that can't know, and asked again if all can't."""

    async def one() -> Outcome | None:
        try:
            return await desk.call(name, request)
        except OutcomeUnknown:
            return None

    found = await asyncio.gather(*(one() for _ in range(_CALLS)))
    return [outcome for outcome in found if outcome is not None] or [await desk.call(name, request)]


@clause(3)
class ConcurrencyClauses:
    async def test_twenty_starts_are_one(self, desk: Desk) -> None:
        before, request = await desk.company.books(), await desk.wanted()
        found = await _at_once(desk, "start", request)
        gone = await desk.since(before)
        check(
            (gone.captured, gone.payments) == (1000, 1),
            f"{_CALLS} starts at once with one key took {gone.captured} of 1000: let the company "
            "decide by the key, instead of looking first",
        )
        check(
            len({_ref(outcome) for outcome in found}) == 1,
            f"{_CALLS} starts at once with one key give different refs",
        )

    @pytest.mark.parametrize("kind", ["capture", "refund"])
    async def test_twenty_of_one_key_are_one(self, desk: Desk, kind: Later) -> None:
        desk.asks_somebody()
        request = await _ready(desk, kind)
        before = await desk.company.books()
        await _at_once(desk, kind, request)
        gone = await desk.since(before)
        got = gone.captured if kind == "capture" else gone.refunded
        check(
            got == request.money.minor,
            f"{_CALLS} calls of `{kind}` at once with one key came to {got} instead of "
            f"{request.money.minor}: let the company decide by the key",
        )


async def _loses(desk: Desk, name: str, request: Start | Operation) -> None:
    """Fail unless a call whose answer gets lost raises OutcomeUnknown."""
    try:
        outcome = await desk.call(name, request)
    except OutcomeUnknown:
        return
    said = "which it may not be" if isinstance(outcome, Declined) else "which nobody said"
    fail(
        f"`{name}` answers {type(outcome).__name__} where the company's answer got lost, {said}: "
        "raise OutcomeUnknown",
    )


@clause(4)
class LostAnswerClauses:
    async def test_a_lost_start_is_unknown_and_then_paid_once(self, desk: Desk) -> None:
        before, request = await desk.company.books(), await desk.wanted("lost")
        await _loses(desk, "start", request)
        outcome = await desk.start(request)
        desk.taken(outcome, 1000)
        gone = await desk.since(before)
        check(
            (gone.captured, gone.payments) == (1000, 1),
            f"a start whose answer got lost, and its repetition, took {gone.captured} of 1000: "
            "repeat it with the same key",
        )

    @pytest.mark.parametrize("kind", ["capture", "void", "refund"])
    async def test_what_got_lost_is_done_once(self, desk: Desk, kind: Later) -> None:
        desk.asks_somebody()
        request = await _ready(desk, kind)
        before = await desk.company.books()
        await desk.company.lose_next()
        await _loses(desk, kind, request)
        outcome = await desk.do(kind, request)
        check(
            isinstance(outcome, Done | Pending),
            f"`{kind}` repeated after a lost answer is {type(outcome).__name__}: the same key has "
            "the answer of the first time",
        )
        if kind != "void":
            await _done_once(desk, kind, request, before)
        else:
            check(total(outcome.events, "voided") == 1000, "a void tells no `voided` of the whole")
