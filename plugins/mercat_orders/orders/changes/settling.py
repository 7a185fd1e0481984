"""What an order's money needs: refunds are written down first, then the payment's plugin is asked.

Both are asked under keys that stay the same, so that asking again is harmless: a job does for what
nobody answered.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId

from mercat import checkout
from mercat.checkout import CaptureStatus, CaptureWanted, RefundStatus, RefundWanted
from mercat.context import Context
from mercat.errors import DomainError, InvalidError
from mercat.lifecycle import Job
from mercat.storage import Record
from mercat_orders.orders import captures
from mercat_orders.orders.access import orders
from mercat_orders.orders.captures import Due
from mercat_orders.orders.changes import paying
from mercat_orders.orders.changes.changing import Change, Happening, change
from mercat_orders.orders.changes.revising import SOON, Revision
from mercat_orders.orders.changes.telling import money
from mercat_orders.orders.documents import EARLIEST, WAITING
from mercat_orders.orders.money import (
    BEGUN,
    ENDED,
    WANTED,
    owed,
    paid,
    payment_of,
    payments,
    refunds_of,
)

_STATES = {"done": "DONE", "pending": "PENDING", "failed": "FAILED"}
_KINDS = {"DONE": "REFUNDED", "PENDING": "REFUND_PENDING", "FAILED": "REFUND_FAILED"}
_OPEN = ("WANTED", "PENDING")

_logger = logging.getLogger(__name__)


async def settle(context: Context, key: ObjectId, *, is_late: bool = False) -> None:
    """Ask for what isn't made yet of an order's refunds and payments, and of their ends.

    Where it `is_late` nobody is at a payment any more that was only begun.
    """
    record = await orders(context).find_one({"_id": key})
    if record is None or record.get("settle_at") is None:
        return
    for refund in record.get("refunds", ()):
        if refund["state"] in _OPEN:
            await _refund(context, record, refund)
    for wanted in captures.due(record):
        await _capture(context, record, wanted)
    for payment in payments(record):
        if payment.get("is_ending"):
            await _end(context, record, payment)
        elif payment["state"] == WANTED:
            await _start(context, record, payment)
        elif payment["state"] == BEGUN and is_late:
            await _look_after(context, record, payment)


async def follow_payment(context: Context, key: str) -> None:
    """Look at an order's money after its payment changed: what was waived goes back once paid."""
    record = await orders(context).find_one({"_id": paying.order_key(key)})
    if record is None or record["state"] in WAITING:
        return
    record = await change(context, record["_id"], _pay_back)
    await _look_at_refunds(context, record, key)
    await settle(context, record["_id"])


async def _look_at_refunds(context: Context, record: Record, key: str) -> None:
    """Ask again for refunds that were done where less went back than they come to."""
    done = [one for one in refunds_of(record, key) if one["state"] == "DONE" and _is_own(one)]
    if not done:
        return
    status = await paying.standing(context, payment_of(record, key))
    if status is None or status.refunded is None:
        return
    if status.refunded < sum(one["amount"] for one in done):
        for refund in done:
            await _refund(context, record, refund)


def _is_own(refund: Mapping[str, Any]) -> bool:
    """Whether the shop asked for it."""
    return bool(refund["cause"] != "PROVIDER")


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
        await settle(context, key, is_late=True)
    except DomainError as error:
        _logger.info("the money of order %s waits: %s", key, error)


async def _refund(context: Context, record: Record, refund: Mapping[str, Any]) -> None:
    status = await _asked(context, record, refund)
    state = None if status is None else _STATES[status.state]
    if status is None or state is None or state == refund["state"]:
        return

    def decide(found: Record) -> Change | None:
        return _noted(found, refund["id"], state, status.message)

    await change(context, record["_id"], decide)


