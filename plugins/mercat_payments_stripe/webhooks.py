"""Messages of Stripe's, verified and understood. No I/O.

https://docs.stripe.com/webhooks#verify-events, https://docs.stripe.com/api/events/types
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
from stripe import SignatureVerificationError, WebhookSignature

from mercat.errors import InvalidError
from mercat.payments import Event, Unsupported
from mercat_payments_stripe.facts import (
    Told,
    charge_events,
    dispute_events,
    intent_events,
    mark_of,
    refund_events,
)
from mercat_payments_stripe.settings import StripeSettings

HEADER = "stripe-signature"

_Facts = Callable[[Told], Iterator[Event]]

_KINDS: Mapping[str, tuple[str, _Facts]] = {
    "payment_intent.succeeded": ("payment_intent", intent_events),
    "payment_intent.amount_capturable_updated": ("payment_intent", intent_events),
    "payment_intent.payment_failed": ("payment_intent", intent_events),
    "payment_intent.canceled": ("payment_intent", intent_events),
    "charge.captured": ("charge", charge_events),
    "charge.expired": ("charge", charge_events),
    "charge.refunded": ("charge", charge_events),
    "refund.created": ("refund", refund_events),
    "refund.updated": ("refund", refund_events),
    "refund.failed": ("refund", refund_events),
    "charge.refund.updated": ("refund", refund_events),
    "charge.dispute.created": ("dispute", dispute_events),
    "charge.dispute.updated": ("dispute", dispute_events),
    "charge.dispute.closed": ("dispute", dispute_events),
    "charge.dispute.funds_withdrawn": ("dispute", dispute_events),
    "charge.dispute.funds_reinstated": ("dispute", dispute_events),
}
KINDS = tuple(_KINDS)
"""The messages that are to be chosen in Stripe's dashboard."""
_MARKED = {"payment_intent", "charge"}
"""What carries the shop's mark always; a refund or a dispute of the dashboard's has none."""


def read(settings: StripeSettings, raw: bytes, headers: Mapping[str, str]) -> Sequence[Event]:
    """The events of a message; none of another shop's, or of an unknown kind.

    Raises InvalidError for one that isn't signed with one of the secrets, is too old, or can't be
    read, Unsupported where there are no secrets.
    """
    if not settings.webhook_secrets:
        raise Unsupported("there are no webhook_secrets")
    _verify(settings, raw, headers.get(HEADER, ""))
    try:
        return _events(orjson.loads(raw), settings.shop)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        raise InvalidError("the message can't be read") from None


def _events(message: dict[str, Any], shop: str) -> Sequence[Event]:
    if message["type"] not in _KINDS:
        return []
    kind, facts = _KINDS[message["type"]]
    told = message["data"]["object"]
    if told["object"] != kind or not _is_own(told, shop):
        return []
    at = datetime.fromtimestamp(message["created"], UTC)  # an object's own is that of its making
    return [replace(event, at=at) for event in facts(told)]


def _is_own(told: Told, shop: str) -> bool:
    mark = mark_of(told)
    return mark == shop or (mark is None and told["object"] not in _MARKED)


def _verify(settings: StripeSettings, raw: bytes, header: str) -> None:
    """Raises InvalidError unless one of the secrets fits."""
    for secret in settings.webhook_secrets:
        try:
            WebhookSignature.verify_header(
                raw, header, secret.get_secret_value(), settings.tolerance_seconds
            )
        except (SignatureVerificationError, ValueError, TypeError):  # also for what is no text
            continue
        return
    raise InvalidError("the message is not signed, signed by somebody else, or too old")
