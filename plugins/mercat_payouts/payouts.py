"""Payouts as they are written down, and what is said of them in the end."""

from datetime import UTC, datetime
from typing import Any

from mercat.context import Context
from mercat.storage import Record, Session
from mercat.storage.pages import next_number
from mercat_payouts.documents import COUNTER, CallState, EntryKind
from mercat_payouts.entries import Entry, MovedError, balances, payouts, write
from mercat_payouts.messages import tell_seller

_NOTHING = {"gross": 0, "discount": 0, "commission": 0}


async def new_number(context: Context) -> int:
    """The place of a payout in lists."""
    return await next_number(context.storage, COUNTER)


def new_payout(key: str, number: int, balance: Record, amount: int, **more: Any) -> Record:
    """A payout of which nothing is done yet."""
    return {
        "_id": key,
        "number": number,
        "provider": balance["provider"],
        "seller": balance["seller"],
        "currency": balance["currency"],
        "amount": amount,
        "state": "WANTED",
        "balance": balance["_id"],
        "run": None,
        "part": None,
        "order": None,
        "order_number": "",
        "since_number": 0,
        "until_number": 0,
        "since": None,
        "share": _NOTHING,
        "adjusted": 0,
        "details": None,
        "account": None,
        "ref": None,
        "reference": "",
        "message": "",
        "reversing": 0,
        "ask_at": None,
        "asks": 0,
        "created_at": datetime.now(UTC),
        "settled_at": None,
        **more,
    }


def move(payout: Record, kind: EntryKind, key: str | None = None, **more: Any) -> Entry:
    """The entry of a payout that it is on its way, paid, or failed; once each."""
    names = ("order", "order_number", "part")
    said = {name: payout[name] for name in names if payout[name]}
    name = f"{key or payout['_id']}:{kind}"
    return Entry(name, kind, payout["amount"], {**said, "payout": payout["_id"], **more})


async def settle(
    context: Context, session: Session, payout: Record, state: CallState, **values: Any
) -> None:
    """Write down, in a transaction, that an open payout was paid or failed.

    What failed is available again. Raises MovedError where it isn't as it was read.
    """
    now = datetime.now(UTC)
    done = await payouts(context).update_one(
        {"_id": payout["_id"], "state": payout["state"]},
        {"$set": {**values, "state": state, "ask_at": None, "settled_at": now}},
        session=session,
    )
    if not done.matched_count:
        raise MovedError
    balance = await balances(context).find_one({"_id": payout["balance"]}, session=session)
    if balance is None:
        raise MovedError
    await write(context, session, balance, [move(payout, "PAID" if state == "DONE" else "FAILED")])
    if state == "DONE":
        await tell_seller(context, session, payout)
