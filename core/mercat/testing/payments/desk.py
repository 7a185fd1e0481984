"""What every clause works with: the provider as the engine made it, and its company."""

import asyncio
import secrets
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NoReturn, TypeVar

import pytest
from bson import ObjectId

from mercat.engine import Engine
from mercat.errors import MercatError
from mercat.money import Amount
from mercat.payments import (
    ActionRequired,
    Capabilities,
    Declined,
    Done,
    Event,
    EventKind,
    MethodQuestion,
    Operation,
    Outcome,
    OutcomeUnknown,
    PaymentProvider,
    Pending,
    Resume,
    Start,
    Unsupported,
)
from mercat.testing.payments.company import Behaviour, Books, Company, Message, NotScriptable

SECONDS = 20.0
"""What a call has, as the engine gives it."""

Later = Literal["capture", "void", "refund"]
T = TypeVar("T")
_FIRST_NUMBER = 1001
_RETURN_URL = "https://shop.example/checkout/back"
_OUTCOMES = (Done, Pending, ActionRequired, Declined)


class ConformanceError(AssertionError):
    """What the provider did, and what to change, in one sentence."""


class TookTooLongError(OutcomeUnknown):
    """The provider had not answered when its time was over; the engine takes that for unknown."""


def check(holds: bool, said: str) -> None:
    """Fail with a sentence where something doesn't hold."""
    if not holds:
        fail(said)


def fail(said: str) -> NoReturn:
    raise ConformanceError(said)


def total(events: Iterable[Event], kind: EventKind) -> int:
    """What the events of a kind come to, each thing counted once."""
    return sum({event.ref: event.money.minor for event in events if event.kind == kind}.values())


def kinds(events: Iterable[Event]) -> set[EventKind]:
    return {event.kind for event in events}


