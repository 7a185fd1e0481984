"""Giving money back: never more than was taken, and each time by a key of its own."""

from mercat.checkout import RefundStatus, RefundWanted
from mercat.context import Context
from mercat.errors import ConflictError, InvalidError
from mercat.money import format_minor
from mercat.payments import PaymentProvider
from mercat.storage import Record, storable
from mercat.turns import turn
from mercat_payments.asking import is_known
from mercat_payments.documents import OPEN
from mercat_payments.ledger import operations, stored
from mercat_payments.operating import ask_for, begin, new_operation
from mercat_payments.providers import providers_of


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
            operation = await begin(context, _new(context, payment, key, wanted))
        _check_same(operation, wanted)
        if operation["state"] in OPEN and is_known(provider, operation):
            await ask_for(context, provider, payment, operation)
            operation = await operations(context).find_one({"_id": key}) or operation
        return _status(operation)


def _new(context: Context, payment: Record, key: str, wanted: RefundWanted) -> Record:
    reason = storable(wanted.reason)
    return new_operation(context, payment, key, "REFUND", wanted.amount, reason)


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
