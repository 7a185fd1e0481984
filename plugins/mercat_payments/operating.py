"""What a provider is asked after the start: written down first, and asked with the same key."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.errors import InvalidError
from mercat.money import Amount
from mercat.payments import Operation, PaymentProvider
from mercat.storage import Record, Session
from mercat_payments.asking import ask
from mercat_payments.documents import OperationKind
from mercat_payments.ledger import FIRST_PAUSE, note_outcome, operations, payments


class _Reserved(NamedTuple):
    """The figure that an operation takes from, the one that it is in until it is settled."""

    source: str
    target: str
    refusal: str


_RESERVED: Mapping[OperationKind, _Reserved] = {
    "CAPTURE": _Reserved("capturable", "capturing", "there is less than that to take"),
    "REFUND": _Reserved("refundable", "refunding", "there is less than that to give back"),
}


def new_operation(
    context: Context,
    payment: Record,
    key: str,
    kind: OperationKind,
    amount: int,
    reason: str = "",
    *,
    is_last: bool = False,
) -> Record:
    """An operation that is about to be asked for."""
    now = datetime.now(UTC)
    return {
        "_id": key,
        "payment": payment["_id"],
        "kind": kind,
        "amount": amount,
        "currency": payment["currency"],
        "is_last": is_last,
        "state": "BEGUN",
        "ref": None,
        "reason": reason,
        "message": "",
        "who": who(context),
        "created_at": now,
        "updated_at": now,
    }


def who(context: Context) -> str:
    """Who asks for something."""
    return context.viewer.user or context.viewer.role


async def begin(
    context: Context, operation: Record, only_if: Mapping[str, int] | None = None
) -> Record:
    """Write down a capture or a refund, and reserve what it takes by one conditional update.

    Returns what another process wrote under the key before. Raises InvalidError where there isn't
    as much, or the payment's figures are not those of `only_if`.
    """
    amount, reserved = operation["amount"], _RESERVED[operation["kind"]]
    enough = {"_id": operation["payment"], reserved.source: {"$gte": amount}}
    alive = {"ended_at": None} if operation["kind"] == "CAPTURE" else {}

    async def work(session: Session) -> Record:
        await operations(context).insert_one(operation, session=session)
        done = await payments(context).update_one(
            {**enough, **alive, **(only_if or {})},
            {
                "$inc": {reserved.source: -amount, reserved.target: amount, "version": 1},
                "$set": {"ask_at": datetime.now(UTC) + FIRST_PAUSE},
            },
            session=session,
        )
        if not done.matched_count:
            raise InvalidError(reserved.refusal, field=("amount",))
        return operation

    try:
        return await context.storage.transaction(work)
    except DuplicateKeyError:
        found = await operations(context).find_one({"_id": operation["_id"]})
        if found is None:
            raise
        return found


async def ask_for(
    context: Context, provider: PaymentProvider, payment: Record, operation: Record
) -> Record:
    """Ask the provider, for the first time or again, with the same key; returns the payment."""
    calls = {"CAPTURE": provider.capture, "VOID": provider.void, "REFUND": provider.refund}
    request = Operation(
        operation["_id"],
        payment["ref"] or "",
        Amount(operation["amount"], operation["currency"]),
        operation["is_last"],
    )
    asked = calls[operation["kind"]](request)
    outcome = await ask(provider, request.key, payment["currency"], asked)
    return await note_outcome(context, payment, operation, outcome)
