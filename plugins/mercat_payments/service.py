"""Reading payments; who may is decided here. Everybody else finds none."""

from collections.abc import Sequence

from mercat.auth import Subject, allowed, check_allowed
from mercat.context import Context
from mercat.storage import Record
from mercat.storage.lookups import find_by
from mercat.storage.pages import Page, PageRequest, find_page, known_highest
from mercat_payments.documents import COUNTER
from mercat_payments.ledger import operations, payments
from mercat_payments.permissions import MANAGE

_PAYMENTS = Subject("Payment")


async def page(
    context: Context, request: PageRequest, *, state: str | None, order_number: str | None
) -> Page:
    """A page of payments, the newest first. Raises UnauthenticatedError, ForbiddenError."""
    await check_allowed(context, MANAGE, _PAYMENTS)
    return await find_page(
        payments(context),
        _condition(state, order_number),
        request,
        newest_first=True,
        highest=await known_highest(context.storage, COUNTER),
    )


async def count(context: Context, *, state: str | None, order_number: str | None) -> int:
    """How many there are. Raises UnauthenticatedError, ForbiddenError."""
    await check_allowed(context, MANAGE, _PAYMENTS)
    condition = _condition(state, order_number)
    return await payments(context).count_documents({**condition, "number": {"$gt": 0}})


async def payments_by_key(context: Context, keys: Sequence[str]) -> dict[str, Record]:
    """Those of the payments that the viewer may see."""
    if not await allowed(context, MANAGE, _PAYMENTS):
        return {}
    return {
        payment["_id"]: payment
        async for payment in find_by(payments(context), "_id", keys)
        if "number" in payment
    }


async def refunds_of(context: Context, keys: Sequence[str]) -> dict[str, list[Record]]:
    """What was to go back of payments that the viewer sees, the oldest first."""
    found: dict[str, list[Record]] = {key: [] for key in keys}
    wanted = {"payment": {"$in": list(found)}, "kind": "REFUND"}
    async for operation in operations(context).find(wanted).sort("created_at", 1):
        found[operation["payment"]].append(operation)
    return found


def _condition(state: str | None, order_number: str | None) -> Record:
    wanted = {"state": state, "order_number": order_number}
    return {name: value for name, value in wanted.items() if value is not None}
