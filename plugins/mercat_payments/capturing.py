"""Taking money that was authorized: never more than that, and each time by a key of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

from mercat.auth import Subject, check_allowed
from mercat.checkout import CaptureStatus, CaptureWanted
from mercat.context import Context
from mercat.errors import ConflictError, InvalidError
from mercat.money import format_minor
from mercat.payments import Event, PaymentProvider
from mercat.storage import Record, Session
from mercat.storage.idempotency import checked_key
from mercat.texts import line_of
from mercat.turns import turn
from mercat_payments.asking import is_known
from mercat_payments.by_hand import given_amount, seen
from mercat_payments.documents import OPEN
from mercat_payments.ledger import note, operations, stored
from mercat_payments.operating import ask_for, begin, new_operation
from mercat_payments.permissions import MANAGE
from mercat_payments.providers import provider_of, providers_of
from mercat_payments.settings import PaymentSettings
from mercat_payments.settling import ask_for_news, end, settled

_LONGEST_REASON = 1_000


@dataclass(frozen=True, slots=True)
class Taken:
    """A payment after something was asked of it, and what was asked."""

    payment: Record
    operation: Record


async def capture(context: Context, wanted: CaptureWanted) -> CaptureStatus | None:
    """Take what was sent by now, once for each sum; None where nothing is taken by itself.

    A provider that captures once takes all that is wanted in the end with the first of it. Raises
    ConflictError where something else is taken at the same time.
    """
    if context.settings(PaymentSettings).capture == "by_hand":
        return None
    async with turn(context, "payment", wanted.payment):
        payment = await stored(context, wanted.payment)
        provider = None if payment is None else providers_of(context).find(payment["provider"])
        if payment is None or provider is None:
            return None
        if payment["capturing"]:
            payment = await settled(context, provider, payment)
        goal = _goal(provider, payment, wanted)
        if _missing(payment, goal) <= 0:
            await _close(context, provider, payment, is_last=goal >= wanted.most)
            return CaptureStatus("pending" if payment["capturing"] else "done")
        found = await _captured(context, provider, payment, goal, is_last=goal >= wanted.most)
        return _status(found)


async def capture_by_hand(
    context: Context, payment: str, *, amount: str | None, is_last: bool, key: str | None
) -> Taken:
    """Take so much, or all that can be taken, once for each key; what it leaves can be let go.

    Raises UnauthenticatedError, ForbiddenError, NotFoundError, InvalidError, and ConflictError for
    a key that came with another amount.
    """
    await check_allowed(context, MANAGE, Subject("Payment", payment))
    name = f"capture:{payment}:hand:{checked_key(key)}"
    async with turn(context, "payment", payment):
        found = await seen(context, payment)
        provider = provider_of(context, found)
        given = None if amount is None else given_amount(amount, found["currency"])
        operation = await operations(context).find_one({"_id": name})
        if operation is None:
            taken = _checked(provider, found, given)
            is_last = is_last or not provider.capabilities.multiple_captures
            operation = await begin(
                context,
                new_operation(context, found, name, "CAPTURE", taken, is_last=is_last),
            )
        if given not in {None, operation["amount"]}:
            raise ConflictError(
                "this idempotency key came with another amount", field=("idempotencyKey",)
            )
        return await _asked(context, provider, found, operation)


async def void_by_hand(context: Context, payment: str, reason: str) -> Record:
    """Let go of a payment of which nothing was taken; repeating changes nothing.

    Raises UnauthenticatedError, ForbiddenError, NotFoundError, InvalidError.
    """
    await check_allowed(context, MANAGE, Subject("Payment", payment))
    reason = line_of(reason, ("reason",), most=_LONGEST_REASON)
    found = await seen(context, payment)
    if found["ended_at"] is None and (found["captured"] or found["capturing"]):
        raise InvalidError(
            "some of it was taken already: give that back, and let go of the rest by capturing with"
            " `isLast`",
            field=("paymentId",),
        )
    await end(context, payment, reason)
    return await seen(context, payment)


def _goal(provider: PaymentProvider, payment: Record, wanted: CaptureWanted) -> int:
    """How much is to be taken in all, as far as the provider can."""
    can = provider.capabilities
    if not can.partial_capture:
        return int(payment["amount"])
    return wanted.amount if can.multiple_captures else wanted.most


def _missing(payment: Record, goal: int) -> int:
    taken: int = payment["captured"] + payment["capturing"]
    return min(goal - taken, int(payment["capturable"]))


async def _captured(
    context: Context, provider: PaymentProvider, payment: Record, goal: int, *, is_last: bool
) -> Record:
    """The operation that takes what is missing; the same goal is the same operation."""
    key = f"capture:{payment['_id']}:{goal}"
    operation = await operations(context).find_one({"_id": key})
    if operation is None:
        amount = _missing(payment, goal)
        new = new_operation(context, payment, key, "CAPTURE", amount, is_last=is_last)
        operation = await _begun(context, payment, new)
    return (await _asked(context, provider, payment, operation)).operation


async def _begun(context: Context, payment: Record, operation: Record) -> Record:
    """Write it down, where nothing else is being taken at the same time."""
    known = {name: payment[name] for name in ("captured", "capturing")}
    try:
        return await begin(context, operation, known)
    except InvalidError:
        raise ConflictError("the payment changed at the same time; ask again") from None


async def _asked(
    context: Context, provider: PaymentProvider, payment: Record, operation: Record
) -> Taken:
    if operation["state"] in OPEN and is_known(provider, operation):
        payment = await ask_for(context, provider, payment, operation)
        operation = await operations(context).find_one({"_id": operation["_id"]}) or operation
    if operation["state"] == "DECLINED":  # the authorization may be gone
        payment = await ask_for_news(context, provider, payment)
    elif payment["left"] is not None:
        payment = await settled(context, provider, payment)
    return Taken(payment, operation)


async def _close(
    context: Context, provider: PaymentProvider, payment: Record, *, is_last: bool
) -> None:
    """Let go of what is authorized and not wanted any more."""

    async def before(_: Session, __: Record) -> tuple[Record, Sequence[Event]]:
        return {"is_closing": True}, ()

    if is_last and payment["authorized"] and payment["captured"] and not payment["is_closing"]:
        payment = await note(context, payment["_id"], before)
    if payment["left"] is not None:
        await settled(context, provider, payment)


def _checked(provider: PaymentProvider, payment: Record, given: int | None) -> int:
    """How much is taken of a payment as it is now."""
    if provider.capabilities.by_hand:
        raise InvalidError(
            f"'{provider.code}' can't be asked: use `paymentMarkPaid`", field=("paymentId",)
        )
    is_open: int = payment["capturable"]
    if payment["ended_at"] is not None or is_open <= 0:
        raise InvalidError("there is nothing that could be taken", field=("paymentId",))
    if given is not None and given > is_open:
        shown = format_minor(is_open, payment["currency"])
        raise InvalidError(f"only {shown} can be taken", field=("amount",))
    amount = is_open if given is None else given
    if amount < payment["amount"] and not provider.capabilities.partial_capture:
        raise InvalidError("this way to pay takes all or nothing", field=("amount",))
    return amount


def _status(operation: Record) -> CaptureStatus:
    if operation["state"] == "DONE":
        return CaptureStatus("done")
    if operation["state"] == "DECLINED":
        return CaptureStatus("failed", operation["message"])
    return CaptureStatus("pending")
