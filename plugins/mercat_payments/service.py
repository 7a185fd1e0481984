"""Reading payments; who may is decided here: buyers their own, staff all. Others find none."""

from collections.abc import Sequence

from pymongo.asynchronous.collection import AsyncCollection

from mercat.auth import Subject, allowed, check_allowed
from mercat.context import Context
from mercat.errors import NotFoundError
from mercat.storage import Record
from mercat.storage.lookups import find_by
from mercat.storage.pages import Page, PageRequest, find_page, known_highest
from mercat_orders.orders.access import orders
from mercat_orders.orders.changes.paying import order_key
from mercat_orders.orders.sight import is_bought_by
from mercat_orders.payments.resuming import pays
from mercat_payments.documents import COUNTER
from mercat_payments.ledger import ledger, operations, payments, stored
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


async def is_staff(context: Context) -> bool:
    """Whether the viewer sees all there is to payments."""
    return await allowed(context, MANAGE, _PAYMENTS)


async def payments_by_key(context: Context, keys: Sequence[str]) -> dict[str, Record]:
    """Those of the payments that the viewer may see: all of them, or those that they make."""
    found = await payments_of_orders(context, keys)
    if await is_staff(context):
        return found
    mine = {order_key(key) for key in found} - {None}
    wanted = find_by(orders(context), "_id", list(mine), {"user": 1, "guest": 1})
    bought = {order["_id"] async for order in wanted if is_bought_by(context.viewer, order)}
    return {key: payment for key, payment in found.items() if order_key(key) in bought}


async def payments_of_orders(context: Context, keys: Sequence[str]) -> dict[str, Record]:
    """Payments of orders that the viewer sees, by their keys."""
    return {
        payment["_id"]: payment
        async for payment in find_by(payments(context), "_id", keys)
        if "number" in payment
    }


async def watched(context: Context, key: str, secret: str | None) -> Record:
    """A payment that is watched, as it is now. Raises NotFoundError for who may not see it."""
    payment = await stored(context, key)
    if payment is not None and (await is_staff(context) or await _pays(context, key, secret)):
        return payment
    raise NotFoundError("there is no such payment", field=("id",))


async def _pays(context: Context, key: str, secret: str | None) -> bool:
    order = await orders(context).find_one({"_id": order_key(key)})
    return order is not None and await pays(context, order, secret)


async def operations_of(context: Context, keys: Sequence[str]) -> dict[str, list[Record]]:
    """What was asked of payments that the viewer sees, the oldest first."""
    return await _by_payment(operations(context), keys, "created_at")


async def events_of(context: Context, keys: Sequence[str]) -> dict[str, list[Record]]:
    """The ledgers of payments that the viewer sees, as they were heard of."""
    return await _by_payment(ledger(context), keys, "received_at")


async def _by_payment(
    collection: AsyncCollection[Record], keys: Sequence[str], order: str
) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {key: [] for key in keys}
    async for record in collection.find({"payment": {"$in": list(found)}}).sort(order, 1):
        found[record["payment"]].append(record)
    return found


def _condition(state: str | None, order_number: str | None) -> Record:
    wanted = {"state": state, "order_number": order_number}
    return {name: value for name, value in wanted.items() if value is not None}
