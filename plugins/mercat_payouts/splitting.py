"""Following orders: what their sellers earn is reckoned anew, and the difference written down.

What is written follows from the order as it is, so that hearing of it twice, late or out of order
changes nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection

from mercat.context import Context
from mercat.storage import Record, Session, stored_now
from mercat_orders.orders.access import orders
from mercat_orders.orders.documents import WAITING
from mercat_payouts.documents import EntryKind, SplitDocument
from mercat_payouts.entries import (
    Entry,
    MovedError,
    about,
    balance_of,
    entry_key,
    in_transaction,
    write,
)
from mercat_payouts.providers import providers_of
from mercat_payouts.readiness import ready_at
from mercat_payouts.settings import PayoutSettings
from mercat_payouts.shares import PartShares, Share, shares_of

SOON = timedelta(seconds=30)
"""After how long a job looks again at what was to be transferred at once."""

_NOTHING = asdict(Share())
_HAS_SELLERS = {"seller": {"$ne": None}}


@dataclass(frozen=True, slots=True)
class _Rules:
    """The shop's settings, and what time it is."""

    settings: PayoutSettings
    is_by_hand: Mapping[str, bool]
    now: datetime

    @property
    def hold(self) -> timedelta:
        return timedelta(days=self.settings.hold_days)


async def follow(context: Context, key: ObjectId) -> Record | None:
    """Write down what changed of an order's shares; returns its split, None where it has none.

    An order without sellers leaves no trace.
    """
    order = await orders(context).find_one(
        {"_id": key, "seller_orders": {"$elemMatch": _HAS_SELLERS}}
    )
    if order is None or order["state"] in WAITING or not _counts(context, order):
        return None

    async def work(session: Session) -> Record:
        found = await splits(context).find_one({"_id": key}, session=session)
        return await _written(context, session, order, found)

    return await in_transaction(context, work)


def _counts(context: Context, order: Record) -> bool:
    since = context.settings(PayoutSettings).since
    placed = order["placed_at"]
    return placed is not None and (since is None or placed.date() >= since)


async def _written(
    context: Context, session: Session, order: Record, before: Record | None
) -> Record:
    if before is not None and before["version"] > order["version"]:
        return before  # the order was read before somebody else wrote what it is now
    settings = context.settings(PayoutSettings)
    by_hand = {each.code: each.capabilities.by_hand for each in providers_of(context).all()}
    rules = _Rules(settings, by_hand, stored_now())
    split = _split(order, before, rules)
    stored = {one["id"]: one for one in before["parts"]} if before else {}
    for part in split["parts"]:
        if part["seller"] is not None:
            await _note(context, session, split, stored.get(part["id"]), part)
    split["look_at"] = min(_looks(split, rules), default=None)
    return await _store(context, session, before, split)


async def _store(
    context: Context, session: Session, before: Record | None, split: Record
) -> Record:
    if before is None:
        await splits(context).insert_one(split, session=session)
        return split
    if {**before, "revision": split["revision"]} == split:
        return before
    await replace_split(context, session, before, split)
    return split


async def replace_split(context: Context, session: Session, before: Record, split: Record) -> None:
    """Write a split if it is still as it was read. Raises MovedError where it isn't."""
    done = await splits(context).replace_one(
        {"_id": before["_id"], "revision": before["revision"]}, split, session=session
    )
    if not done.matched_count:
        raise MovedError


def _split(order: Record, before: Record | None, rules: _Rules) -> Record:
    """The split of an order as it is now."""
    known = {one["id"]: one for one in before["parts"]} if before else {}
    parts = [_part(order, part, known.get(part["id"]), rules) for part in order["seller_orders"]]
    ready = {part["id"]: part["ready_at"] for part in parts if part["ready_at"] is not None}
    for part, shares in zip(parts, shares_of(order, ready), strict=True):
        _share(part, shares)
    return {
        "_id": order["_id"],
        "code": order["code"],
        "currency": order["currency"],
        "version": order["version"],
        "revision": before["revision"] + 1 if before else 1,
        "parts": parts,
        "look_at": None,
    }


def _part(order: Record, part: Record, before: Record | None, rules: _Rules) -> Record:
    made = before or {
        "id": part["id"],
        "seller": part["seller"],
        "provider": rules.settings.provider,
        "ready_at": None,
        "is_due": False,
        "earned": _NOTHING,
        "due": _NOTHING,
        "sent": 0,
        "failures": 0,
        "retry_at": None,
        "number": 0,
    }
    since = made["ready_at"] if made["is_due"] else ready_at(order, part, rules.settings.due)
    is_due = made["is_due"] or (since is not None and since + rules.hold <= rules.now)
    is_begun = made["earned"] != _NOTHING
    provider = made["provider"] if is_begun else rules.settings.provider
    return {**made, "provider": provider, "ready_at": since, "is_due": is_due}


def _share(part: Record, shares: PartShares) -> None:
    if part["seller"] is None:
        return
    part["earned"] = asdict(shares.earned)
    part["due"] = asdict(shares.payable) if part["is_due"] else _NOTHING


async def _note(
    context: Context, session: Session, split: Record, before: Record | None, part: Record
) -> None:
    """Write the entries of what changed of a part."""
    found = list(_entries(split, before or {"earned": _NOTHING, "due": _NOTHING}, part))
    if not found:
        return
    names = (part["provider"], part["seller"], split["currency"])
    balance = await write(context, session, await balance_of(context, session, *names), found)
    if found[-1].kind == "DUE":
        part["number"] = balance["entries"]


def _entries(split: Record, before: Record, part: Record) -> Iterator[Entry]:
    earned, known = part["earned"], before["earned"]
    more = {name: earned[name] - known[name] for name in _NOTHING}
    changes: Sequence[tuple[EntryKind, int]] = (
        ("EARNED" if more["gross"] > 0 else "REFUNDED", more["gross"]),
        ("DISCOUNT", more["discount"]),
        ("COMMISSION" if more["commission"] > 0 else "COMMISSION_BACK", -more["commission"]),
    )
    for kind, amount in changes:
        if amount:
            yield _entry(split, part, kind, amount)
    due = {name: part["due"][name] - before["due"][name] for name in _NOTHING}
    if any(due.values()):
        yield _entry(split, part, "DUE", net(due), share=due)


def _entry(split: Record, part: Record, kind: EntryKind, amount: int, **more: Any) -> Entry:
    key = entry_key(part["id"], split["revision"], kind)
    return Entry(key, kind, amount, about(split, part, **more))


def _looks(split: Record, rules: _Rules) -> Iterator[datetime]:
    """When the job looks at it again: for what becomes due, and for what is to be transferred."""
    for part in split["parts"]:
        if is_unsent(part, rules.is_by_hand):
            yield max(rules.now + SOON, part["retry_at"] or rules.now)
        elif part["seller"] is not None and part["ready_at"] is not None and not part["is_due"]:
            yield part["ready_at"] + rules.hold


def is_unsent(part: Record, by_hand: Mapping[str, bool]) -> bool:
    """Whether something of a part is to be transferred, or taken back, by its provider."""
    if part["seller"] is None or by_hand.get(part["provider"], True):
        return False
    return bool(net(part["due"]) != part["sent"])


def net(share: Mapping[str, int]) -> int:
    """What the seller gets of a stored share."""
    return Share(**share).net


def splits(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(SplitDocument)
