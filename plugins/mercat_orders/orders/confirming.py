"""The beginning and the end of what is done for an order: it is confirmed, it is completed."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bson import ObjectId

from mercat.context import Context
from mercat.errors import DomainError
from mercat.lifecycle import Job
from mercat.storage import Record
from mercat_orders.orders.access import orders
from mercat_orders.orders.acting import Decision, Done, Request, act
from mercat_orders.orders.documents import EARLIEST
from mercat_orders.orders.revising import Revision
from mercat_orders.orders.standing import Standing, Where, find, part_of
from mercat_orders.orders.states import Event, State, check
from mercat_orders.orders.telling import said, together
from mercat_orders.settings import OrderSettings

_logger = logging.getLogger(__name__)


async def confirm(context: Context, where: Where, reason: str, request: Request) -> Done:
    """Have a pending order sent, such as when its money came by bank.

    Raises NotFoundError, ForbiddenError, StateError.
    """
    record, standing = await find(context, where)

    def decide(found: Record) -> Decision:
        return _moved(found, standing, found["seller_orders"], Event.CONFIRM, reason)

    return await act(context, record["_id"], request, decide)


async def complete(context: Context, where: Where, reason: str, request: Request) -> Done:
    """Say that nothing more is to be done for an order, or a part of it, that was delivered.

    Raises NotFoundError, ForbiddenError, StateError.
    """
    record, standing = await find(context, where)

    def decide(found: Record) -> Decision:
        parts = found["seller_orders"] if where.kind == "order" else [part_of(found, where)]
        return _moved(found, standing, parts, Event.COMPLETE, reason)

    return await act(context, record["_id"], request, decide)


_STEPS: dict[Event, tuple[str, State]] = {
    Event.CONFIRM: ("CONFIRMED", "CONFIRMED"),
    Event.COMPLETE: ("COMPLETED", "COMPLETED"),
}


def _moved(
    record: Record, standing: Standing, parts: Sequence[Record], event: Event, reason: str
) -> Decision:
    """Bring all of these parts a step on; those that are there already, or cancelled, stay."""
    kind, state = _STEPS[event]
    revision = Revision(record)
    moving = [part for part in parts if part["state"] not in {state, "CANCELLED"}]
    for part in moving or parts:
        check(event, part["state"], standing.roles(part))
        revision.part(part["id"])["state"] = state
    is_all = len(moving) == len(record["seller_orders"])
    told = [said(kind, part, reason) for part in ([None] if is_all else moving)]
    return Decision(together(told, revision.values()))


async def complete_old(context: Context) -> None:
    """Complete what was delivered so long ago that nobody has anything to say of it any more."""
    days = context.settings(OrderSettings).complete_days
    before = datetime.now(UTC) - timedelta(days=days)
    for settled in (None, {"$gt": EARLIEST}):  # the first field of the index
        due = {"settle_at": settled, "delivered_at": {"$gt": EARLIEST, "$lt": before}}
        async for found in orders(context).find(due, {"_id": 1}):
            try:
                await _complete_old_parts(context, found["_id"], before)
            except DomainError as error:  # it is changed just now, and looked at again later
                _logger.info("order %s is not completed yet: %s", found["_id"], error)


async def _complete_old_parts(context: Context, key: ObjectId, before: datetime) -> None:
    record, standing = await find(context, Where("order", key))

    def decide(found: Record) -> Decision:
        old = [
            part
            for part in found["seller_orders"]
            if part["state"] == "DELIVERED" and part["delivered_at"] < before
        ]
        return _moved(found, standing, old, Event.COMPLETE, "") if old else Decision([])

    await act(context, record["_id"], Request("complete"), decide)


JOBS: Sequence[Job] = (Job(name="orders-complete", every=timedelta(minutes=10), run=complete_old),)
