"""Clauses 7 and 8: what a client says is nothing, and what a buyer does is safe."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from mercat.errors import MercatError
from mercat.payments import ActionRequired, Declined, Done, Outcome, Pending, Start
from mercat.testing.payments.clauses import clause
from mercat.testing.payments.company import Act, Books
from mercat.testing.payments.desk import Desk, check, kinds, total

_LIES: Mapping[str, str] = {
    **dict.fromkeys(("status", "payment_status", "redirect_status"), "succeeded"),
    **dict.fromkeys(("state", "result"), "approved"),
    **dict.fromkeys(("paid", "success", "captured"), "true"),
}
_LONGEST = timedelta(days=30)


def _is_paid(outcome: Outcome | None) -> bool:
    if outcome is None:
        return False
    return isinstance(outcome, Done) or bool(kinds(outcome.events) & {"captured", "authorized"})


async def _outcome(desk: Desk, request: Start, ref: str, data: Mapping[str, str]) -> Outcome | None:
    """What coming back comes to; None where it is refused by an error."""
    try:
        return await desk.resume(request, ref, data)
    except MercatError:
        return None


async def _let_go(desk: Desk, request: Start, action: ActionRequired, act: Act) -> Outcome:
    """What a payment comes to that may still be paid, such as with another card.

    The shop ends it by `void`, once the time is over; a buyer who comes back gets no more of it.
    """
    is_over = action.expires <= datetime.now(UTC)
    check(
        is_over or act == "refuse",
        "after the time was over, `resume` gives the buyer more of it: answer Declined, or keep "
        "`expires`",
    )
    gone = await desk.do("void", desk.operation("void", action.ref, request.money.minor))
    check(
        isinstance(gone, Done),
        f"after the buyer's '{act}', the action stands, and `void` answers {type(gone).__name__}: "
        "end what waits for its buyer, or have `resume` answer Declined",
    )
    return await desk.resume(request, action.ref, {})


@clause(7)
class TruthClauses:
    async def test_a_declined_payment_has_no_money(self, desk: Desk) -> None:
        before = await desk.company.books()
        outcome = await desk.start(await desk.wanted("decline", lies=_LIES))
        check(
            isinstance(outcome, Declined) and not _is_paid(outcome),
            f"a payment that the company declines is answered with {type(outcome).__name__}: "
            "answer Declined, whatever the client's `data` says",
        )
        check((await desk.since(before)).captured == 0, "a declined payment was taken all the same")

    async def test_a_client_can_not_say_that_it_paid(self, desk: Desk) -> None:
        request, action = await desk.acting()
        before = await desk.company.books()
        outcome = await _outcome(desk, request, action.ref, _LIES)
        check(await desk.since(before) == Books(), "coming back without paying moved money")
        check(
            not _is_paid(outcome),
            "`resume` believes a client that says it paid: ask the company what became of `ref`",
        )

    async def test_a_payment_of_another_order_does_not_count(self, desk: Desk) -> None:
        claim = {**await desk.company.claim(await desk.paid()), **_LIES}
        request, action = await desk.acting()
        outcome = await _outcome(desk, request, action.ref, claim)
        check(
            not _is_paid(outcome),
            "`resume` takes another order's payment for this one's: ask about `ref` alone",
        )
        outcome = await desk.start(await desk.wanted("three_d_secure", lies=claim))
        check(
            not _is_paid(outcome),
            "`start` takes another order's payment for this one's: begin one under the key",
        )

    async def test_a_payment_that_nobody_knows_is_not_paid(self, desk: Desk) -> None:
        desk.asks_somebody()
        request, _ = await desk.acting()
        outcome = await _outcome(desk, request, "nosuchpayment0000", _LIES)
        check(
            outcome is None or isinstance(outcome, Declined),
            f"`resume` of a payment that the company doesn't know is {type(outcome).__name__}: "
            "answer Declined",
        )


@clause(8)
class ActionClauses:
    async def test_an_action_says_where_to_go_and_until_when(self, desk: Desk) -> None:
        _, action = await desk.acting()
        check(
            bool(action.url or action.client_data),
            "ActionRequired has neither a `url` nor `client_data`: say what the buyer has to do",
        )
        parts = urlsplit(action.url or "https://shop.example")
        check(
            parts.scheme in {"http", "https"} and bool(parts.netloc),
            "the `url` of ActionRequired is no whole address",
        )
        check(
            action.expires.tzinfo is not None,
            "`expires` of ActionRequired has no time zone: give it in UTC",
        )
        left = action.expires - datetime.now(UTC)
        check(
            timedelta() < left < _LONGEST,
            f"ActionRequired expires in {left.total_seconds():.0f} s: name a time ahead",
        )

    async def test_coming_back_twice_is_as_once(self, desk: Desk) -> None:
        before = await desk.company.books()
        request, action = await desk.acting()
        data = await desk.company.act(action, "approve")
        found = await asyncio.gather(*(desk.resume(request, action.ref, data) for _ in range(2)))
        found.append(await desk.resume(request, action.ref, data))
        for outcome in found:
            desk.taken(outcome, 1000)
        gone = await desk.since(before)
        check(
            (gone.captured, gone.payments) == (1000, 1) and {o.ref for o in found} == {action.ref},
            f"coming back three times took {gone.captured} of 1000, with the refs "
            f"{sorted({str(o.ref) for o in found})}: a `resume` takes nothing anew",
        )

    async def test_an_action_stands_until_it_is_done(self, desk: Desk) -> None:
        request, action = await desk.acting()
        outcome = await desk.resume(request, action.ref, {})
        check(
            isinstance(outcome, ActionRequired | Pending) and outcome.ref == action.ref,
            f"coming back before anything was done is {type(outcome).__name__}: the action "
            "stands until it expires",
        )

    @pytest.mark.parametrize("act", ["refuse", "abandon"])
    async def test_who_does_not_pay_has_paid_nothing(self, desk: Desk, act: Act) -> None:
        before = await desk.company.books()
        request, action = await desk.acting()
        data = await desk.company.act(action, act)
        outcome = await desk.resume(request, action.ref, data)
        if isinstance(outcome, ActionRequired):
            outcome = await _let_go(desk, request, outcome, act)
        check(
            isinstance(outcome, Declined),
            f"after the buyer's '{act}', `resume` answers {type(outcome).__name__}: it is Declined",
        )
        events = await desk.fetch(action.ref)
        check(
            "failed" in kinds(events) and total(events, "captured") == 0,
            f"after the buyer's '{act}', `fetch` tells {sorted(kinds(events))}: it is `failed`",
        )
        check((await desk.since(before)).captured == 0, f"'{act}' took money all the same")
