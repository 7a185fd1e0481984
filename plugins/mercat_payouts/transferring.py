"""Paying parts of orders by a provider with accounts: transfers, and what is taken back of them.

Each is written down before the provider is asked, and asked for with its own key until it is known
what became of it. What is to be transferred is what is due less what was sent, so that repeating
changes nothing.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection

from mercat.context import Context
from mercat.money import Amount
from mercat.payments import Declined, Done
from mercat.payouts import PayoutOutcome, PayoutProvider, Reversal, Transfer
from mercat.storage import Record, Session, storable
from mercat_payouts.accounts import ready_account
from mercat_payouts.asking import FIRST_PAUSE, MOST_ASKS, ask, is_known, pause_after
from mercat_payouts.documents import OPEN, PayoutReversalDocument
from mercat_payouts.entries import (
    Entry,
    MovedError,
    about,
    balance_of,
    in_transaction,
    payouts,
    write,
)
from mercat_payouts.payouts import move, new_number, new_payout, settle
from mercat_payouts.providers import providers_of
from mercat_payouts.splitting import is_unsent, net, replace_split, splits

_ACCOUNT_PAUSE = timedelta(hours=1)
_LONGEST_PAUSE = timedelta(days=1)
_AT_ONCE = 10
_MOST = 500

_logger = logging.getLogger(__name__)


async def advance(context: Context, key: ObjectId) -> None:
    """Transfer what is due of an order and wasn't sent, and take back what was sent and isn't."""
    split = await splits(context).find_one({"_id": key})
    by_hand = {each.code: each.capabilities.by_hand for each in providers_of(context).all()}
    for part in split["parts"] if split else ():
        is_late = part["retry_at"] is None or part["retry_at"] <= datetime.now(UTC)
        if is_unsent(part, by_hand) and (is_late or net(part["due"]) < part["sent"]):
            await _advance(context, key, part)


async def _advance(context: Context, key: ObjectId, part: Record) -> None:
    provider = providers_of(context).find(part["provider"])
    if provider is None:
        return
    if net(part["due"]) < part["sent"]:
        for reversal in await _begin_reversals(context, provider, key, part["id"]):
            await _reverse(context, provider, reversal)
        return
    payout = await _begin_transfer(context, key, part)
    if payout is not None:
        await _transfer(context, provider, payout)


# Transfers


async def _begin_transfer(context: Context, key: ObjectId, part: Record) -> Record | None:
    """Write down a transfer of what is due; None where there is none, or it has to wait."""
    account = await ready_account(context, part["seller"], part["provider"])
    number = await new_number(context)

    async def work(session: Session) -> Record | None:
        before, split, found = await _read(context, session, key, part["id"])
        missing = net(found["due"]) - found["sent"]
        if missing <= 0:
            return None
        if account is None:
            found["retry_at"] = split["look_at"] = datetime.now(UTC) + _ACCOUNT_PAUSE
            await replace_split(context, session, before, split)
            return None
        names = (found["provider"], found["seller"], split["currency"])
        balance = await balance_of(context, session, *names)
        set_off = min(missing, balance["debt"])
        found["sent"] += missing
        await replace_split(context, session, before, split)
        payout = new_payout(
            f"transfer:{found['id']}:{split['revision']}",
            number,
            balance,
            missing - set_off,
            part=found["id"],
            order=key,
            order_number=split["code"],
            account=account,
            share=found["due"],
            ask_at=datetime.now(UTC) + FIRST_PAUSE,
        )
        entries = [move(payout, "TRANSFERRED")] if payout["amount"] else []
        await write(context, session, balance, entries, debt=balance["debt"] - set_off)
        if not payout["amount"]:
            return None
        await payouts(context).insert_one(payout, session=session)
        return payout

    return await in_transaction(context, work)


async def _transfer(context: Context, provider: PayoutProvider, payout: Record) -> None:
    money = Amount(payout["amount"], payout["currency"])
    request = Transfer(payout["_id"], payout["account"], money, payout["order_number"])
    outcome = await _asked(provider, payout, lambda: provider.transfer(request))
    await _note(context, payouts(context), payout, outcome, _settle_transfer)


async def _settle_transfer(
    context: Context, session: Session, payout: Record, outcome: Done | Declined
) -> None:
    if isinstance(outcome, Done):
        await settle(context, session, payout, "DONE", ref=storable(outcome.ref))
        return
    await settle(context, session, payout, "FAILED", message=storable(outcome.message))
    before, split, part = await _read(context, session, payout["order"], payout["part"])
    pause = min(_ACCOUNT_PAUSE * (1 << min(part["failures"], 10)), _LONGEST_PAUSE)
    part["sent"] -= payout["amount"]
    part["failures"] += 1
    part["retry_at"] = split["look_at"] = datetime.now(UTC) + pause
    await replace_split(context, session, before, split)


# Reversals


async def _begin_reversals(
    context: Context, provider: PayoutProvider, key: ObjectId, part_key: ObjectId
) -> Sequence[Record]:
    """Write down what is taken back of a part's transfers.

    What can't be taken back is set off against the seller's next transfers. It waits until it is
    known what became of every transfer.
    """

    async def work(session: Session) -> Sequence[Record]:
        before, split, part = await _read(context, session, key, part_key)
        excess = part["sent"] - net(part["due"])
        sent = await payouts(context).find({"part": part_key}, session=session).to_list()
        if excess <= 0 or any(one["state"] in OPEN for one in sent):
            return []
        part["sent"] -= excess
        await replace_split(context, session, before, split)
        can_reverse = provider.capabilities.reversals
        made = _reversals(split, part, sent, excess) if can_reverse else []
        for reversal in made:
            await _reserve(context, session, reversal)
        rest = excess - sum(one["amount"] for one in made)
        names = (part["provider"], part["seller"], split["currency"])
        balance = await balance_of(context, session, *names)
        await write(context, session, balance, [], debt=balance["debt"] + rest)
        return made

    return await in_transaction(context, work)


def _reversals(split: Record, part: Record, sent: Sequence[Record], amount: int) -> list[Record]:
    """Which transfers so much is taken back of, the last one first."""
    made: list[Record] = []
    for payout in sorted(sent, key=lambda one: -one["number"]):
        taken = min(amount, payout["amount"] - payout["reversing"])
        if payout["state"] != "DONE" or taken <= 0:
            continue
        amount -= taken
        made.append(
            {
                "_id": f"reversal:{part['id']}:{split['revision']}:{len(made)}",
                "payout": payout["_id"],
                "order": split["_id"],
                "part": part["id"],
                "provider": payout["provider"],
                "currency": payout["currency"],
                "amount": taken,
                "state": "WANTED",
                **dict.fromkeys(("ref", "settled_at")),
                "message": "",
                "ask_at": datetime.now(UTC) + FIRST_PAUSE,
                "asks": 0,
                "created_at": datetime.now(UTC),
            }
        )
    return made


async def _reserve(context: Context, session: Session, reversal: Record) -> None:
    """Write a reversal down, and that so much of its transfer is taken back."""
    await reversals(context).insert_one(reversal, session=session)
    await payouts(context).update_one(
        {"_id": reversal["payout"]}, {"$inc": {"reversing": reversal["amount"]}}, session=session
    )


async def _reverse(context: Context, provider: PayoutProvider, reversal: Record) -> None:
    payout = await payouts(context).find_one({"_id": reversal["payout"]})
    if payout is None or payout["ref"] is None:
        return
    money = Amount(reversal["amount"], reversal["currency"])
    request = Reversal(reversal["_id"], payout["ref"], money)
    outcome = await _asked(provider, reversal, lambda: provider.reverse(request))
    await _note(context, reversals(context), reversal, outcome, _settle_reversal)


async def _settle_reversal(
    context: Context, session: Session, reversal: Record, outcome: Done | Declined
) -> None:
    is_done = isinstance(outcome, Done)
    said = (
        {"ref": storable(outcome.ref)}
        if isinstance(outcome, Done)
        else {"message": storable(outcome.message)}
    )
    done = await reversals(context).update_one(
        {"_id": reversal["_id"], "state": reversal["state"]},
        {
            "$set": {
                **said,
                "state": "DONE" if is_done else "FAILED",
                "ask_at": None,
                "settled_at": datetime.now(UTC),
            }
        },
        session=session,
    )
    payout = await payouts(context).find_one({"_id": reversal["payout"]}, session=session)
    if not done.matched_count or payout is None:
        raise MovedError
    names = (payout["provider"], payout["seller"], payout["currency"])
    balance = await balance_of(context, session, *names)
    amount = reversal["amount"]
    if is_done:
        key = f"{reversal['_id']}:REVERSED"
        split = {"_id": payout["order"], "code": payout["order_number"], "version": None}
        more = about(split, {"id": payout["part"]}, payout=payout["_id"])
        await write(context, session, balance, [Entry(key, "REVERSED", amount, more)])
        return
    await payouts(context).update_one(
        {"_id": payout["_id"]}, {"$inc": {"reversing": -amount}}, session=session
    )
    await write(context, session, balance, [], debt=balance["debt"] + amount)


# Both


Settle = Callable[..., Any]


async def _asked(
    provider: PayoutProvider, call: Record, again: Callable[[], Any]
) -> PayoutOutcome | None:
    """What became of what was written down: by its reference where it has one, else by its key."""
    if call["state"] == "PENDING":
        return await ask(provider, call["_id"], provider.fetch(call["ref"]))
    if not is_known(provider, call):
        return None
    return await ask(provider, call["_id"], again())


async def _note(
    context: Context,
    collection: AsyncCollection[Record],
    call: Record,
    outcome: PayoutOutcome | None,
    settled: Settle,
) -> None:
    """Write down what is known; what is settled stays settled, whatever a twin says later."""

    async def work(session: Session) -> None:
        found = await collection.find_one({"_id": call["_id"]}, session=session)
        if found is None or found["state"] not in OPEN:
            return
        if isinstance(outcome, Done | Declined):
            await settled(context, session, found, outcome)
        elif outcome is not None:
            said = {"state": "PENDING", "ref": storable(outcome.ref)}
            await collection.update_one({"_id": call["_id"]}, {"$set": said}, session=session)
        elif found["state"] == "WANTED":
            said = {"state": "UNKNOWN"}
            await collection.update_one({"_id": call["_id"]}, {"$set": said}, session=session)

    await in_transaction(context, work)


async def ask_again(context: Context) -> None:
    """Ask what became of transfers and reversals, later and later; safe to repeat."""
    places = asyncio.Semaphore(_AT_ONCE)
    for collection, perform in ((payouts(context), _transfer), (reversals(context), _reverse)):
        due = collection.find({"ask_at": {"$lte": datetime.now(UTC)}}).sort("ask_at", 1)

        async def one(call: Record, _of: Any = (collection, perform)) -> None:
            async with places:
                await _again(context, call, *_of)

        await asyncio.gather(*map(one, await due.limit(_MOST).to_list()))


async def _again(
    context: Context, call: Record, collection: AsyncCollection[Record], perform: Callable[..., Any]
) -> None:
    asks = call["asks"] + 1
    at = None if asks > MOST_ASKS else datetime.now(UTC) + pause_after(asks)
    taken = await collection.update_one(
        {"_id": call["_id"], "ask_at": call["ask_at"]}, {"$set": {"ask_at": at, "asks": asks}}
    )
    provider = providers_of(context).find(call["provider"])
    if not taken.matched_count or provider is None:
        return
    if at is None:
        _logger.error("%s: nobody can say what became of it; look at it", call["_id"])
    try:
        await perform(context, provider, call)
    except Exception:  # the others are asked for all the same
        _logger.exception("%s could not be settled", call["_id"])


async def _read(
    context: Context, session: Session, key: ObjectId, part: ObjectId
) -> tuple[Record, Record, Record]:
    """A split as it is stored, a copy to be written, and the copy's part."""
    before = await splits(context).find_one({"_id": key}, session=session)
    if before is None:
        raise MovedError
    split = {**deepcopy(before), "revision": before["revision"] + 1}
    return before, split, next(one for one in split["parts"] if one["id"] == part)


def reversals(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(PayoutReversalDocument)
