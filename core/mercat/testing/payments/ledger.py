"""Clauses 10, 11 and 12: the whole engine's ledger comes to what the company says."""

import asyncio
import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import replace

from bson import ObjectId

from mercat.payments import Event
from mercat.testing.payments.clauses import clause
from mercat.testing.payments.company import Books, NotScriptable
from mercat.testing.payments.desk import Desk, check
from mercat.testing.payments.shop import Till

_MOST_FACTS = 5  # 120 permutations
_WAIT_SECONDS = 0.02
_MOST_WAITS = 250
_SLOW_SECONDS = 0.3


async def _history(desk: Desk) -> tuple[str, list[Event]]:
    """A payment to which much happened, and its events as outcomes, messages and `fetch` tell."""
    await desk.company.messages()
    told: list[Event] = []
    if desk.can.manual_capture:
        ref = await desk.held()
        parts = [600, 400] if desk.can.partial_capture and desk.can.multiple_captures else [1000]
        for minor in parts:
            outcome = await desk.do("capture", desk.operation("capture", ref, minor))
            told += outcome.events
    else:
        ref = await desk.paid()
    for minor in [300, 200] if desk.can.partial_refund else [1000]:
        outcome = await desk.do("refund", desk.operation("refund", ref, minor))
        told += outcome.events
    told += [event for event in await desk.told() if (event.parent_ref or event.ref) == ref]
    return ref, [*told, *await desk.fetch(ref)]


def _orders(events: Sequence[Event]) -> list[list[Event]]:
    """The events in every order, all of what is told about one thing together."""
    facts: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        facts.setdefault((event.kind, event.ref), []).append(event)
    named = list(facts)[:_MOST_FACTS]
    rest = [event for fact in list(facts)[_MOST_FACTS:] for event in facts[fact]]
    return [
        [event for fact in found for event in facts[fact]] + rest
        for found in itertools.permutations(named)
    ]


def _money(books: Books) -> tuple[int, int, int]:
    return books.authorized, books.captured, books.refunded


def _of(events: Sequence[Event], ref: str, twin: str, mark: str) -> list[Event]:
    """Events of a payment as if another one had them."""
    return [
        replace(
            event,
            id=f"{mark}{event.id}",
            ref=twin if event.ref == ref else event.ref,
            parent_ref=twin,
        )
        for event in events
    ]


@clause(10)
class OrderClauses:
    async def test_any_order_comes_to_the_company_s_books(self, desk: Desk, till: Till) -> None:
        ref, events = await _history(desk)
        wanted = _money(await desk.company.books(ref))
        order = await till.paid()
        for number, found in enumerate(_orders(events)):
            twin = f"{ref}.{number}"
            told = _of(found, ref, twin, f"{number}.")
            name = await till.twin(order, twin, 1000)
            half = len(told) // 2
            for part in (told[:half], told[half:] + told[:1]):
                await till.tell(part)
            got = _money(await till.books(name))
            check(
                got == wanted,
                f"authorized, captured and refunded come to {got} by the events in the order "
                f"{[event.kind for event in found]}, and the company says {wanted}: give each "
                "capture and refund a `ref` of its own, the same by whichever way it is told",
            )

    async def test_fetch_alone_comes_to_the_company_s_books(self, desk: Desk, till: Till) -> None:
        ref, _ = await _history(desk)
        twin = f"{ref}.fetched"
        name = await till.twin(await till.paid(), twin, 1000)
        await till.tell(_of(await desk.fetch(ref), ref, twin, "fetched."))
        got, wanted = _money(await till.books(name)), _money(await desk.company.books(ref))
        check(
            got == wanted,
            f"`fetch` comes to {got} authorized, captured and refunded, and the company says "
            f"{wanted}: tell all that happened to a payment",
        )


async def _paid_once(desk: Desk, till: Till, order: str, before: Books, when: str) -> None:
    gone, stored = await desk.since(before), await till.stored(order)
    rows = [row for row in await till.ledger(order) if row["kind"] == "captured"]
    check(
        (gone.captured, gone.payments) == (1000, 1),
        f"with the message {when} the answer, {gone.captured} of 1000 were taken in "
        f"{gone.payments} payments",
    )
    check(
        (stored["state"], stored["captured"], len({row["ref"] for row in rows}))
        == ("paid", 1000, 1),
        f"with the message {when} the answer, the order is {stored['state']} with "
        f"{stored['captured']} captured by {len(rows)} events: one capture has one `ref`, and its "
        "events name the payment as `parent_ref`",
    )


