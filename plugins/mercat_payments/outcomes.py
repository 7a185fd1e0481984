"""What a provider said, as it is stored."""

from collections.abc import Sequence
from datetime import UTC, datetime

from mercat.context import Context
from mercat.money import Amount
from mercat.payments import ActionRequired, Declined, Done, Event, EventKind, Outcome, Pending
from mercat.storage import Record, storable
from mercat_payments.documents import OperationKind
from mercat_payments.sealing import sealed

_OWN: dict[OperationKind, EventKind] = {
    "CAPTURE": "captured",
    "VOID": "voided",
    "REFUND": "refunded",
}


def values_of(operation: Record, outcome: Outcome | None) -> Record:
    """What an outcome makes of its operation; None is what nobody knows."""
    if outcome is None:
        return {"state": "UNKNOWN"}
    if isinstance(outcome, Declined):
        known = {} if outcome.ref is None else {"ref": outcome.ref}
        return {"state": "DECLINED", "message": storable(outcome.message), **known}
    state = "DONE" if isinstance(outcome, Done) else "PENDING"
    if operation["kind"] == "START" and not _says_so(outcome):
        state = "PENDING"
    return {"state": state, "ref": outcome.ref}


def _says_so(outcome: Outcome) -> bool:
    """Whether what is done has an event of money; without one nothing is believed to be paid."""
    return any(event.kind in {"captured", "authorized"} for event in outcome.events)


def start_key(payment: str) -> str:
    """The key of a payment's first operation."""
    return f"start:{payment}"


def start_of(payment: Record) -> Record:
    """The first operation of a payment, which stands in the payment itself."""
    return {
        "_id": start_key(payment["_id"]),
        "kind": "START",
        "amount": payment["amount"],
        "currency": payment["currency"],
        "state": payment["start"],
        "ref": payment["ref"],
    }


async def values_of_start(context: Context, payment: Record, outcome: Outcome | None) -> Record:
    """What the outcome of its start makes of a payment."""
    state = values_of(start_of(payment), outcome)["state"]
    return {"start": state, **await _shown(context, outcome)}


async def _shown(context: Context, outcome: Outcome | None) -> Record:
    """What of the outcome of a start goes into the payment."""
    if outcome is None:
        return {}
    found: Record = {"request": None, "shown": None, "is_action": False, "expires_at": None}
    if outcome.ref is not None:
        found["ref"] = outcome.ref
    if isinstance(outcome, Declined):
        return {**found, "message": storable(outcome.message)}
    if isinstance(outcome, Pending):
        shown = {"url": None, "data": dict(outcome.data)} if outcome.data else None
        return {
            **found,
            "message": storable(outcome.message),
            "shown": await sealed(context, shown),
        }
    if isinstance(outcome, ActionRequired):
        action = {"url": outcome.url, "data": dict(outcome.client_data)}
        return {
            **found,
            "message": storable(outcome.message),
            "shown": await sealed(context, action),
            "is_action": True,
            "expires_at": outcome.expires,
        }
    return {**found, "message": ""}


def with_own_event(operation: Record, outcome: Outcome | None) -> Sequence[Event]:
    """The events of an outcome, and one for what is done where the provider gave none."""
    if outcome is None:
        return ()
    kind = _OWN.get(operation["kind"])
    if kind is None or not isinstance(outcome, Done):
        return outcome.events
    if any(event.kind == kind for event in outcome.events):
        return outcome.events
    money = Amount(operation["amount"], operation["currency"])
    own = Event(f"own:{operation['_id']}", kind, money, outcome.ref, datetime.now(UTC))
    return (*outcome.events, own)
