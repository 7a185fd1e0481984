"""Finding out what isn't known of a payment, and ending those that are not to be."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pymongo.errors import DuplicateKeyError

from mercat.checkout import PaymentStatus
from mercat.context import Context
from mercat.errors import InvalidError
from mercat.lifecycle import Job
from mercat.payments import Event, PaymentProvider
from mercat.storage import Record, Session, storable
from mercat.turns import turn
from mercat_payments.asking import events_of, is_known
from mercat_payments.documents import OPEN
from mercat_payments.ledger import (
    FIRST_PAUSE,
    MOST_ASKS,
    NEWS,
    note,
    note_events,
    operations,
    payments,
    stored,
)
from mercat_payments.operating import ask_for, begin, new_operation
from mercat_payments.providers import providers_of
from mercat_payments.starting import ask_to_start
from mercat_payments.telling import status_of

_LONGEST_PAUSE = timedelta(hours=1)
AT_ONCE = 48
"""How many calls of providers a run of the job makes at once."""
_AT_ONE = 16
_MOST = 1_000
_RUN_SECONDS = 30.0
_STEPS = 4

_logger = logging.getLogger(__name__)


async def status(context: Context, key: str) -> PaymentStatus | None:
    """Where a payment stands, asking its provider where that isn't known; None without one."""
    payment = await stored(context, key)
    if payment is None:
        return None
    provider = providers_of(context).find(payment["provider"])
    if provider is not None and _needs_news(payment):
        async with turn(context, "payment", key):
            payment = await settled(context, provider, payment)
    return await status_of(context, payment)


async def end(context: Context, key: str, reason: str) -> PaymentStatus | None:
    """Take no money any more, and give back what was taken; None without a payment."""

    async def before(_: Session, payment: Record) -> tuple[Record, Sequence[Event]]:
        if payment["ended_at"] is not None:
            return {}, ()
        return {"ended_at": datetime.now(UTC), "end_reason": storable(reason)}, ()

    async with turn(context, "payment", key):
        payment = await _forestalled(context, key, reason)
        if payment is None:
            return None
        if payment["ended_at"] is None:
            payment = await note(context, key, before)
        provider = providers_of(context).find(payment["provider"])
        if provider is not None and payment["state"] != "ended":
            payment = await settled(context, provider, payment)
    return await status_of(context, payment)


async def _forestalled(context: Context, key: str, reason: str) -> Record | None:
    """The payment of a key; where there is none, what comes later under the key begins nothing."""
    found = await stored(context, key)
    if found is None:
        values = {"ended_at": datetime.now(UTC), "end_reason": storable(reason)}
        with contextlib.suppress(DuplicateKeyError):
            await payments(context).insert_one({"_id": key, **values})
        found = await stored(context, key)
    return found


async def settled(context: Context, provider: PaymentProvider, payment: Record) -> Record:
    """The payment after asking what isn't known of it, and doing what is left of its end.

    The caller has its turn.
    """
    payment = await payments(context).find_one({"_id": payment["_id"]}) or payment
    if payment["start"] in OPEN:
        payment = await ask_to_start(context, provider, payment, is_told=True)
    payment = await _repeat(context, provider, payment)
    if payment["state"] in NEWS:
        payment = await ask_for_news(context, provider, payment)
    for _ in range(_STEPS):
        left = payment["left"]
        if left is None:
            break
        step = _void if left == "VOID" else _refund_rest
        payment = await step(context, provider, payment)
        if payment["left"] == left:
            break
    return payment


async def _repeat(context: Context, provider: PaymentProvider, payment: Record) -> Record:
    """Ask again, with the same keys, what nobody knows the outcome of."""
    wanted = {"payment": payment["_id"], "state": {"$in": OPEN}}
    for operation in await operations(context).find(wanted).to_list():
        if is_known(provider, operation):
            payment = await ask_for(context, provider, payment, operation)
    return payment


async def ask_for_news(context: Context, provider: PaymentProvider, payment: Record) -> Record:
    """The payment after all that its provider knows of it is written down."""
    events = await events_of(provider, payment["ref"], payment["currency"])
    return await note_events(context, payment, events)


