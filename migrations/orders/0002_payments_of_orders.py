"""Have orders name their payments, and their timelines the parts that they are about."""

from typing import Any

from mercat import Context

_AT_ONCE = 200
_OLD: dict[str, Any] = {"payment.key": None}
_OF_ALL = frozenset({"PLACED", "PAYMENT_CHANGED", "PAYMENT_ENDED", "OVERPAID"})

Record = dict[str, Any]


async def up(context: Context) -> None:
    orders = context.storage.database["orders"]
    while found := await orders.find(_OLD).limit(_AT_ONCE).to_list():
        for order in found:
            await orders.update_one(
                {"_id": order["_id"], "version": order["version"]},
                {"$set": _values(order), "$inc": {"version": 1}},
            )


async def pending(context: Context) -> int:
    return await context.storage.database["orders"].count_documents(_OLD)


def _values(order: Record) -> Record:
    key, parts = str(order["_id"]), order["seller_orders"]
    payment = {"key": key, "amount": order["sums"]["total"], "is_ending": False}
    return {
        "payment": {**payment, **order["payment"]},
        "further_payments": [],
        "refunds": [{**one, "payment": key} for one in order.get("refunds") or ()],
        "lines": [{**line, "waits": False, "exchange": None} for line in order["lines"]],
        "seller_orders": [{**part, "returns": _returns(part)} for part in parts],
        "timeline": [{**entry, "part": _part_of(entry, parts)} for entry in order["timeline"]],
    }


def _returns(part: Record) -> list[Record]:
    found = []
    for back in part.get("returns") or ():
        kept = {name: value for name, value in back.items() if name != "refund"}
        refund = back.get("refund")
        found.append({**kept, "refunds": [] if refund is None else [refund], "wishes": []})
    return found


def _part_of(entry: Record, parts: list[Record]) -> Any:
    """What has no seller is about the shop's own part, where there is one, or about all of them."""
    if entry["seller"] is None and entry["kind"] in _OF_ALL:
        return None
    return next((part["id"] for part in parts if part["seller"] == entry["seller"]), None)
