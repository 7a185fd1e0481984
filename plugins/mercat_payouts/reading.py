"""Reading balances, payouts and shares; who may is decided here."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from bson import ObjectId

from mercat.context import Context
from mercat.storage import Record
from mercat.storage.pages import Page, PageRequest, find_page, known_highest
from mercat_payouts.documents import COUNTER
from mercat_payouts.entries import Balance, balance_key, balances, lines, payouts
from mercat_payouts.sight import listed_seller, sees
from mercat_payouts.splitting import net, splits

Balances = Mapping[str, Balance]
"""What a seller is owed, by currencies."""

_MOST_ENTRIES = 10_000


async def balances_of(context: Context, sellers: Sequence[str]) -> dict[str, Balances]:
    """What those of the sellers are owed that the viewer sees, by their currencies."""
    found: dict[str, dict[str, Balance]] = {
        seller: {} for seller in sellers if await sees(context, seller)
    }
    async for record in balances(context).find({"seller": {"$in": list(found)}}):
        own = found[record["seller"]]
        known = own.get(record["currency"], Balance())
        own[record["currency"]] = known + to_balance(record)
    return {seller: dict(sorted(own.items())) for seller, own in found.items()}


def to_balance(record: Record) -> Balance:
    return Balance(**{one.name: record[one.name] for one in fields(Balance)})


async def page(
    context: Context, request: PageRequest, *, seller: str | None, state: Sequence[str] | None
) -> Page:
    """A page of payouts, the newest first. Raises UnauthenticatedError, ForbiddenError."""
    return await find_page(
        payouts(context),
        await _conditions(context, seller, state),
        request,
        newest_first=True,
        highest=await known_highest(context.storage, COUNTER),
    )


async def count(context: Context, *, seller: str | None, state: Sequence[str] | None) -> int:
    """How many there are. Raises UnauthenticatedError, ForbiddenError."""
    found = await _conditions(context, seller, state)
    return sum([await payouts(context).count_documents(one) for one in found])


async def _conditions(
    context: Context, seller: str | None, state: Sequence[str] | None
) -> list[dict[str, Any]]:
    whose = await listed_seller(context, seller)
    own: dict[str, Any] = {} if whose is None else {"seller": whose}
    return [{**own, "state": one} for one in state] if state else [own]


async def payouts_by_key(context: Context, keys: Sequence[str]) -> dict[str, Record]:
    """Those of the payouts that the viewer may see."""
    found = await payouts(context).find({"_id": {"$in": list(keys)}}).to_list()
    return {one["_id"]: one for one in found if await sees(context, one["seller"])}


async def entries_of(context: Context, payout: Record) -> list[Record]:
    """The entries that a payout is for, the first one first."""
    wanted: dict[str, Any] = {"balance": payout["balance"]}
    if payout["run"] is not None:
        wanted["number"] = {"$gt": payout["since_number"], "$lte": payout["until_number"]}
    else:
        wanted |= {"part": payout["part"]}
    found = lines(context).find(wanted).sort("number", 1)
    return await found.limit(_MOST_ENTRIES).to_list()


async def parts_of(context: Context, orders: Sequence[ObjectId]) -> dict[ObjectId, Record]:
    """What is written down of the parts of orders, by their keys, with the order's split."""
    found = {}
    async for split in splits(context).find({"_id": {"$in": list(orders)}}):
        for part in split["parts"]:
            found[part["id"]] = {**part, "currency": split["currency"]}
    return found


async def states_of(context: Context, parts: Sequence[Record]) -> list[str]:
    """Where the payouts of parts stand: WAITING, DUE, IN_TRANSIT or PAID."""
    due = [part for part in parts if part["is_due"]]
    if not due:
        return ["WAITING" for _ in parts]
    runs = {"balance": {"$in": sorted({_balance(part) for part in due})}}
    runs["until_number"] = {"$gte": min(part["number"] for part in due)}
    transfers = {"part": {"$in": [part["id"] for part in due]}}
    wanted = {"part": 1, "state": 1, "balance": 1, "until_number": 1, "run": 1}
    found = await payouts(context).find({"$or": [runs, transfers]}, wanted).to_list()
    return [_state(part, found) for part in parts]


def _state(part: Record, payouts: Sequence[Record]) -> str:
    if not part["is_due"]:
        return "WAITING"
    sent = {one["state"] for one in payouts if one["part"] == part["id"]} - {"FAILED"}
    if sent:
        if net(part["due"]) != part["sent"]:
            return "DUE"
        return "PAID" if sent == {"DONE"} else "IN_TRANSIT"
    return _state_in_runs(part, payouts)


def _state_in_runs(part: Record, payouts: Sequence[Record]) -> str:
    """By the payouts that its last entry is in: one that failed is made up for by a later one."""
    states = {
        one["state"]
        for one in payouts
        if one["run"] is not None
        and one["balance"] == _balance(part)
        and one["until_number"] >= part["number"]
    }
    if "DONE" in states:
        return "PAID"
    return "IN_TRANSIT" if "PENDING" in states else "DUE"


def _balance(part: Record) -> str:
    return balance_key(part["provider"], part["seller"], part["currency"])
