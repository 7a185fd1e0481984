"""What happens to a payment at the company, as its record has it. Nothing here asks anybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from mercat.errors import ConflictError, InvalidError
from mercat.payments import EventKind, Operation
from mercat.storage import Record
from mercat_payments_sandbox.documents import Telling

RIGHT_CODE = "123456"
MOST_TRIES = 3
_LONGEST_CODE = 10
WAITING = ("OPEN", "CODE")
"""States in which the buyer is asked for something."""

Button = Literal["pay", "decline", "secure", "timeout", "cancel", "confirm"]


@dataclass(frozen=True, slots=True)
class Clock:
    """What time it is, and how long things take."""

    now: datetime
    late: timedelta
    settling: timedelta


def press(record: Record, button: Button, telling: Telling, code: str, clock: Clock) -> None:
    """Do what the buyer's button says; nothing where that was over before.

    Raises InvalidError for a button that isn't on the page.
    """
    if record["state"] == "OPEN":
        if button == "confirm":
            raise InvalidError("there is no such button on this page")
        record["telling"] = telling
        _choose(record, button, clock)
    elif record["state"] == "CODE" and button == "cancel":
        fail(record, "CANCELLED", "cancelled", clock)
    elif record["state"] == "CODE" and button == "confirm":
        confirm(record, code, clock)


def _choose(record: Record, button: Button, clock: Clock) -> None:
    if button == "pay":
        approve(record, clock)
    elif button == "decline":
        fail(record, "DECLINED", "card_declined", clock)
    elif button == "secure":
        record["state"] = "CODE"
    elif button == "timeout":
        settle_later(record, clock)
    else:
        fail(record, "CANCELLED", "cancelled", clock)


def confirm(record: Record, code: str, clock: Clock) -> None:
    """Take the code that 3-D Secure asks for; after three wrong ones the payment is declined.

    The same wrong one again, as a retry sends it, is one.
    """
    given = code.strip()[:_LONGEST_CODE]
    if record["state"] != "CODE" or given in record["wrong"]:
        return
    if given == RIGHT_CODE:
        approve(record, clock)
        return
    record["wrong"].append(given)
    if len(record["wrong"]) >= MOST_TRIES:
        fail(record, "DECLINED", "authentication_failed", clock)


def approve(record: Record, clock: Clock) -> None:
    """Take the money; with the method `authorize`, or where the shop says so, reserve it only."""
    amount, ref = record["amount"], record["ref"]
    record["state"] = "APPROVED"
    record["authorized"] = amount
    new = [_event(record, "authorized", amount, ref, clock)]
    if record["method"] == "card" and record.get("captures", True):
        record["captured"] = amount
        new.append(_event(record, "captured", amount, f"{ref}_1", clock))
    _tell(record, new, clock)


def settle_later(record: Record, clock: Clock) -> None:
    """Leave the buyer without an answer; the money is taken after a while."""
    record["state"], record["settles_at"] = "SETTLING", clock.now + clock.settling


def fail(record: Record, state: str, reason: str, clock: Clock) -> None:
    """End a payment without money."""
    record["state"], record["reason"] = state, reason
    _tell(record, [_event(record, "failed", record["amount"], record["ref"], clock)], clock)


def pass_time(record: Record, clock: Clock) -> None:
    """Do what happened by itself until now."""
    if record["state"] in WAITING and record["expires_at"] <= clock.now:
        fail(record, "EXPIRED", "expired", clock)
    elif record["state"] == "SETTLING" and record["settles_at"] <= clock.now:
        approve(record, clock)


def operate(
    record: Record, kind: Literal["capture", "void", "refund"], request: Operation, clock: Clock
) -> Record:
    """Do what the shop asks for, once for each key; returns the answer, kept under the key.

    Raises ConflictError for a key that came with something else before.
    """
    asked = {"key": request.key, "kind": kind, "amount": request.money.minor}
    before: Record | None = next(
        (each for each in record["operations"] if each["key"] == request.key), None
    )
    if before is not None:
        if {name: before[name] for name in asked} != asked:
            raise ConflictError("this key came with something else before")
        return before
    refusal = _refusal(record, kind, request)
    answer = {**asked, "refusal": refusal, "events": []}
    if refusal is None:
        new = _done(record, kind, request, clock)
        answer["events"] = [event["id"] for event in new]
        _tell(record, new, clock)
    record["operations"].append(answer)
    return answer


def _refusal(record: Record, kind: str, request: Operation) -> str | None:
    amount = request.money.minor
    if request.money.currency != record["currency"] or amount <= 0:
        return "amount"
    if kind == "capture":
        return None if amount <= held(record) else "more_than_authorized"
    if kind == "refund":
        return None if amount <= record["captured"] - record["refunded"] else "more_than_captured"
    return "captured" if record["captured"] and not held(record) else None


def _done(record: Record, kind: str, request: Operation, clock: Clock) -> list[Record]:
    amount, ref = request.money.minor, f"{record['ref']}_{len(record['events'])}"
    if kind == "capture":
        record["captured"] += amount
        new = [_event(record, "captured", amount, ref, clock)]
        return [*new, _let_go(record, clock)] if request.is_last and held(record) else new
    if kind == "refund":
        record["refunded"] += amount
        return [_event(record, "refunded", amount, ref, clock)]
    if record["state"] in {*WAITING, "SETTLING"}:
        record["state"], record["reason"] = "VOIDED", "voided"
    return [_let_go(record, clock)]


def _let_go(record: Record, clock: Clock) -> Record:
    rest = held(record)
    record["voided"] += rest
    return _event(record, "voided", rest, record["ref"], clock)


def held(record: Record) -> int:
    """What is authorized, and neither taken nor let go of."""
    left: int = record["authorized"] - record["voided"] - record["captured"]
    return left


def next_due(record: Record) -> datetime | None:
    """When something happens by itself next."""
    times = [message["due_at"] for message in record["messages"]]
    if record["state"] in WAITING:
        times.append(record["expires_at"])
    if record["state"] == "SETTLING":
        times.append(record["settles_at"])
    return min(times, default=None)


def _event(record: Record, kind: EventKind, amount: int, ref: str, clock: Clock) -> Record:
    number = len(record["events"])
    event = {
        "id": f"{record['ref']}_event_{number}",
        "kind": kind,
        "amount": amount,
        "ref": ref,
        "at": clock.now,
    }
    record["events"].append(event)
    return event


def _tell(record: Record, new: Sequence[Record], clock: Clock) -> None:
    """Have messages sent about what happened, in the way that was chosen for the payment."""
    telling = record["telling"]
    if telling == "none":
        return
    ordered = list(reversed(new)) if telling == "out_of_order" else new
    for place, event in enumerate(ordered):
        late = clock.late * (place if telling == "out_of_order" else telling == "late")
        for copy in range(2 if telling == "twice" else 1):
            message = {"id": f"{event['id']}.{copy}", "event": event["id"]}
            record["messages"].append({**message, "due_at": clock.now + late})