async def _void(context: Context, provider: PaymentProvider, payment: Record) -> Record:
    """Let go of what is authorized, or of a payment that waits; a refused one gets a new key."""
    mine = {"payment": payment["_id"], "kind": "VOID"}
    count = await operations(context).count_documents(
        {**mine, "state": {"$in": ["DONE", "DECLINED"]}}
    )
    key = f"void:{payment['_id']}:{count}"
    amount = payment["authorized"] or payment["amount"]
    operation = new_operation(context, payment, key, "VOID", amount)
    try:
        await operations(context).insert_one(operation)
    except DuplicateKeyError:
        operation = await operations(context).find_one({"_id": key}) or operation
    if operation["state"] in OPEN:
        payment = await ask_for(context, provider, payment, operation)
    is_done = await operations(context).find_one({"_id": key, "state": "DONE"}, {"_id": 1})
    return payment if is_done else await ask_for_news(context, provider, payment)


async def _refund_rest(context: Context, provider: PaymentProvider, payment: Record) -> Record:
    """Give back what was taken of a payment that is not to be."""
    count = await operations(context).count_documents({"payment": payment["_id"], "kind": "REFUND"})
    key = f"refund:end:{payment['_id']}:{count}"
    amount, reason = payment["refundable"], payment["end_reason"] or ""
    wanted = new_operation(context, payment, key, "REFUND", amount, reason)
    try:
        operation = await begin(context, wanted)
    except InvalidError:  # another process did
        return await payments(context).find_one({"_id": payment["_id"]}) or payment
    if operation["state"] not in OPEN:
        return await payments(context).find_one({"_id": payment["_id"]}) or payment
    return await ask_for(context, provider, payment, operation)


def _needs_news(payment: Record) -> bool:
    return payment["state"] == "unknown" or (payment["is_asked"] and payment["state"] in NEWS)


async def ask_again(context: Context) -> None:
    """Ask about payments of which nobody knows, and end those that are not to be, later and later.

    Safe to repeat, and to be at it in two processes at once. A provider that doesn't answer keeps
    nobody from asking the others.
    """
    places = asyncio.Semaphore(AT_ONCE)
    codes = [provider.code for provider in providers_of(context).all()]
    await asyncio.gather(*(_ask_of(context, code, places) for code in codes))


async def _ask_of(context: Context, code: str, places: asyncio.Semaphore) -> None:
    """Ask one provider for all that is due, for as long as a run of the job may take."""
    own, end = asyncio.Semaphore(_AT_ONE), time.monotonic() + _RUN_SECONDS

    async def one(payment: Record) -> None:
        async with own, places:
            try:
                await _again(context, payment)
            except Exception:
                _logger.exception("payment %s could not be settled", payment["_id"])

    while time.monotonic() < end:
        now = datetime.now(UTC)
        due = payments(context).find({"ask_at": {"$lte": now}, "provider": code})
        found = await due.sort("ask_at", 1).limit(_MOST).to_list()
        await asyncio.gather(*map(one, found))
        if len(found) < _MOST:
            return


async def _again(context: Context, payment: Record) -> None:
    asks = payment["asks"] + 1
    pause = min(FIRST_PAUSE * 2 ** min(asks, 20), _LONGEST_PAUSE)
    at = None if asks > MOST_ASKS else datetime.now(UTC) + pause
    taken = await payments(context).update_one(
        {"_id": payment["_id"], "ask_at": payment["ask_at"]}, {"$set": {"ask_at": at, "asks": asks}}
    )
    if not taken.matched_count:
        return
    if at is None:
        _logger.error("payment %s: nobody can say where it stands; look at it", payment["_id"])
    provider = providers_of(context).find(payment["provider"])
    if provider is not None:
        async with turn(context, "payment", payment["_id"]):
            await settled(context, provider, payment)


JOBS = (Job(name="payments-ask-again", every=timedelta(seconds=5), run=ask_again),)
