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
from mercat_orders.orders.changes.acting import Decision, Done, Request, act
from mercat_orders.orders.changes.revising import Revision
from mercat_orders.orders.changes.standing import Standing, Where, find, part_of
from mercat_orders.orders.changes.telling import said, together
from mercat_orders.orders.documents import EARLIEST
from mercat_orders.orders.states import Event, check
from mercat_orders.settings import OrderSettings

_logger = logging.getLogger(__name__)


async def confirm(context: Context, where: Where, reason: str, request: Request) -> Done:
    """Have a pending order sent, such as when its money came by bank, or lines that wait for it.

    Raises NotFoundError, ForbiddenError, StateError.
    """
    record, standing = await find(context, where)

    def decide(found: Record) -> Decision:
        return _confirmed(found, standing, reason)

    return await act(context, record["_id"], request, decide)


async def complete(context: Context, where: Where, reason: str, request: Request) -> Done:
    """Say that nothing more is to be done for an order, or a part of it, that was delivered.

    Raises NotFoundError, ForbiddenError, StateError.
    """
    record, standing = await find(context, where)

    def decide(found: Record) -> Decision:
        parts = found["seller_orders"] if where.kind == "order" else [part_of(found, where)]
        return _completed(found, standing, parts, reason)

    return await act(context, record["_id"], request, decide)


def _confirmed(record: Record, standing: Standing, reason: str) -> Decision:
    """Have everything sent that waits to be paid; a part with a line that does is as a pending one.

    Cancelled parts stay.
    """
    revision = Revision(record)
    waiting = [part for part in revision.parts if _waits(revision, part)]
    for part in waiting or revision.parts:
        check(Event.CONFIRM, "PENDING" if waiting else part["state"], standing.roles(part))
    revision.confirm()
    for line in revision.lines:
        line["waits"] = False
    return _told("CONFIRMED", revision, waiting, reason)


def _waits(revision: Revision, part: Record) -> bool:
    return part["state"] == "PENDING" or any(line.get("waits") for line in revision.lines_of(part))


def _completed(
    record: Record, standing: Standing, parts: Sequence[Record], reason: str
) -> Decision:
    """Complete all of these parts; those that are already, or cancelled, stay."""
    revision = Revision(record)
    moving = [part for part in parts if part["state"] not in {"COMPLETED", "CANCELLED"}]
    for part in moving or parts:
        check(Event.COMPLETE, part["state"], standing.roles(part))
        revision.part(part["id"])["state"] = "COMPLETED"
    return _told("COMPLETED", revision, moving, reason)


def _told(kind: str, revision: Revision, parts: Sequence[Record], reason: str) -> Decision:
    """An entry for each of these parts, or a single one for all that there are."""
    is_all = len(parts) == len(revision.parts)
    told = [said(kind, part, reason) for part in ([None] if is_all else parts)]
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
        return _completed(found, standing, old, "") if old else Decision([])

    await act(context, record["_id"], Request("complete"), decide)


JOBS: Sequence[Job] = (Job(name="orders-complete", every=timedelta(minutes=10), run=complete_old),)
