"""Writing down what is known of a payment: events, operations, and what follows, all at once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from mercat import checkout
from mercat.context import Context
from mercat.errors import ConflictError
from mercat.payments import Done, Event, EventKind, Outcome
from mercat.storage import Record, Session, stored_now
from mercat_payments.balances import Balances, Entry, fold
from mercat_payments.documents import (
    OPEN,
    OperationKind,
    OperationState,
    PaymentDocument,
    PaymentEventDocument,
    PaymentOperationDocument,
)
from mercat_payments.outcomes import start_of, values_of, values_of_start, with_own_event
from mercat_payments.standing import has_open, is_covered, standing
from mercat_payments.telling import publish

FIRST_PAUSE = timedelta(seconds=10)
MOST_ASKS = 40
"""How often a provider is asked again, which takes more than a day."""
NEWS = frozenset({"action", "awaited"})
"""How a payment stands of which its provider may have news."""
_TRIES = 3
_BEFORE: dict[OperationState, tuple[OperationState, ...]] = {
    "UNKNOWN": ("BEGUN",),
    "PENDING": (*OPEN, "PENDING"),
    "DONE": (*OPEN, "PENDING"),
    "DECLINED": (*OPEN, "PENDING"),
}
_SETTLES: dict[OperationKind, dict[EventKind, OperationState]] = {
    "CAPTURE": {"captured": "DONE", "capture_failed": "DECLINED"},
    "REFUND": {"refunded": "DONE", "refund_failed": "DECLINED", "refund_reversed": "DECLINED"},
}
_NEWS = ("state", "captured", "refunded", "disputed")


@dataclass(frozen=True, slots=True)
class _Found:
    """What is stored of a payment, read in the transaction that changes it."""

    payment: Record
    operations: list[Record]
    events: list[Record]

    @property
    def balances(self) -> Balances:
        return fold(Entry(each["kind"], each["ref"], each["amount"]) for each in self.events)


Before = Callable[[Session, Record], Awaitable[tuple[Record, Sequence[Event]]]]
"""What else is written in the transaction; it returns values of the payment, and events."""


async def note_events(context: Context, payment: Record, events: Sequence[Event]) -> Record:
    """Write down events that a provider tells of; those that are known change nothing."""
    keys = [_key(payment, event) for event in events]
    if await ledger(context).count_documents({"_id": {"$in": keys}}) == len(set(keys)):
        return payment

    async def before(_: Session, __: Record) -> tuple[Record, Sequence[Event]]:
        return {}, events

    return await note(context, payment["_id"], before)


async def note_start(
    context: Context, payment: Record, outcome: Outcome | None, *, is_told: bool
) -> Record:
    """Write down what became of a payment's start; None is what nobody knows.

    What is settled stays settled, whatever a twin of the call says later. `is_told` tells others
    that the payment stands elsewhere. Where nothing else happened since it was begun, nothing is
    read again: it is one conditional update, and its events.
    """
    events = () if outcome is None else outcome.events
    if payment["version"] == 1 and not is_told:
        after = await _answered_first(context, payment, outcome)
        if after is not None:
            return after
    values = await values_of_start(context, payment, outcome)

    async def before(_: Session, now: Record) -> tuple[Record, Sequence[Event]]:
        return values if now["start"] in _BEFORE[values["start"]] else {}, events

    return await note(context, payment["_id"], before, is_told=is_told)


async def answered(
    context: Context, payment: Record, outcome: Outcome | None, lines: Sequence[Record] = ()
) -> Record:
    """A payment after the outcome of its start, with the only lines that its ledger has."""
    known = {**payment, **await values_of_start(context, payment, outcome)}
    return _after(payment, _Found(known, [start_of(known)], list(lines)))


async def _answered_first(
    context: Context, payment: Record, outcome: Outcome | None
) -> Record | None:
    """The same, written; None where something else was written of the payment before."""
    events = {} if outcome is None else {_key(payment, each): each for each in outcome.events}
    if events and not isinstance(outcome, Done):
        return None
    lines = [_line(payment, key, event) for key, event in events.items()]
    after = await answered(context, payment, outcome, lines)
    changed = {name: value for name, value in after.items() if payment[name] != value}
    unchanged = {"_id": payment["_id"], "version": 1}

    async def work(session: Session | None) -> bool:
        done = await payments(context).update_one(unchanged, {"$set": changed}, session=session)
        if done.matched_count and lines:
            await ledger(context).insert_many(lines, session=session)
        return bool(done.matched_count)

    try:
        is_done = await (context.storage.transaction(work) if lines else work(None))
    except DuplicateKeyError:  # a message told of it before the answer did
        return None
    return after if is_done else None


def _key(payment: Record, event: Event) -> str:
    """What a line of the ledger is stored under: an event is written once."""
    return f"{payment['provider']}:{event.id}"


async def note_outcome(
    context: Context, payment: Record, operation: Record, outcome: Outcome | None
) -> Record:
    """Write down what became of a later operation, as `note_start` does, and tell others."""
    values = values_of(operation, outcome)

    async def before(session: Session, _: Record) -> tuple[Record, Sequence[Event]]:
        await operations(context).update_one(
            {"_id": operation["_id"], "state": {"$in": _BEFORE[values["state"]]}},
            {"$set": {**values, "updated_at": datetime.now(UTC)}},
            session=session,
        )
        is_closing = operation["is_last"] and values["state"] in {"DONE", "PENDING"}
        return {"is_closing": True} if is_closing else {}, events

    events = with_own_event(operation, outcome)
    return await note(context, payment["_id"], before)


async def note(context: Context, key: str, before: Before, *, is_told: bool = True) -> Record:
    """Write what `before` does and its events, in one transaction; returns the payment after it."""

    async def work(session: Session) -> Record:
        payment = await payments(context).find_one({"_id": key}, session=session)
        if payment is None:
            raise ConflictError("there is no such payment")
        values, events = await before(session, payment)
        await _add(context, session, payment, events)
        return await _refresh(context, session, {**payment, **values}, is_told=is_told)

    after = await in_transaction(context, work)
    await publish(context, key)
    return after


async def in_transaction(context: Context, work: Callable[[Session], Awaitable[Record]]) -> Record:
    """Run `work`; again where another process wrote the same event just then."""
    for _ in range(_TRIES):
        try:
            return await context.storage.transaction(work)
        except DuplicateKeyError:
            await asyncio.sleep(0)
    return await context.storage.transaction(work)


async def _add(
    context: Context, session: Session, payment: Record, events: Sequence[Event]
) -> None:
    wanted = {_key(payment, event): event for event in events}
    if not wanted:
        return
    known = ledger(context).find({"_id": {"$in": list(wanted)}}, {"_id": 1}, session=session)
    there = {record["_id"] async for record in known}
    new = [_line(payment, key, event) for key, event in wanted.items() if key not in there]
    if new:
        await ledger(context).insert_many(new, session=session)


def _line(payment: Record, key: str, event: Event) -> Record:
    return {
        "_id": key,
        "payment": payment["_id"],
        "provider": payment["provider"],
        "kind": event.kind,
        "amount": event.money.minor,
        "currency": event.money.currency,
        "ref": event.ref,
        "parent_ref": event.parent_ref,
        "at": event.at,
        "received_at": datetime.now(UTC),
    }


async def _refresh(context: Context, session: Session, payment: Record, *, is_told: bool) -> Record:
    """Have the payment say what its events and operations come to."""
    found = await _read(context, session, payment)
    await _settle(context, session, found)
    after = _after(payment, found)
    changed = {name: value for name, value in after.items() if name != "_id"}
    done = await payments(context).update_one(
        {"_id": payment["_id"], "version": payment["version"]}, {"$set": changed}, session=session
    )
    if not done.matched_count:
        raise ConflictError("the payment changed at the same time; try again")
    if is_told and _is_news(payment, after):
        await context.engine.outbox.add(session, checkout.payment_changed, context, payment["_id"])
    return after


def _after(payment: Record, found: _Found) -> Record:
    """A payment as what is found of it has it; `payment` is as it was."""
    figures = standing(found.payment, found.balances, found.operations)
    now = stored_now()
    after = {**found.payment, **figures, "updated_at": now, "version": payment["version"] + 1}
    return after | _asking(after, found.operations)


def _is_news(before: Record, after: Record) -> bool:
    """Whether others are told: of a payment that is ending only once it has ended."""
    is_ending = after["ended_at"] is not None and after["state"] != "ended"
    return not is_ending and any(before[name] != after[name] for name in _NEWS)


async def _read(context: Context, session: Session, payment: Record) -> _Found:
    mine = {"payment": payment["_id"]}
    return _Found(
        payment,
        [start_of(payment), *await operations(context).find(mine, session=session).to_list()],
        await ledger(context).find(mine, session=session).to_list(),
    )


async def _settle(context: Context, session: Session, found: _Found) -> None:
    """Settle operations that waited for what the events say."""
    for operation in found.operations:
        state = _settled(found, operation)
        if state is None:
            continue
        operation["state"] = state
        if operation["kind"] == "START":
            found.payment.update(start=state, shown=None, is_action=False, expires_at=None)
            continue
        await operations(context).update_one(
            {"_id": operation["_id"]},
            {"$set": {"state": state, "updated_at": datetime.now(UTC)}},
            session=session,
        )


def _settled(found: _Found, operation: Record) -> OperationState | None:
    """What an operation that isn't settled has become, as the events have it."""
    is_pending = operation["state"] == "PENDING"
    if operation["kind"] == "START":
        return "DONE" if is_pending and is_covered(found.payment, found.balances) else None
    if operation["kind"] == "VOID":
        is_gone = found.balances.released and not found.balances.authorized
        return "DONE" if is_pending and is_gone else None
    return _settled_by_word(found, operation)


