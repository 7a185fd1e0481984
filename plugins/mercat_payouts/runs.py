"""Payout runs: everybody who has something available gets one payout, paid by a file."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.errors import InvalidError
from mercat.storage import Record, Session
from mercat.storage.idempotency import checked_key
from mercat_payouts.accounts import accounts
from mercat_payouts.by_hand import CODE
from mercat_payouts.documents import PayoutRunDocument
from mercat_payouts.entries import balances, in_transaction, lines, payouts, write
from mercat_payouts.holding import held_back
from mercat_payouts.payouts import move, new_number, new_payout
from mercat_payouts.sight import check_manages


@dataclass(frozen=True, slots=True)
class Run:
    """A run, and the payouts that it made, the first one first."""

    record: Record
    payouts: Sequence[Record]


async def run(context: Context, key: str | None) -> Run:
    """Pay everybody who has something available, once for each key.

    The same key again goes on where it stopped, and pays nobody twice. Sellers that are suspended
    get nothing as long as they are. Raises UnauthenticatedError, ForbiddenError, InvalidError.
    """
    await check_manages(context)
    key = checked_key(key)
    record = await _begun(context, key)
    found = {"provider": CODE, "available": {"$gt": 0}}
    due = await balances(context).find(found, {"seller": 1}).to_list()
    waiting = await held_back(context, [one["seller"] for one in due])
    for balance in sorted(due, key=lambda one: str(one["_id"])):
        if balance["seller"] not in waiting:
            await _pay(context, record, balance["_id"])
    return await found_run(context, record["_id"])


async def found_run(context: Context, key: str) -> Run:
    """A run with its payouts. Raises InvalidError where there is none."""
    await check_manages(context)
    record = await runs(context).find_one({"_id": key})
    if record is None:
        raise InvalidError("there is no such payout run", field=("runId",))
    made = await payouts(context).find({"run": key}).sort("number", 1).to_list()
    return Run(record, made)


async def _begun(context: Context, key: str) -> Record:
    viewer = context.viewer
    who = f"{viewer.role} {viewer.user}"
    name = hashlib.sha256(f"{who}\0{key}".encode(errors="surrogatepass")).hexdigest()[:32]
    made = {"_id": name, "who": who, "created_at": datetime.now(UTC)}
    try:
        await runs(context).insert_one(made)
    except DuplicateKeyError:
        return await runs(context).find_one({"_id": name}) or made
    return made


async def _pay(context: Context, run: Record, balance_key: str) -> None:
    """Take all that is available of a balance; nothing where the run did already."""
    key = f"{run['_id']}:{balance_key}"
    number = await new_number(context)

    async def work(session: Session) -> None:
        if await payouts(context).find_one({"_id": key}, {"_id": 1}, session=session):
            return
        balance = await balances(context).find_one({"_id": balance_key}, session=session)
        if balance is None or balance["available"] <= 0:
            return
        account = await accounts(context).find_one({"_id": balance["seller"]}, session=session)
        payout = new_payout(
            key,
            number,
            balance,
            balance["available"],
            run=run["_id"],
            since_number=balance["paid_number"],
            until_number=balance["entries"],
            since=balance["paid_at"],
            details=account["details"] if account else None,
            **await _made_of(context, session, balance),
        )
        payout["reference"] = f"P{number}"
        payout["state"] = "PENDING"
        await payouts(context).insert_one(payout, session=session)
        entries = [move(payout, "TRANSFERRED")]
        taken = {"paid_number": balance["entries"] + 1, "paid_at": payout["created_at"]}
        await write(context, session, balance, entries, **taken)

    await in_transaction(context, work)


async def _made_of(context: Context, session: Session, balance: Record) -> Mapping[str, Any]:
    """What the entries come to that weren't in a payout yet.

    What remains of the payout's amount was carried over: a payout that failed, or a sum below zero.
    """
    share = {"gross": 0, "discount": 0, "commission": 0}
    adjusted = 0
    wanted = {"balance": balance["_id"], "number": {"$gt": balance["paid_number"]}}
    async for entry in lines(context).find(wanted, session=session):
        if entry["kind"] == "ADJUSTED":
            adjusted += entry["amount"]
        elif entry["kind"] == "DUE":
            share = {name: share[name] + entry["share"][name] for name in share}
    return {"share": share, "adjusted": adjusted}


def runs(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(PayoutRunDocument)
