"""Have the payments of orders say whether somebody makes them by hand."""

from typing import Any

from mercat import Context

_AT_ONCE = 200
_OLD: dict[str, Any] = {"payment.is_by_hand": None}

Record = dict[str, Any]


async def up(context: Context) -> None:
    orders = context.storage.database["orders"]
    while found := await orders.find(_OLD).limit(_AT_ONCE).to_list():
        for order in found:
            further = [_after(one) for one in order.get("further_payments") or ()]
            await orders.update_one(
                {"_id": order["_id"], "version": order["version"]},
                {
                    "$set": {"payment": _after(order["payment"]), "further_payments": further},
                    "$inc": {"version": 1},
                },
            )


async def pending(context: Context) -> int:
    return await context.storage.database["orders"].count_documents(_OLD)


def _after(payment: Record) -> Record:
    """Until now only `payments_manual` had payments that nobody else can be asked about."""
    is_by_hand = (payment["method"] or "").startswith("manual:")
    added = {"is_by_hand": is_by_hand, "captured": None, "disputed": 0, "asked": None}
    return {**added, **payment}
