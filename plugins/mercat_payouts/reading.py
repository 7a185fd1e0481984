"""Reading balances, payouts and shares; who may is decided here."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from bson import ObjectId

from mercat.context import Context
from mercat.storage import Record
from mercat.storage.pages import Page, PageRequest, find_page, known_highest
from mercat_payouts.documents import COUNTER
from mercat_payouts.entries import Balance, balances, lines, payouts
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
    keys = [part["id"] for part in due]
    sent: dict[ObjectId, list[Record]] = {key: [] for key in keys}
    async for payout in payouts(context).find({"part": {"$in": keys}}):
        sent[payout["part"]].append(payout)
    return [await _state(context, part, sent.get(part["id"], [])) for part in parts]


async def _state(context: Context, part: Record, sent: Sequence[Record]) -> str:
    if not part["is_due"]:
        return "WAITING"
    if sent:
        states = {payout["state"] for payout in sent} - {"FAILED"}
        if net(part["due"]) != part["sent"] or not states:
            return "DUE"
        return "PAID" if states == {"DONE"} else "IN_TRANSIT"
    return await _state_in_runs(context, part)


async def _state_in_runs(context: Context, part: Record) -> str:
    """By the payout that its last entry is in, which may have failed and be in a later one."""
    key = f"{part['provider']}:{part['seller']}:{part['currency']}"
    wanted = {"balance": key, "until_number": {"$gte": part["number"]}}
    states = [one["state"] async for one in payouts(context).find(wanted, {"state": 1})]
    if "DONE" in states:
        return "PAID"
    return "IN_TRANSIT" if "PENDING" in states else "DUE"
