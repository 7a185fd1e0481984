"""What people say of payments that nobody else can be asked about."""

from collections.abc import Sequence
from datetime import UTC, datetime

from mercat.auth import Subject, check_allowed
from mercat.context import Context
from mercat.errors import ConflictError, InvalidError, NotFoundError
from mercat.money import Amount, format_minor, parse_amount
from mercat.payments import Done, Event
from mercat.storage import Record, Session
from mercat.storage.idempotency import checked_key
from mercat.texts import line_of
from mercat.turns import turn
from mercat_payments.ledger import note, note_outcome, operations, stored
from mercat_payments.operating import new_operation
from mercat_payments.permissions import MANAGE
from mercat_payments.providers import providers_of

_LONGEST_REFERENCE = 200


async def mark_paid(
    context: Context, payment: str, *, amount: str | None, reference: str, key: str | None
) -> Record:
    """Write down that money came in, once for each key; without an amount all that is open.

    Raises UnauthenticatedError, ForbiddenError, NotFoundError, InvalidError, and ConflictError for
    a key that came with another amount.
    """
    found = await _by_hand(context, payment)
    name = f"hand:{payment}:{checked_key(key)}"
    reference = line_of(reference, ("reference",), most=_LONGEST_REFERENCE)
    given = None if amount is None else given_amount(amount, found["currency"])

    async def before(session: Session, now: Record) -> tuple[Record, Sequence[Event]]:
        if await operations(context).find_one({"_id": name}, {"_id": 1}, session=session):
            return {}, ()
        taken = Amount(_taken(now, given), now["currency"])
        operation = new_operation(context, now, name, "CAPTURE", taken.minor, reference)
        done = {**operation, "state": "DONE", "ref": name}
        await operations(context).insert_one(done, session=session)
        return {}, (Event(name, "captured", taken, name, datetime.now(UTC), now["ref"]),)

    async with turn(context, "payment", payment):
        after = await note(context, payment, before)
    written = await operations(context).find_one({"_id": name})
    if written is None or given not in {None, written["amount"]}:
        raise ConflictError(
            "this idempotency key came with another amount", field=("idempotencyKey",)
        )
    return after


async def mark_refunded(context: Context, payment: str, refund: str) -> Record:
    """Write down that a refund was given back by hand; repeating changes nothing.

    Raises UnauthenticatedError, ForbiddenError, NotFoundError, InvalidError.
    """
    found = await _by_hand(context, payment)
    mine = {"_id": refund, "payment": payment, "kind": "REFUND"}
    async with turn(context, "payment", payment):
        operation = await operations(context).find_one(mine)
        if operation is None:
            raise NotFoundError("there is no such refund", field=("refundKey",))
        if operation["state"] == "DECLINED":
            raise InvalidError("this refund was refused", field=("refundKey",))
        if operation["state"] != "PENDING":
            return found
        return await note_outcome(context, found, operation, Done(operation["ref"]))


async def seen(context: Context, key: str) -> Record:
    """A payment that somebody names. Raises NotFoundError."""
    payment = await stored(context, key)
    if payment is None:
        raise NotFoundError("there is no such payment", field=("paymentId",))
    return payment


async def _by_hand(context: Context, key: str) -> Record:
    await check_allowed(context, MANAGE, Subject("Payment", key))
    payment = await seen(context, key)
    provider = providers_of(context).find(payment["provider"])
    if provider is None or not provider.capabilities.by_hand:
        raise InvalidError(
            f"'{payment['provider']}' says itself what is paid", field=("paymentId",)
        )
    return payment


def given_amount(amount: str, currency: str) -> int:
    """A sum that somebody names, in minor units. Raises InvalidError."""
    found = parse_amount(amount, currency, ("amount",)).minor
    if found <= 0:
        raise InvalidError("it is more than nothing", field=("amount",))
    return found


def _taken(payment: Record, given: int | None) -> int:
    """How much is written down of a payment as it is now."""
    if payment["ended_at"] is not None:
        raise InvalidError("this payment has ended: give back what came in", field=("paymentId",))
    is_open: int = payment["amount"] - payment["captured"]
    if is_open <= 0:
        raise InvalidError("all of it is paid already", field=("paymentId",))
    if given is not None and given > is_open:
        shown = format_minor(is_open, payment["currency"])
        raise InvalidError(f"only {shown} are open", field=("amount",))
    return is_open if given is None else given
