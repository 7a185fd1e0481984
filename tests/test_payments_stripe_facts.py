"""What Stripe's objects and messages come to, by the shapes that its documentation has.

https://docs.stripe.com/api/payment_intents/object, /charges/object, /refunds/object,
/disputes/object and /events/types.
"""

import json
import time
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from stripe import WebhookSignature

from mercat.errors import InvalidError
from mercat.money import CURRENCIES, Amount
from mercat.payments import Event, Unsupported
from mercat_payments.balances import Balances, Entry, fold
from mercat_payments_stripe.amounts import amount_of, stripe_amount
from mercat_payments_stripe.facts import (
    dispute_events,
    intent_events,
    refund_events,
)
from mercat_payments_stripe.settings import StripeSettings
from mercat_payments_stripe.webhooks import KINDS, read

OLD, NEW = "whsec_old", "whsec_new"
SETTINGS = StripeSettings(webhook_secrets=(SecretStr(OLD), SecretStr(NEW)))
OURS = {"mercat_shop": "mercat", "mercat_key": "start:1", "mercat_order": "N1"}
AT = 1_800_000_000


def intent(status: str, **more: Any) -> dict[str, Any]:
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 1250,
        "amount_capturable": 0,
        "amount_received": 1250 if status == "succeeded" else 0,
        "capture_method": "automatic",
        "created": AT,
        "currency": "eur",
        "last_payment_error": None,
        "latest_charge": "ch_1",
        "metadata": OURS,
        "status": status,
        **more,
    }


def charge(**more: Any) -> dict[str, Any]:
    return {
        "id": "ch_1",
        "object": "charge",
        "amount": 1250,
        "amount_captured": 1250,
        "amount_refunded": 0,
        "captured": True,
        "created": AT,
        "currency": "eur",
        "metadata": OURS,
        "payment_intent": "pi_1",
        "refunded": False,
        "status": "succeeded",
        **more,
    }


def refund(status: str, **more: Any) -> dict[str, Any]:
    return {
        "id": "re_1",
        "object": "refund",
        "amount": 250,
        "balance_transaction": "txn_1",
        "charge": "ch_1",
        "created": AT,
        "currency": "eur",
        "metadata": {},
        "payment_intent": "pi_1",
        "reason": None,
        "status": status,
        **more,
    }


def dispute(status: str, **more: Any) -> dict[str, Any]:
    return {
        "id": "dp_1",
        "object": "dispute",
        "amount": 1250,
        "charge": "ch_1",
        "created": AT,
        "currency": "eur",
        "metadata": {},
        "payment_intent": "pi_1",
        "status": status,
        **more,
    }


def message(type_: str, told: Any, **more: Any) -> bytes:
    body = {"id": "evt_1", "object": "event", "type": type_, "created": AT + 60, **more}
    body["data"] = {"object": told}
    return json.dumps(body).encode()


def signed(raw: bytes, secret: str = NEW, ago: int = 0) -> dict[str, str]:
    at = int(time.time()) - ago
    header = WebhookSignature.generate_signature_header(raw.decode(), secret, at)
    return {"stripe-signature": header}


def told(type_: str, shape: Any) -> list[Event]:
    raw = message(type_, shape)
    return list(read(SETTINGS, raw, signed(raw)))


def shown(events: Any) -> list[tuple[str, int]]:
    return [(event.id, event.money.minor) for event in events]


# Sums


@pytest.mark.parametrize(
    ("money", "stripes"),
    [
        (Amount(1250, "EUR"), 1250),
        (Amount(500, "JPY"), 500),
        (Amount(5120, "KWD"), 5120),
        (Amount(5, "ISK"), 500),
        (Amount(5, "UGX"), 500),
        (Amount(500, "MGA"), 5),
        (Amount(1045, "HUF"), 1045),
    ],
)
def test_sums_are_counted_as_stripe_counts_them(money: Amount, stripes: int) -> None:
    assert stripe_amount(money) == stripes
    assert amount_of(stripes, money.currency.lower()) == money


@pytest.mark.parametrize(
    ("money", "words"),
    [
        (Amount(5124, "KWD"), "5.124 KWD can't be paid in this way: it takes KWD with 2 digits"),
        (Amount(501, "MGA"), "5.01 MGA can't be paid in this way: it takes MGA with 0 digits"),
    ],
)
def test_a_sum_that_stripe_cannot_take_is_refused(money: Amount, words: str) -> None:
    with pytest.raises(InvalidError, match=words):
        stripe_amount(money)


@given(st.sampled_from(sorted(CURRENCIES)), st.integers(0, 10**12))
def test_no_sum_is_rounded(currency: str, minor: int) -> None:
    try:
        stripes = stripe_amount(Amount(minor, currency))
    except InvalidError:
        assert currency == "MGA" or CURRENCIES[currency] == 3
    else:
        assert amount_of(stripes, currency.lower()) == Amount(minor, currency)


