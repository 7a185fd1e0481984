"""Taking back what was transferred for a part and isn't its seller's any more, by the provider.

What can't be taken back is a debt of the seller's, set off against the next transfers.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection

from mercat.context import Context
from mercat.money import Amount
from mercat.payments import Declined, Done
from mercat.payouts import PayoutProvider, Reversal
from mercat.storage import Record, Session, storable
from mercat_payouts.asking import FIRST_PAUSE
from mercat_payouts.calling import asked, note, opened
from mercat_payouts.documents import OPEN, PayoutReversalDocument
from mercat_payouts.entries import Entry, MovedError, balance_of, in_transaction, payouts, write
from mercat_payouts.splitting import net, replace_split


async def begin_reversals(
    context: Context, provider: PayoutProvider, key: ObjectId, part_key: ObjectId
) -> Sequence[Record]:
    """Write down what is taken back of a part's transfers.

    What can't be taken back is set off against the seller's next transfers. It waits until it is
    known what became of every transfer.
    """

    async def work(session: Session) -> Sequence[Record]:
        before, split, part = await opened(context, session, key, part_key)
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
        if payout["state"] != "DONE" or payout["ref"] is None or taken <= 0:
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


async def reverse(context: Context, provider: PayoutProvider, reversal: Record) -> None:
    payout = await payouts(context).find_one({"_id": reversal["payout"]})
    if payout is None or payout["ref"] is None:
        return
    money = Amount(reversal["amount"], reversal["currency"])
    request = Reversal(reversal["_id"], payout["ref"], money)
    outcome = await asked(provider, reversal, lambda: provider.reverse(request))
    await note(context, reversals(context), reversal, outcome, _settle_reversal)


async def _settle_reversal(
    context: Context, session: Session, reversal: Record, outcome: Done | Declined
) -> None:
    if isinstance(outcome, Done):
        said = {"state": "DONE", "ref": storable(outcome.ref)}
    else:
        said = {"state": "FAILED", "message": storable(outcome.message)}
    done = await reversals(context).update_one(
        {"_id": reversal["_id"], "state": reversal["state"]},
        {"$set": {**said, "ask_at": None, "settled_at": datetime.now(UTC)}},
        session=session,
    )
    payout = await payouts(context).find_one({"_id": reversal["payout"]}, session=session)
    if not done.matched_count or payout is None:
        raise MovedError
    names = (payout["provider"], payout["seller"], payout["currency"])
    balance = await balance_of(context, session, *names)
    amount = reversal["amount"]
    if isinstance(outcome, Done):
        key = f"{reversal['_id']}:REVERSED"
        more = {name: payout[name] for name in ("order", "order_number", "part")}
        more["payout"] = payout["_id"]
        await write(context, session, balance, [Entry(key, "REVERSED", amount, more)])
        return
    await payouts(context).update_one(
        {"_id": payout["_id"]}, {"$inc": {"reversing": -amount}}, session=session
    )
    await write(context, session, balance, [], debt=balance["debt"] + amount)


def reversals(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(PayoutReversalDocument)
