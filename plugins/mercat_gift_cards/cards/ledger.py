"""The books of gift cards: each movement is an entry, and the balance is the sum of them.

Both change in one transaction, the balance on condition that there is enough, so that no card is
ever spent twice. Whoever comes again with a key is told what it did the first time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.storage import Record, Session, stored_now
from mercat.turns import turn
from mercat_gift_cards.documents import GiftCardDocument, GiftCardEntryDocument, Kind


@dataclass(frozen=True, slots=True)
class Movement:
    """What is to happen to a balance, once for each `key`; `more` is what else the entry says."""

    key: str
    card: ObjectId
    kind: Kind
    amount: int
    more: Mapping[str, Any]


async def spend(
    context: Context, key: str, card: ObjectId, amount: int, currency: str, order_number: str
) -> Record | None:
    """Take so much off a card, which has to have it; the entry, or None where it can't be."""
    more = {"left": amount, "order_number": order_number}
    movement = Movement(key, card, "SPENT", -amount, more)

    async def work(session: Session) -> Record | None:
        now = stored_now()
        return await move(context, session, movement, _has(amount, currency, now), now)

    return await _once(context, key, card, work)


async def give_back(context: Context, key: str, spent: str, amount: int) -> Record | None:
    """Put so much of what was spent back on its card, in whatever state that is.

    The entry, or None where less is left of it.
    """
    before = await entries(context).find_one({"_id": spent, "kind": "SPENT"})
    if before is None:
        return None
    more = {"spent": spent, "order_number": before["order_number"]}
    movement = Movement(key, before["card"], "RETURNED", amount, more)

    async def work(session: Session) -> Record | None:
        reserved = await entries(context).update_one(
            {"_id": spent, "left": {"$gte": amount}}, {"$inc": {"left": -amount}}, session=session
        )
        if not reserved.modified_count:
            return None
        return await move(context, session, movement, {}, stored_now())

    return await _once(context, key, before["card"], work)


async def move(
    context: Context,
    session: Session,
    movement: Movement,
    only_if: Mapping[str, Any],
    now: datetime,
) -> Record | None:
    """Change a balance where its card meets `only_if`, and write the entry; None where not."""
    card = await cards(context).find_one_and_update(
        {"_id": movement.card, **only_if},
        {"$inc": {"balance": movement.amount, "version": 1}, "$set": {"updated_at": now}},
        return_document=ReturnDocument.AFTER,
        session=session,
    )
    if card is None:
        return None
    entry = entry_of(card, movement, now)
    await entries(context).insert_one(entry, session=session)
    return entry


def entry_of(card: Record, movement: Movement, now: datetime) -> Record:
    """The entry of a movement, once the card has it."""
    return {
        "_id": movement.key,
        "card": movement.card,
        "number": card["version"],
        "kind": movement.kind,
        "amount": movement.amount,
        "balance": card["balance"],
        "at": now,
        **movement.more,
    }


async def entries_of(context: Context, card: ObjectId, most: int) -> list[Record]:
    """The latest entries of a card, the newest first."""
    found = entries(context).find({"card": card}).sort("number", -1).limit(most)
    return await found.to_list()


def cards(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(GiftCardDocument)


def entries(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(GiftCardEntryDocument)


async def _once(context: Context, key: str, card: ObjectId, work: Any) -> Record | None:
    """Those who want something of one card take turns, as they would only end each other's work."""
    async with turn(context, "gift_card", card):
        known = await entries(context).find_one({"_id": key})
        if known is not None:
            return known
        try:
            found: Record | None = await context.storage.transaction(work)
        except DuplicateKeyError:  # another process did it just now
            return await entries(context).find_one({"_id": key})
        return found


def _has(amount: int, currency: str, now: datetime) -> dict[str, Any]:
    """What a card has to be that so much is taken off."""
    return {
        "state": "ACTIVE",
        "currency": currency,
        "balance": {"$gte": amount},
        "$or": [{"expires_at": None}, {"expires_at": {"$gt": now}}],
    }
