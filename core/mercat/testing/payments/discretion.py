"""Clause 13: no secret is told, the event loop is never held up, and time-outs are kept."""

import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from mercat.errors import MercatError
from mercat.payments import Outcome
from mercat.testing.payments.clauses import clause
from mercat.testing.payments.company import Message, NotScriptable
from mercat.testing.payments.desk import SECONDS, Desk, TookTooLongError, check, fail
from mercat.testing.payments.watching import Ears, LoopWatch, listening

_TRIES = 5
_LONGEST_SECONDS = 0.1
_SLOW_SECONDS = 0.4

Call = Callable[[], Awaitable[Any]]


async def _held_up(desk: Desk, prepare: Callable[[], Awaitable[Call]]) -> float:
    """For how long a call holds up the loop, at the best of some tries; others may be busy too."""
    best = float("inf")
    for _ in range(_TRIES):
        call = await prepare()
        with contextlib.suppress(NotScriptable):
            await desk.company.slow_next(_SLOW_SECONDS)
        async with LoopWatch() as watch:
            await call()
        best = min(best, watch.seconds)
        if best < _LONGEST_SECONDS:
            break
    return best


async def _noting(ears: Ears, call: Awaitable[Any]) -> Any:
    try:
        found = await call
    except Exception as error:  # noqa: BLE001  how it shows itself is what is asked
        ears.note(error)
        return None
    ears.note(found)
    return found


@clause(13)
class DiscretionClauses:
    async def test_a_call_does_not_hold_up_the_loop(self, desk: Desk) -> None:
        async def start() -> Call:
            request = await desk.begun()
            return lambda: desk.start(request)

        async def refund() -> Call:
            request = desk.operation("refund", await desk.paid(), 1000)
            return lambda: desk.do("refund", request)

        async def fetch() -> Call:
            ref = await desk.paid()
            return lambda: desk.fetch(ref)

        calls = {"start": start, "refund": refund, "fetch": fetch}
        found = {"start": start} if desk.can.by_hand else calls
        for name, prepare in found.items():
            seconds = await _held_up(desk, prepare)
            check(
                seconds < _LONGEST_SECONDS,
                f"`{name}` holds up the event loop for {seconds:.2f} s: use an async client, and "
                "asyncio.sleep",
            )

    async def test_a_message_is_read_without_waiting(self, desk: Desk) -> None:
        desk.asks_somebody()
        await desk.company.messages()
        await desk.paid()
        found = await desk.company.messages()
        seconds = min(_seconds_of(desk, found) for _ in range(_TRIES))
        check(
            seconds < _LONGEST_SECONDS,
            f"`parse_webhook` takes {seconds:.2f} s: it verifies and reads, and asks nobody",
        )

    @pytest.mark.parametrize("kind", ["refund", "fetch"])
    async def test_a_company_that_never_answers_is_given_up(self, desk: Desk, kind: str) -> None:
        ref = await desk.paid()
        await desk.company.lose_next()
        try:
            if kind == "fetch":
                await desk.fetch(ref)
            else:
                await desk.do("refund", desk.operation("refund", ref, 1000))
        except TookTooLongError:
            fail(
                f"`{kind}` waits for more than {SECONDS:.0f} s for a company that never answers: "
                "give the client a time-out",
            )
        except MercatError:
            pass
        except Exception as error:  # noqa: BLE001  what matters here is that it came
            check(kind == "fetch", f"`{kind}` raises {type(error).__name__}, not OutcomeUnknown")

    async def test_no_secret_is_told(self, desk: Desk) -> None:
        if not desk.company.secrets:
            pytest.skip("there are no secrets")
        package = type(desk.provider).__module__.split(".", maxsplit=1)[0]
        with listening(package) as ears:
            await _says_all(desk, ears)
        for number, secret in enumerate(desk.company.secrets, 1):
            where = ears.has(secret)
            shown = (where or "").replace(secret, "***").strip()[-160:]
            check(
                where is None,
                f"secret {number} of the company's `secrets` is told, in: {shown!r}",
            )


def _seconds_of(desk: Desk, messages: Sequence[Message]) -> float:
    before = time.monotonic()
    for message in messages:
        desk.parse(message)
    return time.monotonic() - before


async def _says_all(desk: Desk, ears: Ears) -> None:
    """Have the provider show itself in all that may go well or wrong."""
    ears.note(desk.provider)
    for settings in desk.engine._plugin_settings.values():  # noqa: SLF001  how they show themselves
        ears.note(settings)
    for behaviour in ("approve", "decline", "three_d_secure", "pending", "lost"):
        try:
            request = await desk.wanted(behaviour)
        except NotScriptable:
            continue
        ears.note(request)
        outcome: Outcome | None = await _noting(ears, desk.start(request))
        if outcome is not None and outcome.ref and not desk.can.by_hand:
            await _noting(ears, desk.resume(request, outcome.ref, request.data))
            await _says_of(desk, ears, outcome.ref, loses=behaviour == "approve")
    await _noting(ears, desk.fetch("nosuchpayment0000"))
    _hears_lies(desk, ears)


async def _says_of(desk: Desk, ears: Ears, ref: str, *, loses: bool) -> None:
    for lost in [False, True] if loses else [False]:
        for kind in ("refund", "void"):
            if lost:
                try:
                    await desk.company.lose_next()
                except NotScriptable:
                    return
            await _noting(ears, desk.call(kind, desk.operation(kind, ref, 1000)))
        await _noting(ears, desk.fetch(ref))


def _hears_lies(desk: Desk, ears: Ears) -> None:
    for message in (Message(b"{}", {}), Message(b"\xff", {"authorization": "Bearer x"})):
        try:
            desk.parse(message)
        except Exception as error:  # noqa: BLE001  how it shows itself is what is asked
            ears.note(error)
