"""The simulated company: its payments, each changed by one conditional update."""

import asyncio
import copy
import hashlib
import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TypeVar

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.errors import ConflictError
from mercat.payments import Start
from mercat.storage import Record, stored_now
from mercat.storage.encryption import encryption_of
from mercat.turns import turn
from mercat_payments_sandbox import books
from mercat_payments_sandbox.books import Clock
from mercat_payments_sandbox.documents import SandboxPaymentDocument
from mercat_payments_sandbox.settings import SandboxSettings

_TRIES = 10
_PAUSE_SECONDS = 0.02
_TOKEN_BYTES = 32
_REF_BYTES = 12

T = TypeVar("T")


async def opened(context: Context, request: Start) -> tuple[Record, bool]:
    """The payment of a key, and whether it began just now.

    Raises ConflictError for a key that came with something else before.
    """
    found = await _payments(context).find_one({"_id": request.key})
    if found is None:
        made = await _made(context, request)
        try:
            await _payments(context).insert_one(made)
        except DuplicateKeyError:
            found = await _payments(context).find_one({"_id": request.key})
            if found is None:
                raise
        else:
            return made, True
    _check_same(found, request)
    return await now(context, found), False


async def find(context: Context, ref: str) -> Record | None:
    """The payment with a reference, as it is by now."""
    found = await _payments(context).find_one({"ref": ref})
    return None if found is None else await now(context, found)


async def behind(context: Context, token: str) -> Record | None:
    """The payment that a page is of, as it is by now; None for a token that nobody was given."""
    found = await _payments(context).find_one({"door": _door(token)})
    return None if found is None else await now(context, found)


async def now(context: Context, record: Record) -> Record:
    """A payment after what happened by itself until now."""
    due = books.next_due({**record, "messages": []})
    if due is None or due > stored_now():
        return record
    return (await changed(context, record["_id"], books.pass_time))[0]


async def changed(
    context: Context, key: str, work: Callable[[Record, Clock], T]
) -> tuple[Record, T]:
    """A payment after `work` changed it, and what that returns; `work` may be run again.

    Raises ConflictError where others are always faster.
    """
    async with turn(context, "sandbox", key):
        for _ in range(_TRIES):
            before = await _payments(context).find_one({"_id": key})
            if before is None:
                raise ConflictError("there is no such payment")
            after, clock = copy.deepcopy(before), clock_of(context)
            books.pass_time(after, clock)
            result = work(after, clock)
            if after == before or await _replaced(context, before, after):
                return after, result
            await asyncio.sleep(_PAUSE_SECONDS)
    raise ConflictError("the payment is being changed elsewhere; try again")


async def due(context: Context, most: int) -> list[Record]:
    """Payments of which something is due, the longest due first."""
    found = _payments(context).find({"due_at": {"$lte": stored_now()}}).sort("due_at", 1)
    return await found.limit(most).to_list()


async def kept_of(context: Context, record: Record) -> Mapping[str, str | None]:
    """The token of a payment's page, and the `return_url`."""
    found: dict[str, str | None] = await encryption_of(context).unseal(record["kept"])
    return found


def clock_of(context: Context) -> Clock:
    settings = context.settings(SandboxSettings)
    late, settling = settings.late_seconds, settings.settle_seconds
    return Clock(stored_now(), timedelta(seconds=late), timedelta(seconds=settling))


async def _replaced(context: Context, before: Record, after: Record) -> bool:
    after["version"] = before["version"] + 1
    after["due_at"] = books.next_due(after)
    here = {"_id": before["_id"], "version": before["version"]}
    return bool((await _payments(context).replace_one(here, after)).matched_count)


async def _made(context: Context, request: Start) -> Record:
    """A new payment; one that a program pays by `data` is settled without its page."""
    token, clock = secrets.token_urlsafe(_TOKEN_BYTES), clock_of(context)
    minutes = context.settings(SandboxSettings).expires_minutes
    kept = {"token": token, "return_url": request.return_url}
    record: Record = {
        "_id": request.key,
        "ref": f"sandbox_{secrets.token_hex(_REF_BYTES)}",
        "door": _door(token),
        "kept": await encryption_of(context).seal(kept),
        **_asked_for(request),
        **_untouched(),
        "created_at": clock.now,
        "expires_at": clock.now + timedelta(minutes=minutes),
    }
    _settle_at_once(record, clock)
    return {**record, "due_at": books.next_due(record)}


def _asked_for(request: Start) -> Record:
    return {
        "method": request.method,
        "amount": request.money.minor,
        "currency": request.money.currency,
        "order_number": request.order_number,
        "captures": request.captures,
        "customer": request.customer,
        "saves": request.saves,
        "outcome": request.data.get("outcome", "approve" if request.saved_method else None),
        "telling": request.data.get("messages", "at_once"),
    }


def _untouched() -> Record:
    return {
        "state": "OPEN",
        "reason": None,
        **dict.fromkeys(("authorized", "voided", "captured", "refunded"), 0),
        **{name: [] for name in ("wrong", "events", "operations", "messages")},
        "settles_at": None,
        "version": 1,
    }


def _settle_at_once(record: Record, clock: Clock) -> None:
    outcome = record["outcome"]
    if outcome in {"approve", "timeout"}:
        books.approve(record, clock)
    elif outcome == "decline":
        books.fail(record, "DECLINED", "card_declined", clock)
    elif outcome == "three_d_secure":
        record["state"] = "CODE"
    elif outcome in {"pending", "unknown"}:
        books.settle_later(record, clock)


def _check_same(record: Record, request: Start) -> None:
    before = (record["amount"], record["currency"], record["method"])
    if before != (request.money.minor, request.money.currency, request.method):
        raise ConflictError("this key came with something else before")


def _door(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def _payments(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(SandboxPaymentDocument)