def test_a_sum_that_cannot_be_in_a_currency_is_not_taken() -> None:
    with pytest.raises(InvalidError):
        amount_of(550, "isk")


# Payments


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        (intent("succeeded"), [("pi_1:captured", 1250)]),
        (intent("processing"), []),
        (intent("requires_action", latest_charge=None), []),
        (
            intent("requires_payment_method", last_payment_error={"code": "card_declined"}),
            [],
        ),
        (
            intent("requires_capture", capture_method="manual", amount_capturable=1250),
            [("pi_1:authorized", 1250)],
        ),
        (
            intent("succeeded", capture_method="manual", amount_received=1000),
            [("pi_1:authorized", 1250), ("pi_1:voided", 250), ("pi_1:captured", 1000)],
        ),
        (
            intent("canceled", capture_method="manual"),
            [("pi_1:authorized", 1250), ("pi_1:voided", 1250), ("pi_1:failed", 1250)],
        ),
        (
            intent(
                "canceled",
                capture_method="manual",
                last_payment_error={"code": "card_declined", "charge": "ch_1"},
            ),
            [("pi_1:failed", 1250)],
        ),
        (
            intent("canceled", capture_method="manual", latest_charge=charge(status="failed")),
            [("pi_1:failed", 1250)],
        ),
        (intent("canceled", latest_charge=None), [("pi_1:failed", 1250)]),
    ],
)
def test_what_a_payment_intent_says(shape: dict[str, Any], wanted: list[tuple[str, int]]) -> None:
    assert shown(intent_events(shape)) == wanted


def test_events_name_the_charge_and_the_payment() -> None:
    for latest in ("ch_1", charge()):
        (event,) = intent_events(intent("succeeded", latest_charge=latest))
        assert (event.ref, event.parent_ref, event.at.timestamp()) == ("ch_1", "pi_1", AT)


@pytest.mark.parametrize(
    ("type_", "shape", "wanted"),
    [
        ("charge.captured", charge(), [("pi_1:captured", 1250)]),
        (
            "charge.captured",
            charge(amount_captured=1000, amount_refunded=250),
            [("pi_1:voided", 250), ("pi_1:captured", 1000)],
        ),
        (
            "charge.refunded",
            charge(captured=False, amount_captured=0, refunded=True),
            [("pi_1:voided", 1250)],
        ),
        (
            "charge.expired",
            charge(captured=False, amount_captured=0, refunded=True),
            [("pi_1:voided", 1250)],
        ),
        ("charge.refunded", charge(refunded=True), [("pi_1:captured", 1250)]),
        ("charge.captured", charge(payment_intent=None), []),
        ("refund.created", refund("pending"), [("re_1:refund_pending", 250)]),
        ("refund.updated", refund("requires_action"), [("re_1:refund_pending", 250)]),
        ("refund.updated", refund("succeeded"), [("re_1:refunded", 250)]),
        ("charge.refund.updated", refund("failed"), [("re_1:refund_failed", 250)]),
        ("refund.failed", refund("failed"), [("re_1:refund_failed", 250)]),
        ("refund.updated", refund("canceled"), [("re_1:refund_failed", 250)]),
        ("refund.created", refund("succeeded", payment_intent=None), []),
        (
            "refund.created",
            refund("succeeded", balance_transaction=None, reason="expired_uncaptured_charge"),
            [],
        ),
        ("charge.dispute.created", dispute("needs_response"), [("dp_1:dispute_opened", 1250)]),
        ("charge.dispute.created", dispute("warning_needs_response"), []),
        ("charge.dispute.closed", dispute("warning_closed"), []),
        (
            "charge.dispute.funds_withdrawn",
            dispute("under_review"),
            [("dp_1:dispute_opened", 1250)],
        ),
        (
            "charge.dispute.closed",
            dispute("won"),
            [("dp_1:dispute_opened", 1250), ("dp_1:dispute_won", 1250)],
        ),
        (
            "charge.dispute.closed",
            dispute("lost"),
            [("dp_1:dispute_opened", 1250), ("dp_1:dispute_lost", 1250)],
        ),
        ("payment_intent.succeeded", intent("succeeded"), [("pi_1:captured", 1250)]),
        ("payment_intent.payment_failed", intent("requires_payment_method"), []),
        ("payment_intent.canceled", intent("canceled"), [("pi_1:failed", 1250)]),
    ],
)
def test_what_a_message_says(
    type_: str, shape: dict[str, Any], wanted: list[tuple[str, int]]
) -> None:
    assert shown(told(type_, shape)) == wanted