async def _asked(
    context: Context, record: Record, refund: Mapping[str, Any]
) -> RefundStatus | None:
    """What became of a refund; None where nobody can say now."""
    wanted = RefundWanted(
        key=str(refund["id"]),
        payment=refund["payment"],
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
    is_undone = refund["state"] == "DONE" and state == "FAILED"
    if not is_undone and (refund["state"] not in _OPEN or refund["state"] == state):
        return None
    refund |= {"state": state, "message": message, "updated_at": revision.now}
    part = next((part for part in revision.parts if part["id"] == refund["part"]), None)
    if state == "FAILED" and part is not None:
        _undo(part, refund)
    facts = {"refund": str(key), "amount": refund["amount"], "currency": record["currency"]}
    happening = Happening(_KINDS[state], message, part=part, facts=facts)
    return Change(happening, revision.values())


def _undo(part: Record, refund: Record) -> None:
    """A refund that failed can be made again."""
    if refund["shipping"]:
        part["shipping_back"] = False
    for found in part.get("returns", ()):
        if refund["id"] in found["refunds"]:
            found["refunds"].remove(refund["id"])
            found |= {"state": "RECEIVED", "updated_at": refund["updated_at"]}


def _pay_back(record: Record) -> Change | None:
    """What was waived before it was paid all the same."""
    amount = min(paid(record) - owed(record), record.get("waived") or 0)
    if amount <= 0:
        return None
    revision = Revision(record)
    revision.pay_back(amount)
    return Change(Happening("OVERPAID"), revision.values())


async def _capture(context: Context, record: Record, wanted: Due) -> None:
    """Have taken what was sent, and remember that it was asked for."""
    key = wanted.payment["key"]
    request = CaptureWanted(key, wanted.amount, wanted.most)
    try:
        status = await context.hooks.first(checkout.payment_capture, context, request)
    except DomainError as error:
        _logger.info("%s waits to be captured: %s", key, error)
        return
    except Exception:  # whatever a plugin does, it is asked again
        _logger.exception("%s waits to be captured", key)
        return

    def decide(found: Record) -> Change | None:
        revision = Revision(found)
        payment_of(revision.order, key)["asked"] = wanted.asked
        return Change(_failure(record, wanted, status), revision.values())

    await change(context, record["_id"], decide)
    if status is not None and (stands := await paying.standing(context, wanted.payment)):
        await paying.note(context, record["_id"], key, stands)


def _failure(record: Record, wanted: Due, status: CaptureStatus | None) -> Happening | None:
    """What staff is told where nothing was taken for what has gone."""
    if status is None or status.state != "failed":
        return None
    facts = {"amount": money(wanted.amount, record)}
    return Happening("CAPTURE_FAILED", status.message, is_internal=True, facts=facts)


async def _start(context: Context, record: Record, payment: Record) -> None:
    """Begin a payment that the shop begins on its own; the same key is the same payment."""
    try:
        status = await paying.start(context, record, payment)
    except Exception:  # whatever a plugin does, it is asked again
        _logger.exception("the payment %s of %s doesn't begin yet", payment["key"], record["code"])
        return
    await paying.note(context, record["_id"], payment["key"], status)


async def _look_after(context: Context, record: Record, payment: Record) -> None:
    """Go on with a payment whose beginning was cut short, or end it if there is none."""
    status = await paying.standing(context, payment)
    if status is not None:
        await paying.note(context, record["_id"], payment["key"], status)
    else:
        await _end(context, record, payment)


async def _end(context: Context, record: Record, payment: Record) -> None:
    key = payment["key"]
    try:
        status = await context.hooks.first(
            checkout.payment_end, context, key, "nothing is to be paid with it any more"
        )
    except DomainError as error:
        _logger.info("the payment of %s doesn't end yet: %s", record["code"], error)
        return
    except Exception:  # whatever a plugin does, it is asked again
        _logger.exception("the payment of %s doesn't end yet", record["code"])
        return
    if status is None or status.state in (ENDED, "declined"):
        await change(context, record["_id"], lambda found: _ended(found, key))


def _ended(record: Record, key: str) -> Change | None:
    revision = Revision(record)
    payment = payment_of(revision.order, key)
    if payment["state"] != BEGUN and not payment.get("is_ending"):
        return None
    payment |= {"state": ENDED, "is_ending": False}
    return Change(Happening("PAYMENT_ENDED", facts={"payment": ENDED}), revision.values())


JOBS: Sequence[Job] = (Job(name="orders-settle", every=timedelta(seconds=10), run=settle_all),)
