"""Calls of providers, transfers and reversals alike: each by its own key until it is settled."""

from collections.abc import Awaitable, Callable
from copy import deepcopy
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection

from mercat.context import Context
from mercat.payments import Declined, Done
from mercat.payouts import PayoutOutcome, PayoutProvider
from mercat.storage import Record, Session, storable
from mercat_payouts.asking import ask, ask_again_of, is_known
from mercat_payouts.documents import OPEN
from mercat_payouts.entries import MovedError, in_transaction
from mercat_payouts.splitting import splits

Settle = Callable[[Context, Session, Record, Done | Declined], Awaitable[None]]
"""What is written in the transaction in which it is known what became of a call."""


async def asked(
    provider: PayoutProvider, call: Record, perform: Callable[[], Awaitable[PayoutOutcome]]
) -> PayoutOutcome | None:
    """What became of what was written down: by its reference where it has one, else by its key.

    None where nobody can say now. A key that the provider may have forgotten isn't given again.
    """
    if call["state"] == "PENDING":
        return await ask_again_of(provider, call["_id"], call["ref"])
    if not is_known(provider, call):
        return None
    return await ask(provider, call["_id"], perform())


async def note(
    context: Context,
    collection: AsyncCollection[Record],
    call: Record,
    outcome: PayoutOutcome | None,
    settle: Settle,
) -> None:
    """Write down what is known; what is settled stays settled, whatever a twin says later."""

    async def work(session: Session) -> None:
        found = await collection.find_one({"_id": call["_id"]}, session=session)
        if found is None or found["state"] not in OPEN:
            return
        if isinstance(outcome, Done | Declined):
            await settle(context, session, found, outcome)
            return
        said: dict[str, Any] = {}
        if outcome is not None:
            said = {"state": "PENDING", "ref": storable(outcome.ref)}
        elif found["state"] == "WANTED":
            said = {"state": "UNKNOWN"}
        if said:
            await collection.update_one({"_id": call["_id"]}, {"$set": said}, session=session)

    await in_transaction(context, work)


async def opened(
    context: Context, session: Session, key: ObjectId, part: ObjectId
) -> tuple[Record, Record, Record]:
    """A split as it is stored, a copy to be written, and the copy's part."""
    before = await splits(context).find_one({"_id": key}, session=session)
    if before is None:
        raise MovedError
    split = {**deepcopy(before), "revision": before["revision"] + 1}
    return before, split, next(one for one in split["parts"] if one["id"] == part)
