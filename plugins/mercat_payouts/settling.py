"""What people say of payouts: that they were paid, or failed, and what is owed beside orders."""

from dataclasses import dataclass
from typing import Any

from bson import ObjectId

from mercat.auth import Subject
from mercat.context import Context
from mercat.errors import InvalidError, NotFoundError
from mercat.money import parse_amount
from mercat.payments import Declined
from mercat.storage import Record, Session
from mercat.storage.idempotency import checked_key, idempotent
from mercat.texts import line_of
from mercat_auth.audit.service import record
from mercat_auth.sellers.reading import stored_seller
from mercat_payouts.documents import CallState
from mercat_payouts.entries import Entry, balance_of, in_transaction, payouts, write
from mercat_payouts.errors import StateError
from mercat_payouts.payouts import settle
from mercat_payouts.providers import providers_of
from mercat_payouts.settings import PayoutSettings
from mercat_payouts.sight import check_manages
from mercat_payouts.transferring import settle_transfer

_LONGEST = 200


async def mark_paid(context: Context, key: str, reference: str) -> Record:
    """Write down that a payout was paid; repeating changes nothing.

    Raises UnauthenticatedError, ForbiddenError, NotFoundError, InvalidError, StateError.
    """
    said = line_of(reference, ("reference",), most=_LONGEST)
    return await _settled(context, key, "DONE", "reference", said)


async def mark_failed(context: Context, key: str, reason: str) -> Record:
    """Write down that a payout could not be paid: its money is available again.

    Repeating changes nothing. Raises as `mark_paid` does.
    """
    said = line_of(reason, ("reason",), most=_LONGEST)
    return await _settled(context, key, "FAILED", "message", said)


async def _settled(context: Context, key: str, state: CallState, name: str, said: str) -> Record:
    await check_manages(context)
    values: dict[str, Any] = {name: said} if said else {}

    async def work(session: Session) -> None:
        payout = await payouts(context).find_one({"_id": key}, session=session)
        if payout is None:
            raise NotFoundError("there is no such payout", field=("payoutId",))
        if payout["state"] == state:
            return
        _check(payout)
        if payout["run"] is not None:
            await settle(context, session, payout, state, **values)
        elif state == "DONE":
            await settle(context, session, payout, state, **values, ref=said or None)
        else:
            await settle_transfer(context, session, payout, Declined("by_hand", said))
        subject = Subject("Payout", key, seller=payout["seller"])
        await record(context, session, f"payouts.marked_{state.lower()}", subject)

    await in_transaction(context, work)
    found = await payouts(context).find_one({"_id": key})
    if found is None:
        raise NotFoundError("there is no such payout", field=("payoutId",))
    return found


def _check(payout: Record) -> None:
    """Raise StateError where it isn't people who say what became of a payout."""
    if payout["state"] in {"DONE", "FAILED"}:
        was = "paid" if payout["state"] == "DONE" else "marked as failed"
        raise StateError(f"this payout was {was} already", field=("payoutId",))
    is_stuck = payout["state"] != "PENDING" and payout["ask_at"] is None
    if payout["run"] is None and not is_stuck:
        raise StateError(f"'{payout['provider']}' says itself what is paid", field=("payoutId",))


@dataclass(frozen=True, slots=True)
class Adjustment:
    """How much more a seller is owed, as a decimal; less below zero."""

    amount: str
    currency: str
    reason: str


async def adjust_seller(
    context: Context, seller: ObjectId, given: Adjustment, key: str | None
) -> Record:
    """Have a seller be owed more, or less, once for each key; returns the seller.

    Raises UnauthenticatedError, ForbiddenError, NotFoundError, InvalidError, ConflictError.
    """
    await check_manages(context)
    found = await stored_seller(context, seller, field=("sellerId",))
    await adjust(context, str(seller), given, key)
    return found


async def adjust(context: Context, seller: str, given: Adjustment, key: str | None) -> None:
    """Write an adjustment down, once for each key. Raises as `adjust_seller` does."""
    await check_manages(context)
    key = checked_key(key)
    minor = parse_amount(given.amount, given.currency, ("amount",)).minor
    if not minor:
        raise InvalidError("an adjustment is more or less than nothing", field=("amount",))
    reason = line_of(given.reason, ("reason",), most=_LONGEST, least=1)
    whose = (seller, given.currency)

    async def work(session: Session) -> Record:
        await _adjust(context, session, whose, minor, reason)
        return {}

    scope = f"payouts.adjust {context.viewer.role} {context.viewer.user}"
    asked = [*whose, minor, reason]
    await idempotent(context.storage, scope=scope, key=key, request=asked, work=work)


async def _adjust(
    context: Context, session: Session, whose: tuple[str, str], minor: int, said: str
) -> None:
    code = context.settings(PayoutSettings).provider
    provider = providers_of(context).find(code)
    is_by_hand = provider is None or provider.capabilities.by_hand
    balance = await balance_of(context, session, code, *whose)
    debt = balance["debt"] if is_by_hand else balance["debt"] - minor
    entry = Entry(f"adjusted:{ObjectId()}", "ADJUSTED", minor, {"note": said})
    await write(context, session, balance, [entry], debt=debt)
    subject = Subject("Seller", whose[0], seller=whose[0])
    await record(context, session, "payouts.adjusted", subject, amount=str(minor), reason=said)
