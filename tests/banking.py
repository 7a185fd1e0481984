"""Somebody else's bank, scripted: a payment provider as a third party would write it.

It outlives engines, and keeps its word about keys: the same key again is the same payment.
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mercat.checkout import PaymentStatus, PaymentWanted, RefundStatus, RefundWanted
from mercat.checkout import payment_end as end_hook
from mercat.checkout import payment_refund as refund_hook
from mercat.checkout import payment_start as start_hook
from mercat.checkout import payment_status as status_hook
from mercat.engine import Engine
from mercat.errors import InvalidError
from mercat.money import Amount
from mercat.payments import (
    ActionRequired,
    Capabilities,
    Declined,
    Done,
    Event,
    EventKind,
    Method,
    MethodQuestion,
    Operation,
    Outcome,
    OutcomeUnknown,
    Pending,
    Resume,
    Start,
)
from mercat.storage import Record

WHEN = datetime(2027, 1, 1, tzinfo=UTC)
SECRET = "sk_live_hush"
Trouble = BaseException | Callable[[], Any]


@dataclass
class Account:
    """What the bank knows of one payment."""

    money: Amount
    way: str
    held: bool = False
    taken: bool = False
    let_go: bool = False
    captures: dict[str, int] = field(default_factory=dict)
    released: int = 0
    back: dict[str, int] = field(default_factory=dict)


class Bank:
    """`troubles` are what happens to calls once each, after they had their effect."""

    def __init__(self, code: str = "bank", **more: Any) -> None:
        self.code = code
        self.capabilities = Capabilities(**{"partial_refund": True, "redirect": True, **more})
        self.accounts: dict[str, Account] = {}
        self.calls: list[tuple[str, Any]] = []
        self.troubles: dict[str, list[Trouble]] = {}
        self.refuses_refunds = False

    # What tests ask

    def trouble(self, what: str, *troubles: Trouble) -> None:
        """The next calls of an operation go wrong, after they were done."""
        self.troubles.setdefault(what, []).extend(troubles)

    def taken(self, key: str) -> int:
        """What was taken of the payment of an order, less what went back."""
        account = self.accounts.get(f"start:{key}")
        if account is None:
            return 0
        whole = account.money.minor if account.taken else sum(account.captures.values())
        return whole - sum(account.back.values())

    def asked(self, what: str) -> list[Any]:
        return [request for name, request in self.calls if name == what]

    # What the engine asks

    async def methods(self, question: MethodQuestion) -> Sequence[Method]:
        if question.money.currency not in ("EUR", "JPY", "KWD"):
            return []
        ways = ("card", "hold", "declined", "action", "later")
        cash = Method("cash", "Cash", paid="on_delivery")
        return [*(Method(way, way.title()) for way in ways), cash]

    async def start(self, request: Start) -> Outcome:
        account = self.accounts.setdefault(request.key, Account(request.money, request.method))
        if account.money != request.money:
            raise ValueError("another amount under the same key")
        account.taken = account.taken or request.method == "card"
        account.held = account.held or request.method == "hold"
        await self._called("start", request)
        return self._outcome(request.key)

    async def resume(self, request: Resume) -> Outcome:
        account = self.accounts[request.ref.removeprefix("pay-")]
        account.taken = account.taken or request.data.get("code") == "right"
        await self._called("resume", request)
        if account.taken:
            return self._outcome(request.key)
        return Declined("code", "That was not the right code.")

    async def capture(self, request: Operation) -> Outcome:
        account = self.accounts[request.ref.removeprefix("pay-")]
        amount = account.captures.get(request.key, request.money.minor)
        assert amount == request.money.minor, "another amount under the same key"
        if request.key not in account.captures:
            held = account.money.minor - account.released - sum(account.captures.values())
            if amount > held or account.let_go:
                await self._called("capture", request)
                return Declined("held", "There is less than that.")
            account.captures[request.key] = amount
            if not self.capabilities.multiple_captures:
                account.released = held - amount
        await self._called("capture", request)
        return Done(request.key, self._events(request.ref))

    async def void(self, request: Operation) -> Outcome:
        account = self.accounts[request.ref.removeprefix("pay-")]
        if account.captures:
            account.released = account.money.minor - sum(account.captures.values())
        else:
            account.let_go = account.let_go or not account.taken
        await self._called("void", request)
        if account.taken:
            return Declined("taken", "it was taken already")
        return Done(request.ref, self._events(request.ref))

    async def refund(self, request: Operation) -> Outcome:
        account = self.accounts[request.ref.removeprefix("pay-")]
        if self.refuses_refunds:
            await self._called("refund", request)
            return Declined("no", "the bank says no")
        account.back.setdefault(request.key, request.money.minor)
        await self._called("refund", request)
        events = [event for event in self._events(request.ref) if event.ref == request.key]
        return Done(request.key, tuple(events))

    async def fetch(self, ref: str) -> Sequence[Event]:
        await self._called("fetch", ref)
        return self._events(ref)

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Sequence[Event]:
        given = headers.get("x-bank-signature", "")
        if not hmac.compare_digest(given.encode(), _signed(raw).encode()):
            raise InvalidError(f"not signed with {SECRET}")
        message = json.loads(raw)
        if message["shop"] != "ours":
            return []
        return [event for event in self._events(message["ref"]) if event.kind in message["kinds"]]

    def message(
        self, key: str, *kinds: EventKind, shop: str = "ours"
    ) -> tuple[bytes, dict[str, str]]:
        """What the bank sends when something happened to the payment of an order."""
        raw = json.dumps({"shop": shop, "ref": f"pay-start:{key}", "kinds": kinds}).encode()
        return raw, {"x-bank-signature": _signed(raw)}

    async def _called(self, what: str, request: Any) -> None:
        self.calls.append((what, request))
        await asyncio.sleep(0)
        waiting = self.troubles.get(what)
        if not waiting:
            return
        trouble = waiting.pop(0)
        if isinstance(trouble, BaseException):
            raise trouble
        await trouble()

    def _outcome(self, key: str) -> Outcome:
        account, ref = self.accounts[key], f"pay-{key}"
        if account.way == "declined":
            return Declined("declined", "Your card was declined.")
        if account.taken or account.held:
            return Done(ref, self._events(ref))
        if account.way == "action":
            return ActionRequired(
                ref, WHEN, url=f"https://bank.example/3ds?token={SECRET}", client_data={"id": key}
            )
        return Pending(ref, message="Wait for it.", data={"slip": key})

    def _events(self, ref: str) -> tuple[Event, ...]:
        account = self.accounts[ref.removeprefix("pay-")]
        found, currency = [], account.money.currency
        if account.held:
            found.append(_event("authorized", account.money, f"{ref}-held", ref))
        if account.let_go:
            found.append(_event("voided", account.money, f"{ref}-held", ref))
        if account.taken:
            found.append(_event("captured", account.money, f"{ref}-taken", ref))
        for key, amount in account.captures.items():
            found.append(_event("captured", Amount(amount, currency), key, ref, key))
        if account.released:
            found.append(_event("voided", Amount(account.released, currency), f"{ref}-rest", ref))
        for key, amount in account.back.items():
            found.append(_event("refunded", Amount(amount, currency), key, ref, key))
        return tuple(found)


def _event(kind: EventKind, money: Amount, ref: str, parent: str, name: str = "") -> Event:
    return Event(f"{name or ref}-{kind}", kind, money, ref, WHEN, parent)


def _signed(raw: bytes) -> str:
    return hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()


def lost() -> OutcomeUnknown:
    """The answer of a call that had its effect."""
    return OutcomeUnknown(f"no answer within 10 s to a call with {SECRET}")


def wanted(key: str, way: str = "card", amount: int = 1000, **more: Any) -> PaymentWanted:
    given = {"currency": "EUR", "order_number": f"N{key}", **more}
    return PaymentWanted(key, f"bank:{way}", amount, **given)


async def started(engine: Engine, key: str, way: str = "card", **more: Any) -> PaymentStatus:
    """The answer to `payment_start`, as the checkout has it."""
    found = await engine.hooks.first(start_hook, engine.context(), wanted(key, way, **more))
    assert found is not None
    return found


async def status(engine: Engine, key: str) -> str | None:
    found = await engine.hooks.first(status_hook, engine.context(), key)
    return None if found is None else found.state


async def ended(engine: Engine, key: str) -> str | None:
    found = await engine.hooks.first(end_hook, engine.context(), key, "sold out")
    return None if found is None else found.state


async def refunded(engine: Engine, key: str, payment: str, amount: int, **more: Any) -> str:
    found: RefundStatus | None = await engine.hooks.first(
        refund_hook,
        engine.context(),
        RefundWanted(key, payment, amount, more.get("currency", "EUR"), "broken"),
    )
    assert found is not None
    return found.state


async def stored(engine: Engine, key: str) -> Record:
    """What the shop has written down of a payment."""
    found = await engine.storage.database["payments"].find_one({"_id": key})
    assert found is not None
    return found


async def events(engine: Engine, key: str) -> list[str]:
    """The kinds of the events in the ledger of a payment."""
    rows = engine.storage.database["payment_events"].find({"payment": key})
    return sorted([row["kind"] async for row in rows])


async def operations(engine: Engine, key: str) -> list[tuple[str, str]]:
    """What was asked for, and what became of it, in order."""
    rows = engine.storage.database["payment_operations"].find({"payment": key}).sort("created_at")
    later = [(row["kind"], row["state"]) async for row in rows]
    return [("START", (await stored(engine, key))["start"]), *later]


async def make_due(engine: Engine, key: str) -> None:
    """Have the job ask again at once."""
    past = datetime(2020, 1, 1, tzinfo=UTC)
    changed = await engine.storage.database["payments"].update_one(
        {"_id": key, "ask_at": {"$ne": None}}, {"$set": {"ask_at": past}}
    )
    assert changed.matched_count, "nobody would ask again"
