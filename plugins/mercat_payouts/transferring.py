"""Paying parts of orders by a provider with accounts, and taking back what isn't due any more.

Each call is written down before the provider is asked, and asked for with its own key until it is
known what became of it. What is to be transferred is what is due less what was sent, so that
repeating changes nothing.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection

from mercat.context import Context
from mercat.money import Amount
from mercat.payments import Declined, Done
from mercat.payouts import PayoutProvider, Transfer
from mercat.storage import Record, Session, storable
from mercat_payouts.accounts import ready_account
from mercat_payouts.asking import FIRST_PAUSE, MOST_ASKS, pause_after
from mercat_payouts.calling import asked, note, opened
from mercat_payouts.entries import balance_of, in_transaction, payouts, write
from mercat_payouts.payouts import move, new_number, new_payout, settle
from mercat_payouts.providers import providers_of
from mercat_payouts.reversing import begin_reversals, reversals, reverse
from mercat_payouts.splitting import is_unsent, net, replace_split, splits

_ACCOUNT_PAUSE = timedelta(hours=1)
_LONGEST_PAUSE = timedelta(days=1)
_AT_ONCE = 10
_MOST = 500

Perform = Callable[[Context, PayoutProvider, Record], Awaitable[None]]

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
        for reversal in await begin_reversals(context, provider, key, part["id"]):
            await reverse(context, provider, reversal)
        return
    payout = await _begin_transfer(context, key, part)
    if payout is not None:
        await _transfer(context, provider, payout)


async def _begin_transfer(context: Context, key: ObjectId, part: Record) -> Record | None:
    """Write down a transfer of what is due; None where there is none, or it has to wait."""
    account = await ready_account(context, part["seller"], part["provider"])
    number = await new_number(context)

    async def work(session: Session) -> Record | None:
        before, split, found = await opened(context, session, key, part["id"])
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
    outcome = await asked(provider, payout, lambda: provider.transfer(request))
    await note(context, payouts(context), payout, outcome, settle_transfer)


async def settle_transfer(
    context: Context, session: Session, payout: Record, outcome: Done | Declined
) -> None:
    """Write down, in a transaction, what became of a transfer; one that was declined comes anew."""
    if isinstance(outcome, Done):
        await settle(context, session, payout, "DONE", ref=storable(outcome.ref))
        return
    await settle(context, session, payout, "FAILED", message=storable(outcome.message))
    before, split, part = await opened(context, session, payout["order"], payout["part"])
    pause = min(_ACCOUNT_PAUSE * (1 << min(part["failures"], 10)), _LONGEST_PAUSE)
    part["sent"] -= payout["amount"]
    part["failures"] += 1
    part["retry_at"] = split["look_at"] = datetime.now(UTC) + pause
    await replace_split(context, session, before, split)


async def ask_again(context: Context) -> None:
    """Ask what became of transfers and reversals, later and later; safe to repeat."""
    places = asyncio.Semaphore(_AT_ONCE)
    calls: tuple[tuple[AsyncCollection[Record], Perform], ...] = (
        (payouts(context), _transfer),
        (reversals(context), reverse),
    )
    for collection, perform in calls:
        due = collection.find({"ask_at": {"$lte": datetime.now(UTC)}}).sort("ask_at", 1)
        again = partial(_again, context, places, collection, perform)
        await asyncio.gather(*map(again, await due.limit(_MOST).to_list()))


async def _again(
    context: Context,
    places: asyncio.Semaphore,
    collection: AsyncCollection[Record],
    perform: Perform,
    call: Record,
) -> None:
    async with places:
        provider = await _taken(context, collection, call)
        if provider is None:
            return
        try:
            await perform(context, provider, call)
        except Exception:  # the others are asked for all the same
            _logger.exception("%s could not be settled", call["_id"])


async def _taken(
    context: Context, collection: AsyncCollection[Record], call: Record
) -> PayoutProvider | None:
    """The provider that is asked now; None where another process asks, or nobody can."""
    asks = call["asks"] + 1
    at = None if asks > MOST_ASKS else datetime.now(UTC) + pause_after(asks)
    taken = await collection.update_one(
        {"_id": call["_id"], "ask_at": call["ask_at"]}, {"$set": {"ask_at": at, "asks": asks}}
    )
    if taken.matched_count and at is None:
        _logger.error("%s: nobody can say what became of it; look at it", call["_id"])
    return providers_of(context).find(call["provider"]) if taken.matched_count else None