@clause(11)
class RaceClauses:
    async def test_a_message_after_the_answer(self, desk: Desk, till: Till) -> None:
        await desk.company.messages()
        before, order = await desk.company.books(), str(ObjectId())
        request = await desk.wanted()
        await till.pay(request, order)
        messages = await desk.company.messages()
        for _ in range(2):
            await till.hears(messages)
            await till.deliver()
        await till.pay(request, order)
        await _paid_once(desk, till, order, before, "after")

    async def test_a_message_before_the_answer(self, desk: Desk, till: Till) -> None:
        await desk.company.messages()
        before, order = await desk.company.books(), str(ObjectId())
        request = await desk.wanted("lost")
        await till.pay(request, order)
        await till.catches_up()
        await till.pay(request, order)
        await till.deliver()
        await till.status(order)
        await _paid_once(desk, till, order, before, "before")

    async def test_a_message_during_the_answer(self, desk: Desk, till: Till) -> None:
        await desk.company.messages()
        before, order = await desk.company.books(), str(ObjectId())
        request = await desk.wanted()
        with contextlib.suppress(NotScriptable):
            await desk.company.slow_next(_SLOW_SECONDS)
        task = asyncio.create_task(till.pay(request, order))
        for _ in range(_MOST_WAITS):
            if (await desk.since(before)).captured or task.done():
                break
            await asyncio.sleep(_WAIT_SECONDS)
        await asyncio.gather(till.catches_up(), till.status(order))
        await task
        await till.catches_up()
        await _paid_once(desk, till, order, before, "during")


@clause(12)
class NewsClauses:
    async def test_a_message_about_a_declined_payment_finds_it(
        self, desk: Desk, till: Till
    ) -> None:
        await till.catches_up()
        before, order = await till.waiting(), str(ObjectId())
        status = await till.pay(await desk.wanted("decline"), order)
        check(status.state == "declined", f"an order that the company declines is {status.state}")
        await till.catches_up()
        check(
            await till.waiting() == before,
            "a message about a declined payment finds none: give Declined its `ref`, or answer "
            "such messages with an empty list",
        )

    async def test_a_refund_in_the_dashboard_is_in_the_ledger(self, desk: Desk, till: Till) -> None:
        order = await till.paid()
        ref = (await till.stored(order))["ref"]
        await desk.company.messages()
        await desk.company.refund(ref, 400)
        await till.catches_up()
        got = (await till.books(order)).refunded
        check(
            got == 400,
            f"of a refund of 400 in the dashboard {got} reached the ledger: its message has a "
            "`refunded` event with the payment as `parent_ref`",
        )

    async def test_a_refund_that_fails_later_is_taken_back(self, desk: Desk, till: Till) -> None:
        order = await till.paid()
        ref = (await till.stored(order))["ref"]
        await till.refund(order, 400 if desk.can.partial_refund else 1000)
        await desk.company.fail_refund(ref)
        await till.catches_up()
        books = await till.books(order)
        check(
            books.refunded == 0,
            f"{books.refunded} count as refunded after the refund failed: its message has a "
            "`refund_failed` event with the refund's own `ref`",
        )
        rows = {row["kind"] for row in await till.ledger(order)}
        check(
            "refund_failed" in rows or "refund_reversed" in rows,
            f"a refund that failed later is not in the ledger, which has {sorted(rows)}",
        )

    async def test_a_dispute_is_in_the_ledger(self, desk: Desk, till: Till) -> None:
        order = await till.paid()
        await desk.company.messages()
        await desk.company.dispute((await till.stored(order))["ref"])
        await till.catches_up()
        rows = {row["kind"]: row["amount"] for row in await till.ledger(order)}
        check(
            rows.get("dispute_opened") == 1000,
            f"a dispute of 1000 is not in the ledger, which has {sorted(rows)}: its message has a "
            "`dispute_opened` event with the payment as `parent_ref`",
        )

    async def test_a_dispute_is_in_the_balances(self, desk: Desk, till: Till) -> None:
        order = await till.paid()
        await desk.company.messages()
        await desk.company.dispute((await till.stored(order))["ref"])
        await till.catches_up()
        got = (await till.books(order)).disputed
        check(got == 1000, f"{got} of 1000 count as disputed")

    async def test_fetch_tells_of_it_without_a_message(self, desk: Desk) -> None:
        desk.asks_somebody()
        ref = await desk.paid()
        await desk.company.refund(ref, 400)
        kinds = {event.kind for event in await desk.fetch(ref)}
        check(
            "refunded" in kinds,
            f"`fetch` tells {sorted(kinds)} after a refund in the dashboard: messages get lost",
        )
