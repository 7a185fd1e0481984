"""What an order's money needs: refunds are written down first, then the payment's plugin is asked.

Both are asked under keys that stay the same, so that asking again is harmless: a job does for what
nobody answered.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bson import ObjectId

from mercat import checkout
from mercat.checkout import RefundStatus, RefundWanted
from mercat.context import Context
from mercat.errors import DomainError, InvalidError
from mercat.lifecycle import Job
from mercat.storage import Record
from mercat_orders.orders.access import orders
from mercat_orders.orders.changing import Change, Happening, change
from mercat_orders.orders.documents import EARLIEST
from mercat_orders.orders.money import ENDED, is_paid
from mercat_orders.orders.revising import SOON, Revision

_STATES = {"done": "DONE", "pending": "PENDING", "failed": "FAILED"}
_KINDS = {"DONE": "REFUNDED", "PENDING": "REFUND_PENDING", "FAILED": "REFUND_FAILED"}
_OPEN = ("WANTED", "PENDING")

_logger = logging.getLogger(__name__)


async def settle(context: Context, key: ObjectId) -> None:
    """Ask for the refunds of an order that aren't made yet, and end its payment if it is over."""
    record = await orders(context).find_one({"_id": key})
    if record is None or record.get("settle_at") is None:
        return
    for refund in record["refunds"]:
        if refund["state"] in _OPEN:
            await _refund(context, record, refund)
    if record["payment"].get("is_ending"):
        await _end(context, record)


async def follow_payment(context: Context, key: str) -> None:
    """Look at an order's money after its payment changed: what was waived goes back once paid."""
    if not ObjectId.is_valid(key):
        return
    record = await orders(context).find_one({"_id": ObjectId(key)})
    if record is None:
        return
    await change(context, record["_id"], _pay_back)
    await settle(context, record["_id"])


async def settle_all(context: Context) -> None:
    """Ask again for what nobody answered yet."""
    now = datetime.now(UTC)
    due = {"settle_at": {"$gt": EARLIEST, "$lt": now}}
    async for record in orders(context).find(due, {"settle_at": 1}):
        await orders(context).update_one(
            {"_id": record["_id"], "settle_at": record["settle_at"]},
            {"$set": {"settle_at": now + SOON}},
        )
        await _safely(context, record["_id"])


async def _safely(context: Context, key: ObjectId) -> None:
    try:
        await settle(context, key)
    except DomainError as error:
        _logger.info("the money of order %s waits: %s", key, error)


async def _refund(context: Context, record: Record, refund: Record) -> None:
    status = await _asked(context, record, refund)
    state = None if status is None else _STATES[status.state]
    if status is None or state is None or state == refund["state"]:
        return

    def decide(found: Record) -> Change | None:
        return _noted(found, refund["id"], state, status.message)

    await change(context, record["_id"], decide)


async def _asked(context: Context, record: Record, refund: Record) -> RefundStatus | None:
    """What became of a refund; None where nobody can say now."""
    wanted = RefundWanted(
        key=str(refund["id"]),
        payment=str(record["_id"]),
        amount=refund["amount"],
        currency=record["currency"],
        reason=refund["reason"],
    )
    try:
        status = await context.hooks.first(checkout.payment_refund, context, wanted)
    except InvalidError as error:
        return RefundStatus("failed", str(error))
    except DomainError as error:
        _logger.info("refund %s waits: %s", refund["id"], error)
        return None
    except Exception:  # whatever a plugin does, the refund is written down and asked for again
        _logger.exception("refund %s waits", refund["id"])
        return None
    return status or RefundStatus("failed", "this way to pay is not there any more")


def _noted(record: Record, key: ObjectId, state: str, message: str) -> Change | None:
    """What the payment's plugin said of a refund, where it wasn't known yet."""
    revision = Revision(record)
    refund = next(found for found in revision.refunds if found["id"] == key)
    if refund["state"] not in _OPEN or refund["state"] == state:
        return None
    refund |= {"state": state, "message": message, "updated_at": revision.now}
    part = next((part for part in revision.parts if part["id"] == refund["part"]), None)
    if state == "FAILED" and part is not None:
        _undo(part, refund)
    facts = {"refund": str(key), "amount": refund["amount"], "currency": record["currency"]}
    happening = Happening(
        _KINDS[state], message, seller=part["seller"] if part else None, facts=facts
    )
    return Change(happening, revision.values())


def _undo(part: Record, refund: Record) -> None:
    """A refund that failed can be made again."""
    if refund["shipping"]:
        part["shipping_back"] = False
    for found in part.get("returns", ()):
        if found["refund"] == refund["id"]:
            found |= {"state": "RECEIVED", "refund": None, "updated_at": refund["updated_at"]}


def _pay_back(record: Record) -> Change | None:
    """What was waived before it was paid all the same."""
    if not is_paid(record) or not record.get("waived") or record["payment"].get("is_ending"):
        return None
    revision = Revision(record)
    rest, revision.waived = revision.waived, 0
    for part in revision.parts:
        amount, part["waived"] = part.get("waived", 0), 0
        rest -= amount
        revision.give_back(part, amount, "OVERPAID")
    revision.give_back(None, rest, "OVERPAID")
    return Change(Happening("OVERPAID"), revision.values())


async def _end(context: Context, record: Record) -> None:
    try:
        status = await context.hooks.first(
            checkout.payment_end, context, str(record["_id"]), "the order was cancelled"
        )
    except DomainError as error:
        _logger.info("the payment of %s doesn't end yet: %s", record["code"], error)
        return
    except Exception:  # whatever a plugin does, it is asked again
        _logger.exception("the payment of %s doesn't end yet", record["code"])
        return
    if status is None or status.state in (ENDED, "declined"):
        await change(context, record["_id"], _ended)


def _ended(record: Record) -> Change | None:
    if not record["payment"].get("is_ending"):
        return None
    revision = Revision(record)
    revision.payment |= {"state": ENDED, "is_ending": False}
    return Change(Happening("PAYMENT_ENDED", facts={"payment": ENDED}), revision.values())


JOBS: Sequence[Job] = (Job(name="orders-settle", every=timedelta(seconds=10), run=settle_all),)