def _settled_by_word(found: _Found, operation: Record) -> OperationState | None:
    """What events say of a capture or a refund; what was done may have failed in the end."""
    if operation["ref"] is None or operation["state"] == "DECLINED":
        return None
    means = _SETTLES[operation["kind"]]
    said = [each["kind"] for each in found.events if each["ref"] == operation["ref"]]
    states = {means[kind] for kind in said if kind in means}
    state: OperationState | None = "DECLINED" if "DECLINED" in states else None
    if state is None and "DONE" in states:
        state = "DONE"
    return None if state == operation["state"] else state


def _asking(payment: Record, found: Sequence[Record]) -> Record:
    """When the provider is asked again, if it is: what nobody knows, and what may be paid yet."""
    is_ending = payment["ended_at"] is not None and payment["state"] != "ended"
    is_awaited = payment["is_asked"] and payment["state"] in NEWS
    if not is_ending and not is_awaited and payment["left"] is None and not has_open(found):
        return {"ask_at": None, "asks": 0}
    if payment["asks"] > MOST_ASKS:
        return {"ask_at": None}
    return {"ask_at": payment["ask_at"] or datetime.now(UTC) + FIRST_PAUSE}


async def stored(context: Context, key: str) -> Record | None:
    """The payment of an order; None where none was begun."""
    return await payments(context).find_one({"_id": key, "number": {"$gt": 0}})


def payments(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(PaymentDocument)


def operations(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(PaymentOperationDocument)


def ledger(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(PaymentEventDocument)
