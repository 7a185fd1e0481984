"""Clauses 5 and 6: sums are exact in every currency, and have their limits."""

import pytest

from mercat.payments import Done
from mercat.testing.payments.clauses import clause
from mercat.testing.payments.desk import Desk, check, total

_SUMS = {"EUR": 1999, "JPY": 1250, "KWD": 12340}
"""Minor units; KWD as a multiple of ten, which is all that some companies take."""


@clause(5)
class AmountClauses:
    @pytest.mark.parametrize("currency", sorted(_SUMS))
    async def test_a_sum_is_exact(self, desk: Desk, currency: str) -> None:
        if currency not in desk.company.currencies:
            pytest.skip(f"the company takes no {currency}")
        minor = _SUMS[currency]
        before = await desk.company.books()
        outcome = await desk.start(await desk.wanted("approve", minor, currency))
        taken = (await desk.since(before)).captured
        check(
            taken == minor,
            f"{minor} minor units of {currency} became {taken} at the company: see "
            "mercat.money.digits",
        )
        events = [event for event in outcome.events if event.kind == "captured"]
        check(
            total(events, "captured") == minor
            and {event.money.currency for event in events} == {currency},
            f"{minor} minor units of {currency} are told as {[event.money for event in events]}",
        )

    @pytest.mark.parametrize("currency", sorted(_SUMS))
    async def test_a_refund_is_exact(self, desk: Desk, currency: str) -> None:
        if currency not in desk.company.currencies:
            pytest.skip(f"the company takes no {currency}")
        minor = _SUMS[currency]
        part = minor // 5 // 10 * 10 if desk.can.partial_refund else minor
        outcome = await desk.start(await desk.wanted("approve", minor, currency))
        before = await desk.company.books()
        await desk.do("refund", desk.operation("refund", outcome.ref or "", part, currency))
        gone = (await desk.since(before)).refunded
        check(
            gone == part,
            f"a refund of {part} minor units of {currency} became {gone} at the company: see "
            "mercat.money.digits",
        )


@clause(6)
class LimitClauses:
    async def test_captures_add_up_and_end_at_the_limit(self, desk: Desk) -> None:
        ref = await desk.held()
        desk.needs("partial_capture", "multiple_captures")
        for minor in (300, 450, 250):
            await desk.do("capture", desk.operation("capture", ref, minor))
        books = await desk.company.books(ref)
        check(
            (books.captured, books.authorized) == (1000, 0),
            f"captures of 300, 450 and 250 left {books.captured} captured and {books.authorized} "
            "reserved of 1000",
        )
        await desk.refuses("capture", desk.operation("capture", ref, 1), "one more capture")

    async def test_more_than_is_reserved_is_not_captured(self, desk: Desk) -> None:
        request = desk.operation("capture", await desk.held(), 1001)
        await desk.refuses("capture", request, "a capture of more than was reserved")

    async def test_refunds_add_up_and_end_at_the_limit(self, desk: Desk) -> None:
        desk.needs("partial_refund")
        ref = await desk.paid()
        for minor in (300, 200):
            await desk.do("refund", desk.operation("refund", ref, minor))
        await desk.refuses(
            "refund", desk.operation("refund", ref, 501), "a refund of more than is left"
        )
        await desk.do("refund", desk.operation("refund", ref, 500))
        books = await desk.company.books(ref)
        check(
            books.refunded == 1000,
            f"refunds of 300, 200 and 500 came to {books.refunded} of 1000",
        )
        await desk.refuses("refund", desk.operation("refund", ref, 1), "one more refund")

    async def test_more_than_was_taken_is_not_refunded(self, desk: Desk) -> None:
        request = desk.operation("refund", await desk.paid(), 1001)
        await desk.refuses("refund", request, "a refund of more than was taken")

    async def test_what_was_taken_is_not_voided(self, desk: Desk) -> None:
        request = desk.operation("void", await desk.paid(), 1000)
        await desk.refuses("void", request, "a void after the capture")

    async def test_what_was_let_go_of_is_not_captured(self, desk: Desk) -> None:
        ref = await desk.held()
        outcome = await desk.do("void", desk.operation("void", ref, 1000))
        check(
            isinstance(outcome, Done) and total(outcome.events, "voided") == 1000,
            "`void` of what is reserved is not Done with a `voided` event of it",
        )
        await desk.refuses("capture", desk.operation("capture", ref, 500), "a capture after a void")
