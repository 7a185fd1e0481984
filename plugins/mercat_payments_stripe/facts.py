"""What Stripe's objects say that happened to money; nothing here asks anybody.

The same fact has the same event id, whether it is told by a message or by asking: it is named after
the payment, the refund or the dispute, and not after the message. A payment is reserved, taken and
let go of once each, as it is captured once at most. Objects are as the API has them:
https://docs.stripe.com/api/payment_intents/object, /charges/object, /refunds/object and
/disputes/object.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from mercat.payments import Event, EventKind
from mercat_payments_stripe.amounts import amount_of

Told = Mapping[str, Any]

SHOP = "mercat_shop"
KEY = "mercat_key"
ORDER = "mercat_order"
RETURN_URL = "mercat_return_url"

_INTENT = "payment_intent"
_REFUNDS: Mapping[str, EventKind] = {
    "pending": "refund_pending",
    "requires_action": "refund_pending",
    "succeeded": "refunded",
    "failed": "refund_failed",
    "canceled": "refund_failed",
}
_LOST = "lost"
_WON = "won"
_DISPUTED = {"needs_response", "under_review", _WON, _LOST}


def mark_of(told: Told) -> str | None:
    """The shop that an object is marked with."""
    mark = (told.get("metadata") or {}).get(SHOP)
    return None if mark is None else str(mark)


def intent_events(intent: Told) -> Iterator[Event]:
    """What a PaymentIntent says; `latest_charge` may be expanded.

    `failed` is one that is cancelled: a declined card is no end, as it may be paid with another.
    """
    charge = _charge_of(intent)
    is_manual = intent.get("capture_method") == "manual"
    status, amount = intent["status"], int(intent["amount"])
    if status == "requires_capture":
        held = int(intent.get("amount_capturable") or amount)
        yield _event(intent, "authorized", charge, held)
    if status == "succeeded":
        yield from _taken(intent, charge, is_manual=is_manual)
    if status == "canceled":
        if is_manual and charge is not None and not _is_declined(intent, charge):
            yield _event(intent, "authorized", charge, amount)
            yield _event(intent, "voided", charge, amount)
        yield _event(intent, "failed", intent["id"], amount)


def _taken(intent: Told, charge: str | None, *, is_manual: bool) -> Iterator[Event]:
    """What was taken; of what was reserved first, Stripe lets the rest go with the capture.

    https://docs.stripe.com/payments/place-a-hold-on-a-payment-method#capture-funds
    """
    amount = int(intent["amount"])
    received = int(intent.get("amount_received", amount))  # localstripe doesn't say it
    if is_manual:
        yield _event(intent, "authorized", charge, amount)
        if received < amount:
            yield _event(intent, "voided", charge, amount - received)
    yield _event(intent, "captured", charge, received)


def charge_events(charge: Told) -> Iterator[Event]:
    """What a charge that was reserved first says: captured, let go or expired."""
    if charge["status"] != "succeeded" or charge.get(_INTENT) is None:
        return
    amount = int(charge["amount"])
    if charge["captured"]:
        taken = int(charge["amount_captured"])
        if taken < amount:
            yield _event(charge, "voided", charge["id"], amount - taken)
        yield _event(charge, "captured", charge["id"], taken)
    elif charge["refunded"]:
        yield _event(charge, "voided", charge["id"], amount)


def refund_events(refund: Told) -> Iterator[Event]:
    """What a refund says; nothing where an authorization was let go, as no money moved then.

    That has no balance transaction, and is told by its charge.
    """
    if refund.get(_INTENT) is None or _is_release(refund):
        return
    kind = _REFUNDS.get(str(refund.get("status")))
    if kind is not None:
        yield _event(refund, kind, refund["id"], int(refund["amount"]))


def dispute_events(dispute: Told) -> Iterator[Event]:
    """What a dispute says; nothing while it only asks (`warning_...`), as nothing is taken then."""
    if dispute.get(_INTENT) is None or dispute["status"] not in _DISPUTED:
        return
    amount = int(dispute["amount"])
    yield _event(dispute, "dispute_opened", dispute["id"], amount)
    if dispute["status"] == _WON:
        yield _event(dispute, "dispute_won", dispute["id"], amount)
    if dispute["status"] == _LOST:
        yield _event(dispute, "dispute_lost", dispute["id"], amount)


def _is_release(refund: Told) -> bool:
    if KEY in (refund.get("metadata") or {}):
        return False
    is_done = refund.get("status") == "succeeded"
    return is_done and refund.get("balance_transaction") is None


def _is_declined(intent: Told, charge: str) -> bool:
    """Whether the last charge of a cancelled intent never reserved anything."""
    latest = intent["latest_charge"]
    if isinstance(latest, Mapping):
        return bool(latest["status"] != "succeeded")
    return bool((intent.get("last_payment_error") or {}).get("charge") == charge)


def _charge_of(intent: Told) -> str | None:
    return id_of(intent.get("latest_charge"))


def id_of(field: str | Told | None) -> str | None:
    """The id of what a field names, be it expanded or not."""
    return str(field["id"]) if isinstance(field, Mapping) else field


def _event(told: Told, kind: EventKind, ref: str | None, amount: int) -> Event:
    """An event of a PaymentIntent, or of an object that names its own.

    `ref` is the charge, the refund or the dispute; where a charge isn't known it is the payment.
    """
    payment = str(told["id"] if told["object"] == _INTENT else id_of(told[_INTENT]))
    is_payment = told["object"] in {_INTENT, "charge"}
    return Event(
        id=f"{payment if is_payment else ref}:{kind}",
        kind=kind,
        money=amount_of(amount, told["currency"]),
        ref=ref or payment,
        at=datetime.fromtimestamp(told["created"], UTC),
        parent_ref=payment,
    )
