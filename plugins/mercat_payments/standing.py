"""Where a payment stands, by what is known of it. Nothing here asks anybody."""

from collections.abc import Sequence

from mercat.checkout import PaymentState
from mercat.storage import Record
from mercat_payments.balances import Balances
from mercat_payments.documents import OPEN, Left, OperationKind

_TAKING = (*OPEN, "PENDING")


def standing(payment: Record, balances: Balances, operations: Sequence[Record]) -> Record:
    """What follows of the ledger and the operations: the figures of a payment, and its state."""
    refunding, capturing = _asked(operations, "REFUND"), _asked(operations, "CAPTURE")
    figures = {
        "authorized": balances.authorized,
        "captured": balances.captured,
        "refunded": balances.refunded,
        "disputed": balances.disputed,
        "capturing": capturing,
        "capturable": 0 if _is_voiding(operations) else balances.authorized - capturing,
        "refunding": refunding,
        "refundable": balances.captured - balances.refunded - balances.disputed - refunding,
    }
    known = {**payment, **figures}
    known["left"] = _left(known, balances, operations)
    return {**figures, "left": known["left"], "state": _state(known, balances, operations)}


def is_covered(payment: Record, balances: Balances) -> bool:
    """Whether all of it is taken or reserved."""
    return bool(balances.captured + balances.authorized >= payment["amount"])


def has_open(operations: Sequence[Record]) -> bool:
    """Whether nobody knows what became of an operation."""
    return any(each["state"] in OPEN for each in operations)


def _asked(operations: Sequence[Record], kind: OperationKind) -> int:
    """What operations of a kind take that aren't settled."""
    return sum(
        each["amount"] for each in operations if each["kind"] == kind and each["state"] in _TAKING
    )


def _is_voiding(operations: Sequence[Record]) -> bool:
    return any(each["kind"] == "VOID" and each["state"] in _TAKING for each in operations)


def _is_waiting(payment: Record, balances: Balances, operations: Sequence[Record]) -> bool:
    """Whether its buyer may still pay, as far as the provider was told."""
    if payment["start"] != "PENDING" or is_covered(payment, balances) or balances.is_failed:
        return False
    return not any(each["kind"] == "VOID" and each["state"] not in OPEN for each in operations)


def _left(known: Record, balances: Balances, operations: Sequence[Record]) -> Left | None:
    """What is still to be done: so that a payment has ended, or holds nothing it doesn't need."""
    if known["ended_at"] is None:
        return "VOID" if known["is_closing"] and _is_spare(known, operations) else None
    if balances.authorized or _is_waiting(known, balances, operations):
        return "VOID"
    return "REFUND" if known["refundable"] > 0 else None


def _is_spare(known: Record, operations: Sequence[Record]) -> bool:
    """Whether the last capture left something that can be let go of; nobody refused that yet."""
    if not known["authorized"] or known["capturing"]:
        return False
    return not any(each["kind"] == "VOID" and each["state"] == "DECLINED" for each in operations)


def _state(known: Record, balances: Balances, operations: Sequence[Record]) -> PaymentState:
    if known["ended_at"] is not None:
        return "unknown" if known["left"] or has_open(operations) else "ended"
    return _by_money(known, balances) or _by_word(known, balances)


def _by_money(known: Record, balances: Balances) -> PaymentState | None:
    if balances.captured >= known["amount"]:
        return "paid"
    if is_covered(known, balances):
        return "authorized"
    if balances.released and not balances.authorized:  # nothing more can be taken
        return "paid" if balances.captured else "ended"
    return None


def _by_word(known: Record, balances: Balances) -> PaymentState:
    if known["start"] in OPEN:
        return "unknown"
    if known["start"] == "DECLINED" or balances.is_failed:
        return "declined"
    if known["is_action"]:
        return "action"
    return "on_delivery" if known["on_delivery"] else "awaited"