def test_in_any_order_and_twice_messages_come_to_what_asking_says() -> None:
    manual = {"capture_method": "manual"}
    last = intent("succeeded", **manual, amount_received=1000)
    asked = [*intent_events(last), *refund_events(refund("failed"))]
    other = refund("succeeded", id="re_2")
    asked += [*refund_events(other), *dispute_events(dispute("won"))]
    messages = [
        told(
            "payment_intent.amount_capturable_updated",
            intent("requires_capture", **manual, amount_capturable=1250),
        ),
        told("charge.captured", charge(amount_captured=1000, amount_refunded=250)),
        told("payment_intent.succeeded", last),
        told("refund.created", refund("succeeded")) + told("refund.created", refund("succeeded")),
        told("refund.failed", refund("failed")),
        told("refund.updated", other),
    ]
    wanted = Balances(authorized=0, captured=1000, refunded=250, released=250)
    assert folded(asked) == wanted
    assert {
        folded([event for each in order for event in each]) for order in permutations(messages)
    } == {wanted}


def folded(events: list[Event]) -> Balances:
    """As the ledger has it: each id once, as it was told first."""
    first: dict[str, Event] = {}
    for event in events:
        first.setdefault(event.id, event)
    return fold(Entry(event.kind, event.ref, event.money.minor) for event in first.values())


# Messages


def test_either_secret_is_taken_while_one_takes_the_others_place() -> None:
    raw = message("payment_intent.succeeded", intent("succeeded"))
    assert len({tuple(read(SETTINGS, raw, signed(raw, secret))) for secret in (OLD, NEW)}) == 1


def test_a_message_that_stripe_did_not_sign_is_refused() -> None:
    raw = message("payment_intent.succeeded", intent("succeeded"))
    good = signed(raw)["stripe-signature"]
    stamp, _, digest = good.partition(",")
    forged = [
        {},
        {"stripe-signature": ""},
        {"stripe-signature": stamp},
        {"stripe-signature": digest},
        {"stripe-signature": f"{stamp},{digest.replace('v1', 'v0')}"},
        {"stripe-signature": f"t=x,{digest}"},
        {"stripe-signature": f"t={int(stamp[2:]) + 1},{digest}"},
        {"stripe-signature": f"{stamp},v1=é"},
        signed(raw, "whsec_else"),
        signed(raw, ago=301),
    ]
    for headers in forged:
        with pytest.raises(InvalidError):
            read(SETTINGS, raw, headers)
    with pytest.raises(InvalidError):
        read(SETTINGS, raw.replace(b"1250", b"9250"), signed(raw))
    assert read(SETTINGS, raw, signed(raw, ago=295))


@given(st.integers(0, 511), st.integers(1, 255))
def test_a_message_in_which_any_byte_is_another_is_refused(place: int, change: int) -> None:
    raw = message("payment_intent.succeeded", intent("succeeded"))
    headers = signed(raw)
    other = bytearray(raw)
    other[place % len(raw)] ^= change
    with pytest.raises(InvalidError):
        read(SETTINGS, bytes(other), headers)


def test_an_event_is_of_the_time_when_it_happened() -> None:
    (_, lost) = told("charge.dispute.closed", dispute("lost"))
    assert lost.at.timestamp() == AT + 60


@given(st.binary(max_size=60), st.text(max_size=60))
def test_nothing_but_a_signed_message_is_read(raw: bytes, header: str) -> None:
    with pytest.raises(InvalidError):
        read(SETTINGS, raw, {"stripe-signature": header})


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"[]", b"{}", b"null", b"\xff", b'{"type": "payment_intent.succeeded"}'),
        message("payment_intent.succeeded", None),
        message("payment_intent.succeeded", {"object": "payment_intent", "metadata": OURS}),
        message("payment_intent.succeeded", intent("succeeded", currency="xxx")),
        message("payment_intent.succeeded", intent("succeeded", amount_received="all")),
        message("payment_intent.succeeded", intent("succeeded", created=10**30)),
        message("payment_intent.succeeded", intent("succeeded"), created="today"),
    ],
)
def test_a_message_that_cannot_be_read_is_refused(raw: bytes) -> None:
    headers = signed(raw) if raw != b"\xff" else signed(b"")
    with pytest.raises(InvalidError):
        read(SETTINGS, raw, headers)


def test_what_is_not_the_shops_or_not_known_says_nothing() -> None:
    assert told("invoice.paid", {"object": "invoice"}) == []
    assert told("payment_intent.succeeded", {"object": "charge"}) == []
    for metadata in ({}, None, {"mercat_shop": "another"}):
        assert told("payment_intent.succeeded", intent("succeeded", metadata=metadata)) == []
        assert told("charge.captured", charge(metadata=metadata)) == []
    assert told("refund.created", refund("succeeded", metadata={"mercat_shop": "another"})) == []


def test_every_message_that_is_understood_is_in_the_documentation() -> None:
    page = (Path(__file__).parents[1] / "docs" / "payments-stripe.md").read_text()
    assert [kind for kind in KINDS if f"`{kind}`" not in page] == []


def test_without_secrets_there_are_no_messages() -> None:
    with pytest.raises(Unsupported):
        read(StripeSettings(), b"{}", {})
