"""Providers that each break one clause of the conformance kit, in a way that was seen somewhere."""

import asyncio
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from mercat_examplepay.provider import Examplepay, _events
from mercat_examplepay.settings import ExamplepaySettings

from mercat.errors import ConflictError, InvalidError
from mercat.money import Amount, parse_amount
from mercat.payments import (
    ActionRequired,
    Capabilities,
    Declined,
    Done,
    Event,
    Operation,
    Outcome,
    OutcomeUnknown,
    Resume,
    Start,
)


class Lying(Examplepay):
    """It captures, and says that it can't."""

    capabilities = Capabilities(partial_refund=True, redirect=True, async_result=True)


class Forgetful(Examplepay):
    """It knows a key until it has answered, so that the next call is done anew."""

    def __init__(self, settings: ExamplepaySettings) -> None:
        super().__init__(settings)
        self.answered: dict[str, int] = {}

    async def refund(self, request: Operation) -> Outcome:
        count = self.answered.get(request.key, 0)
        outcome = await super().refund(replace(request, key=f"{request.key}.{count}"))
        self.answered[request.key] = count + 1
        return outcome


class Hasty(Examplepay):
    """It looks whether it had the key, and has the company begin anew where it hadn't."""

    def __init__(self, settings: ExamplepaySettings) -> None:
        super().__init__(settings)
        self.known: dict[str, str] = {}

    async def start(self, request: Start) -> Outcome:
        known = self.known.get(request.key)
        if known is None:
            await asyncio.sleep(0)  # where another one would ask its database
            known = self.known[request.key] = secrets.token_hex(8)
        return await super().start(replace(request, key=known))


class Pessimistic(Examplepay):
    """It takes a lost answer for a refusal."""

    async def refund(self, request: Operation) -> Outcome:
        try:
            return await super().refund(request)
        except OutcomeUnknown:
            return Declined("timeout", "Examplepay did not answer.")


class Hundredths(Examplepay):
    """It takes every currency for one of hundredths."""

    async def _ask(self, verb: str, *path: str, key: str = "", body: Any = None) -> dict[str, Any]:
        if body and "currency" in body:
            minor = parse_amount(body["amount"], body["currency"]).minor
            body = {**body, "amount": f"{minor / 100:.2f}"}
        return await super()._ask(verb, *path, key=key, body=body)


class Generous(Examplepay):
    """It gives back what is left where more is asked for."""

    async def refund(self, request: Operation) -> Outcome:
        outcome = await super().refund(request)
        events = await self.fetch(request.ref)
        left = sum(e.money.minor for e in events if e.kind == "captured")
        left -= sum(e.money.minor for e in events if e.kind == "refunded")
        if isinstance(outcome, Declined) and left:
            rest = Amount(left, request.money.currency)
            return await super().refund(replace(request, key=f"{request.key}.rest", money=rest))
        return outcome


class Credulous(Examplepay):
    """It believes a client that says it paid."""

    async def resume(self, request: Resume) -> Outcome:
        if request.data.get("status") == "succeeded":
            at, ref = datetime.now(UTC), request.ref
            return Done(ref, (Event(f"{ref}.ok", "captured", request.money, ref, at, ref),))
        return await super().resume(request)


class Late(Examplepay):
    """Its actions have expired when they begin."""

    async def start(self, request: Start) -> Outcome:
        outcome = await super().start(request)
        if isinstance(outcome, ActionRequired):
            return replace(outcome, expires=datetime.now(UTC) - timedelta(hours=1))
        return outcome


class Trusting(Examplepay):
    """It reads messages without verifying them."""

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Sequence[Event]:
        if "examplepay-sign" not in headers:
            raise InvalidError("the message is not signed")
        message = json.loads(raw)
        is_own = message["merchant"] == self._settings.merchant
        return _events(message["payment"], message["events"]) if is_own else ()


class Timeless(Examplepay):
    """It verifies messages, and not how old they are."""

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Sequence[Event]:
        stamp = headers.get("examplepay-sign", "").partition(" ")[0]
        now, time.time = time.time, lambda: float(stamp or 0)
        try:
            return super().parse_webhook(raw, headers)
        finally:
            time.time = now


class Random(Examplepay):
    """Its events have another id each time."""

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Sequence[Event]:
        found = super().parse_webhook(raw, headers)
        return [replace(event, id=secrets.token_hex(8)) for event in found]


class Blurred(Examplepay):
    """All refunds of a payment are one to it."""

    async def refund(self, request: Operation) -> Outcome:
        outcome = await super().refund(request)
        return replace(outcome, events=_blurred(outcome.events))

    async def fetch(self, ref: str) -> Sequence[Event]:
        return _blurred(await super().fetch(ref))

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Sequence[Event]:
        return _blurred(super().parse_webhook(raw, headers))


def _blurred(events: Sequence[Event]) -> tuple[Event, ...]:
    return tuple(
        replace(event, ref=event.parent_ref or event.ref) if "refund" in event.kind else event
        for event in events
    )


class Nervous(Examplepay):
    """It throws where a payment that a message told of is begun again."""

    def __init__(self, settings: ExamplepaySettings) -> None:
        super().__init__(settings)
        self.paid: set[str | None] = set()

    async def start(self, request: Start) -> Outcome:
        outcome = await super().start(request)
        if outcome.ref in self.paid:
            raise ConflictError("this payment is settled, and can't be settled")
        return outcome

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Sequence[Event]:
        found = super().parse_webhook(raw, headers)
        self.paid |= {event.parent_ref for event in found}
        return found


class Deaf(Examplepay):
    """It doesn't know of disputes."""

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Sequence[Event]:
        found = super().parse_webhook(raw, headers)
        return [event for event in found if event.kind != "dispute_opened"]


class Talkative(Examplepay):
    """Its error says with which key it asked."""

    async def refund(self, request: Operation) -> Outcome:
        try:
            return await super().refund(request)
        except OutcomeUnknown:
            key = self._settings.api_key.get_secret_value()
            raise OutcomeUnknown(f"no answer to a refund with {key}") from None


class Sleepy(Examplepay):
    """It waits on the event loop."""

    async def fetch(self, ref: str) -> Sequence[Event]:
        time.sleep(0.2)  # noqa: ASYNC251  this is the fault
        return await super().fetch(ref)


FAULTS: dict[str, tuple[int, type[Examplepay]]] = {
    broken.__name__.lower(): (clause, broken)
    for clause, broken in (
        (1, Lying),
        (2, Forgetful),
        (3, Hasty),
        (4, Pessimistic),
        (5, Hundredths),
        (6, Generous),
        (7, Credulous),
        (8, Late),
        (9, Trusting),
        (9, Timeless),
        (9, Random),
        (10, Blurred),
        (11, Nervous),
        (12, Deaf),
        (13, Talkative),
        (13, Sleepy),
    )
}
"""By name: the clause that it breaks, and the provider."""