@dataclass
class Desk:
    """Asks a provider as the engine does: ordinary keys, ordinary orders, no word of a test."""

    engine: Engine
    provider: PaymentProvider
    company: Company
    number: int = _FIRST_NUMBER

    @property
    def can(self) -> Capabilities:
        return self.provider.capabilities

    def needs(self, *names: str) -> None:
        """Skip what is about a capability that isn't declared."""
        for name in names:
            if not getattr(self.can, name):
                pytest.skip(f"`{name}` is not declared")

    def asks_somebody(self) -> None:
        if self.can.by_hand:
            pytest.skip("it asks nobody: `by_hand`")

    # Requests

    async def wanted(
        self,
        behaviour: Behaviour = "approve",
        minor: int = 1000,
        currency: str = "EUR",
        *,
        captures: bool = True,
        lies: Mapping[str, str] | None = None,
    ) -> Start:
        """A request for a new payment; `lies` are what the client says beside what is so."""
        given = await self.company.client_data(behaviour)
        money = Amount(minor, currency)
        self.number += 1
        return Start(
            key=f"start:{ObjectId()}",
            money=money,
            method=await self.method(money),
            order_number=str(self.number),
            return_url=f"{_RETURN_URL}?order={secrets.token_hex(6)}",
            data={**(lies or {}), **given},
            captures=captures,
        )

    async def method(self, money: Amount) -> str:
        """The first way to pay that it offers."""
        found = await self.provider.methods(MethodQuestion(money, "DE"))
        if not found:
            pytest.skip(f"it offers nothing for {money.decimal} {money.currency}")
        return found[0].id

    def operation(self, kind: Later, ref: str, minor: int, currency: str = "EUR") -> Operation:
        """A request about a payment, under a new key."""
        return Operation(f"{kind}:{ObjectId()}", ref, Amount(minor, currency))

    # Calls

    async def call(self, name: str, request: Start | Resume | Operation) -> Outcome:
        """An outcome of the protocol's. Raises what the protocol has; else ConformanceError."""
        try:
            outcome: Outcome = await self._in_time(name, getattr(self.provider, name)(request))
        except MercatError:
            raise
        except Exception as error:
            said = f"`{name}` raised {type(error).__name__}: answer with an outcome, or raise"
            raise ConformanceError(f"{said} OutcomeUnknown where it can't be known") from error
        if not isinstance(outcome, _OUTCOMES):
            fail(
                f"`{name}` answered {type(outcome).__name__}, which is no outcome: answer Done, "
                "Pending, ActionRequired or Declined"
            )
        return outcome

    async def _in_time(self, name: str, call: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(SECONDS) as limit:
                return await call
        except TimeoutError:
            if not limit.expired():
                raise  # the provider's own
            raise TookTooLongError(f"`{name}` had not answered after {SECONDS:.0f} s") from None

    async def start(self, request: Start) -> Outcome:
        return await self.call("start", request)

    async def do(self, kind: Later, request: Operation) -> Outcome:
        return await self.call(kind, request)

    async def resume(self, start: Start, ref: str, data: Mapping[str, str]) -> Outcome:
        return await self.call("resume", Resume(start.key, ref, start.money, data))

    async def fetch(self, ref: str) -> Sequence[Event]:
        """What the provider knows of a payment."""
        return await self._in_time("fetch", self.provider.fetch(ref))

    def parse(self, message: Message) -> Sequence[Event]:
        return self.provider.parse_webhook(message.raw, message.headers)

    # What clauses begin with

    async def paid(self, minor: int = 1000, currency: str = "EUR") -> str:
        """The reference of a new payment that was taken."""
        return self.taken(await self.start(await self.wanted("approve", minor, currency)), minor)

    def taken(self, outcome: Outcome, minor: int) -> str:
        """The reference of a payment that was taken; fails where it was not."""
        if not isinstance(outcome, Done):
            fail(
                "a payment that the company approves is answered with "
                f"{type(outcome).__name__}: it is Done"
            )
        got = total(outcome.events, "captured")
        check(got == minor, f"Done for {minor} has `captured` events of {got}: tell what was taken")
        return outcome.ref

    async def held(self, minor: int = 1000) -> str:
        """The reference of a new payment that is authorized alone."""
        self.needs("manual_capture")
        outcome = await self.start(await self.wanted("approve", minor, captures=False))
        if not isinstance(outcome, Done) or total(outcome.events, "authorized") != minor:
            fail(
                "a start without `captures` is not Done with an `authorized` event of the whole: "
                "reserve the money, or don't declare `manual_capture`"
            )
        check(
            total(outcome.events, "captured") == 0,
            "a start without `captures` takes money: reserve it, or don't declare `manual_capture`",
        )
        return outcome.ref

    async def acting(self) -> tuple[Start, ActionRequired]:
        """A new payment that waits for its buyer."""
        request = await self.wanted("three_d_secure")
        outcome = await self.start(request)
        if not isinstance(outcome, ActionRequired):
            fail(
                "where the buyer has to do something, `start` answers "
                f"{type(outcome).__name__}: answer ActionRequired"
            )
        return request, outcome

    async def begun(self) -> Start:
        """A request that begins a payment, in whichever way the company can."""
        for behaviour in ("approve", "pending", "three_d_secure"):
            try:
                return await self.wanted(behaviour)
            except NotScriptable:
                continue
        raise NotScriptable("any payment")

    # What came of it

    async def since(self, before: Books) -> Books:
        """What the company's books have more than before."""
        now = await self.company.books()
        return Books(*(b - a for a, b in zip(before, now, strict=True)))

    async def refuses(self, kind: Later, request: Operation, why: str) -> None:
        """Fail unless the provider refuses, and nothing moved."""
        before = await self.company.books(request.ref)
        try:
            outcome: Outcome | None = await self.do(kind, request)
        except Unsupported:
            outcome = None
        after = await self.company.books(request.ref)
        check(before == after, f"{why} moved money at the company: refuse it")
        check(
            outcome is None or isinstance(outcome, Declined),
            f"{why} is answered with {type(outcome).__name__}: answer Declined",
        )

    async def conflicts(self, name: str, request: Start | Operation) -> None:
        """Fail unless the same key with another amount is an error that moves nothing."""
        other = replace(request, money=Amount(request.money.minor + 100, request.money.currency))
        before = await self.company.books()
        try:
            outcome: Outcome | None = await self.call(name, other)
        except OutcomeUnknown:
            raise ConformanceError(
                f"`{name}` with a known key and another amount raises OutcomeUnknown, which is "
                "asked for ever: raise ConflictError"
            ) from None
        except MercatError:
            outcome = None
        check(
            await self.since(before) == Books() and not isinstance(outcome, Done | Pending),
            f"`{name}` takes a known key with another amount: raise ConflictError, and hand the "
            "key to the company together with the amount",
        )

    async def told(self) -> list[Event]:
        """The events of the messages that the company has sent since it was asked last."""
        return [event for each in await self.company.messages() for event in self.parse(each)]
