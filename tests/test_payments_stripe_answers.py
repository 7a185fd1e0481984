"""What becomes of answers that localstripe doesn't give, or nobody does."""

import asyncio
from typing import Any

import orjson
import pytest

from mercat.payments import (
    ActionRequired,
    OutcomeUnknown,
    Pending,
)
from mercat_payments_stripe.provider import StripeProvider

from . import test_payments_stripe_facts as shapes
from .charging import SDK_WARNING, Door, provider, start, stripe, upstream

__all__ = ["provider", "stripe", "upstream"]

pytestmark = [pytest.mark.gate, SDK_WARNING]


async def test_what_takes_days_is_pending_until_it_is_there(
    provider: StripeProvider, stripe: Door
) -> None:
    intent = {"id": "pi_1", "object": "payment_intent", "amount": 1250, "currency": "eur"}
    intent |= {"status": "processing", "created": 1_800_000_000, "latest_charge": "py_1"}
    stripe.answering.append((200, orjson.dumps(intent)))
    begun = await provider.start(start())
    assert begun == Pending("pi_1", message="Your payment is being processed.")


async def test_a_buyer_who_has_to_go_elsewhere_is_sent_there_and_has_an_hour(
    provider: StripeProvider, stripe: Door
) -> None:
    action = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://bank.example/3ds"}}
    shape = shapes.intent("requires_action", latest_charge=None, next_action=action)
    stripe.answering.append((200, orjson.dumps(shape)))
    begun = await provider.start(start(return_url="https://store.example/back"))
    assert isinstance(begun, ActionRequired)
    assert (begun.url, begun.client_data) == ("https://bank.example/3ds", {})
    assert begun.expires.timestamp() == shape["created"] + 3600


async def test_what_stripe_failed_at_and_does_not_find_yet_is_not_known(
    provider: StripeProvider, stripe: Door
) -> None:
    stripe.answering.append((500, b'{"error": {"type": "api_error"}}'))
    with pytest.raises(OutcomeUnknown):
        await provider.start(start())
    assert [each.path for each in stripe.asked] == ["/v1/payment_intents/search"]


async def test_asking_tells_of_refunds_and_disputes_as_messages_do(
    provider: StripeProvider, stripe: Door
) -> None:
    latest = shapes.charge(disputed=True)
    refunds = [shapes.refund("failed"), shapes.refund("pending", id="re_2")]
    disputes = [shapes.dispute("lost")]
    stripe.canned.append(orjson.dumps(shapes.intent("succeeded", latest_charge=latest)))
    for rows in (refunds, disputes):
        stripe.canned.append(orjson.dumps({"object": "list", "data": rows, "has_more": False}))
    messages = [
        *shapes.told("payment_intent.succeeded", shapes.intent("succeeded")),
        *(event for each in refunds for event in shapes.told("refund.updated", each)),
        *shapes.told("charge.dispute.closed", disputes[0]),
    ]
    asked = await provider.fetch("pi_1")
    assert [event.id for event in asked] == [event.id for event in messages]
    assert [event.ref for event in asked] == [event.ref for event in messages]
    assert {each.params.get("payment_intent") for each in stripe.asked} == {None, "pi_1"}


@pytest.mark.parametrize(
    "answer",
    [
        (500, b'{"error": {"type": "api_error", "message": "sk_test_hush"}}'),
        (503, b"<html>"),
        (409, b'{"error": {"type": "idempotency_error", "code": "idempotency_key_in_use"}}'),
        (429, b'{"error": {"type": "invalid_request_error", "code": "rate_limit"}}'),
        (401, b'{"error": {"type": "invalid_request_error"}}'),
    ],
)
async def test_what_stripe_does_not_say_is_not_known(
    provider: StripeProvider, stripe: Door, answer: tuple[int, bytes]
) -> None:
    stripe.answering.append(answer)
    with pytest.raises(OutcomeUnknown) as found:
        await provider.start(start())
    assert "hush" not in str(found.value)


async def test_an_answer_that_never_comes_is_waited_for_no_longer_than_it_may(
    provider: StripeProvider, stripe: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*_: Any) -> Any:
        await asyncio.sleep(3)

    monkeypatch.setattr(stripe, "_forwarded", silent)
    async with asyncio.timeout(2.9):
        with pytest.raises(OutcomeUnknown):
            await provider.start(start())
