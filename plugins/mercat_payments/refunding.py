"""Giving money back: never more than was taken, and each time by a key of its own."""

from datetime import UTC, datetime

from pymongo.errors import DuplicateKeyError

from mercat.checkout import RefundStatus, RefundWanted
from mercat.context import Context
from mercat.errors import ConflictError, InvalidError
from mercat.money import Amount, format_minor
from mercat.payments import Operation, PaymentProvider
from mercat.storage import Record, Session, storable
from mercat.turns import turn
from mercat_payments.asking import ask, is_known
from mercat_payments.documents import OPEN
from mercat_payments.ledger import FIRST_PAUSE, note_outcome, operations, payments, stored
from mercat_payments.providers import providers_of
from mercat_payments.starting import new_operation


async def refund(context: Context, wanted: RefundWanted) -> RefundStatus | None:
    """Give some of a payment back, once for each key; None where there is no such payment.

    Raises InvalidError for more than there is to give back, ConflictError for a key that came with
    something else before.
    """
    async with turn(context, "payment", wanted.payment):
        payment = await stored(context, wanted.payment)
        if payment is None:
            return None
        provider = providers_of(context).find(payment["provider"])
        if provider is None:
            return RefundStatus("failed", f"the provider '{payment['provider']}' is switched off")
        key = f"refund:{wanted.key}"
        operation = await operations(context).find_one({"_id": key})
        if operation is None:
            _check(provider, payment, wanted)
            operation = await begin_refund(context, payment, key, wanted.amount, wanted.reason)
        _check_same(operation, wanted)
        if operation["state"] in OPEN and is_known(provider, operation):
            await ask_to_refund(context, provider, payment, operation)
            operation = await operations(context).find_one({"_id": key}) or operation
        return _status(operation)


async def begin_refund(
    context: Context, payment: Record, key: str, amount: int, reason: str
) -> Record:
    """Write down a refund, and reserve what it takes by one conditional update.

    Returns what another process wrote under the key before. Raises InvalidError where there isn't
    as much.
    """
    operation = new_operation(context, payment, key, "REFUND", amount, storable(reason))

    async def work(session: Session) -> Record:
        await operations(context).insert_one(operation, session=session)
        reserved = await payments(context).update_one(
            {"_id": payment["_id"], "refundable": {"$gte": amount}},
            {
                "$inc": {"refundable": -amount, "refunding": amount, "version": 1},
                "$set": {"ask_at": datetime.now(UTC) + FIRST_PAUSE},
            },
            session=session,
        )
        if not reserved.matched_count:
            raise InvalidError("there is less than that to give back", field=("amount",))
        return operation

    try:
        return await context.storage.transaction(work)
    except DuplicateKeyError:
        found = await operations(context).find_one({"_id": key})
        if found is None:
            raise
        return found


async def ask_to_refund(
    context: Context, provider: PaymentProvider, payment: Record, operation: Record
) -> Record:
    """Ask the provider, for the first time or again, with the same key; returns the payment."""
    money = Amount(operation["amount"], operation["currency"])
    request = Operation(operation["_id"], payment["ref"] or "", money)
    outcome = await ask(provider, request.key, payment["currency"], provider.refund(request))
    return await note_outcome(context, payment, operation, outcome)


def _check(provider: PaymentProvider, payment: Record, wanted: RefundWanted) -> None:
    if wanted.currency != payment["currency"]:
        raise InvalidError(f"this was paid in {payment['currency']}", field=("currency",))
    if wanted.amount <= 0:
        raise InvalidError("what goes back is more than nothing", field=("amount",))
    if wanted.amount > payment["refundable"]:
        left = format_minor(max(0, payment["refundable"]), payment["currency"])
        raise InvalidError(f"there are {left} to give back", field=("amount",))
    if wanted.amount < payment["captured"] and not provider.capabilities.partial_refund:
        raise InvalidError("this way to pay gives back all or nothing", field=("amount",))


def _check_same(operation: Record, wanted: RefundWanted) -> None:
    before = (operation["payment"], operation["amount"], operation["currency"])
    if before != (wanted.payment, wanted.amount, wanted.currency):
        raise ConflictError("this key gave back something else before")


def _status(operation: Record) -> RefundStatus:
    if operation["state"] == "DONE":
        return RefundStatus("done")
    if operation["state"] == "DECLINED":
        return RefundStatus("failed", operation["message"])
    return RefundStatus("pending")
