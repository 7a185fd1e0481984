"""The ledger: entries that are written once, and balances that are their sum."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, Self, TypeVar

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.errors import ConflictError
from mercat.storage import Record, Session
from mercat_payouts.documents import (
    EntryKind,
    PayoutBalanceDocument,
    PayoutDocument,
    PayoutEntryDocument,
)

T = TypeVar("T")

_TRIES = 10


@dataclass(frozen=True, slots=True)
class Balance:
    """What is earned and not due yet, can be paid, is on its way, and was paid; minor units."""

    pending: int = 0
    available: int = 0
    in_transit: int = 0
    paid: int = 0

    def __add__(self, other: Self) -> Self:
        sums = {
            one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)
        }
        return replace(self, **sums)

    def times(self, amount: int) -> "Balance":
        return Balance(*(amount * getattr(self, one.name) for one in fields(self)))


_EARNING = Balance(pending=1)
_MOVES: dict[EntryKind, Balance] = {
    "EARNED": _EARNING,
    "REFUNDED": _EARNING,
    "DISCOUNT": _EARNING,
    "COMMISSION": _EARNING,
    "COMMISSION_BACK": _EARNING,
    "DUE": Balance(pending=-1, available=1),
    "TRANSFERRED": Balance(available=-1, in_transit=1),
    "PAID": Balance(in_transit=-1, paid=1),
    "FAILED": Balance(available=1, in_transit=-1),
    "REVERSED": Balance(available=1, paid=-1),
    "ADJUSTED": Balance(available=1),
}


def fold(entries: Iterable[tuple[EntryKind, int]]) -> Balance:
    """What entries come to, by their kinds and amounts, in whatever order."""
    found = Balance()
    for kind, amount in entries:
        found += _MOVES[kind].times(amount)
    return found


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry to be written; `key` is its own, `more` what else is stored of it."""

    key: str
    kind: EntryKind
    amount: int
    more: Record


class MovedError(Exception):
    """Somebody else wrote the same at the same time."""


async def write(
    context: Context, session: Session, balance: Record, entries: Sequence[Entry], **more: Any
) -> Record:
    """Write entries of one balance, in a transaction; returns the balance after them.

    `more` are further values of the balance. Raises MovedError where somebody else was faster.
    """
    moved = fold((one.kind, one.amount) for one in entries)
    after = {
        **balance,
        **{one.name: balance[one.name] + getattr(moved, one.name) for one in fields(moved)},
        "entries": balance["entries"] + len(entries),
        **more,
    }
    changed = {name: value for name, value in after.items() if value != balance[name]}
    if changed:
        done = await balances(context).update_one(
            {"_id": balance["_id"], "entries": balance["entries"], "debt": balance["debt"]},
            {"$set": changed},
            session=session,
        )
        if not done.matched_count:
            raise MovedError
    now = datetime.now(UTC)
    rows = [
        {
            "_id": one.key,
            "balance": balance["_id"],
            "number": number,
            "kind": one.kind,
            "amount": one.amount,
            "at": now,
            **one.more,
        }
        for number, one in enumerate(entries, balance["entries"] + 1)
    ]
    if rows:
        await lines(context).insert_many(rows, session=session)
    return after


async def balance_of(
    context: Context, session: Session, provider: str, seller: str, currency: str
) -> Record:
    """The balance of a seller in a currency, made where it isn't there yet."""
    key = balance_key(provider, seller, currency)
    found = await balances(context).find_one({"_id": key}, session=session)
    if found is not None:
        return found
    made: Record = {
        "_id": key,
        "provider": provider,
        "seller": seller,
        "currency": currency,
        **{one.name: 0 for one in fields(Balance)},
        "debt": 0,
        "entries": 0,
        "paid_number": 0,
        "paid_at": None,
    }
    await balances(context).insert_one(made, session=session)
    return made


def balance_key(provider: str, seller: str, currency: str) -> str:
    return f"{provider}:{seller}:{currency}"


async def in_transaction(context: Context, work: Callable[[Session], Awaitable[T]]) -> T:
    """Run `work` in a transaction; anew where somebody else wrote the same at the same time.

    Raises ConflictError where that happens again and again.
    """
    for _ in range(_TRIES):
        try:
            return await context.storage.transaction(work)
        except (MovedError, DuplicateKeyError):
            continue
    raise ConflictError("this is being changed elsewhere; try again")


def about(split: Record, part: Record, **more: Any) -> Record:
    """What an entry says of the part of an order that it is about."""
    return {
        "order": split["_id"],
        "order_number": split["code"],
        "order_version": split["version"],
        "part": part["id"],
        **more,
    }


def entry_key(part: ObjectId, revision: int, kind: str) -> str:
    """The key of an entry about a part: one of a kind for each write of its order's split."""
    return f"{part}:{revision}:{kind}"


def balances(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(PayoutBalanceDocument)


def lines(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(PayoutEntryDocument)


def payouts(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(PayoutDocument)
