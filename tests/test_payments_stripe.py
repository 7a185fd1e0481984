"""What the provider says and does, with localstripe."""

import asyncio
from typing import Any

import pytest

from mercat.errors import ConflictError
from mercat.money import Amount
from mercat.payments import (
    ActionRequired,
    Declined,
    Done,
    Operation,
    OutcomeUnknown,
    Resume,
)
from mercat_payments_stripe.provider import StripeProvider

from .charging import (
    DECLINED,
    EUR,
    SDK_WARNING,
    VISA,
    Door,
    authenticate,
    card,
    provider,
    start,
    stripe,
    upstream,
)

__all__ = ["provider", "stripe", "upstream"]

pytestmark = [pytest.mark.gate, SDK_WARNING]


def told(outcome: Any) -> list[tuple[str, int]]:
    return [(event.kind, event.money.minor) for event in outcome.events]


async def fetched(provider: StripeProvider, ref: str) -> list[tuple[str, int]]:
    return [(event.kind, event.money.minor) for event in await provider.fetch(ref)]


async def test_a_card_is_charged_and_given_back_in_parts(
    provider: StripeProvider, stripe: Door
) -> None:
    paid = await provider.start(start())
    assert isinstance(paid, Done)
    assert told(paid) == [("captured", 1250)]
    (made,) = stripe.made("/v1/payment_intents")
    assert made["metadata[mercat_order]"] == "N1"
    assert (made["amount"], made["currency"], made["capture_method"]) == (
        "1250",
        "eur",
        "automatic",
    )
    first = await provider.refund(Operation("refund:a", paid.ref, Amount(250, "EUR")))
    second = await provider.refund(Operation("refund:b", paid.ref, Amount(1000, "EUR")))
    assert isinstance(first, Done)
    assert told(first) + told(second) == [("refunded", 250), ("refunded", 1000)]
    events = await provider.fetch(paid.ref)
    assert {event.id for event in events} == {
        event.id for outcome in (paid, first, second) for event in outcome.events
    }


async def test_a_key_is_one_payment_and_another_sum_under_it_is_refused(
    provider: StripeProvider, stripe: Door
) -> None:
    calls = (provider.start(start()) for _ in range(20))
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} <= {Done, OutcomeUnknown}
    again = await provider.start(start())
    assert {outcome for outcome in outcomes if isinstance(outcome, Done)} == {again}
    assert len(stripe.made("/v1/payment_intents")) == 1
    with pytest.raises(ConflictError):
        await provider.start(start(money=Amount(1251, "EUR")))
    other = await provider.start(start("start:2"))
    assert isinstance(other, Done)
    assert other != again


async def test_a_key_is_one_refund_and_another_sum_under_it_is_refused(
    provider: StripeProvider, stripe: Door
) -> None:
    paid = await provider.start(start())
    assert isinstance(paid, Done)
    first = await provider.refund(Operation("refund:a", paid.ref, Amount(250, "EUR")))
    with pytest.raises(ConflictError):
        await provider.refund(Operation("refund:a", paid.ref, Amount(350, "EUR")))
    assert first == await provider.refund(Operation("refund:a", paid.ref, Amount(250, "EUR")))
    assert [made["amount"] for made in stripe.made("/v1/refunds")] == ["250"]


async def test_a_declined_card_is_declined_in_words_for_the_buyer(provider: StripeProvider) -> None:
    outcome = await provider.start(start(paid_with=DECLINED))
    assert isinstance(outcome, Declined)
    assert (outcome.code, outcome.message) == ("card_declined", "Your card was declined.")
    assert (outcome.ref or "").startswith("pi_")


async def test_money_is_reserved_and_taken_in_part(provider: StripeProvider) -> None:
    held = await provider.start(start(captures=False))
    assert isinstance(held, Done)
    assert told(held) == [("authorized", 1250)]
    taken = await provider.capture(Operation("capture:a", held.ref, Amount(1000, "EUR"), True))
    wanted = [("authorized", 1250), ("voided", 250), ("captured", 1000)]
    assert isinstance(taken, Done)
    assert told(taken) == wanted
    assert taken == await provider.capture(
        Operation("capture:a", held.ref, Amount(1000, "EUR"), True)
    )
    assert await fetched(provider, held.ref) == wanted
    again = await provider.capture(Operation("capture:b", held.ref, Amount(250, "EUR")))
    assert isinstance(again, Declined)
    too_late = await provider.void(Operation("void:a", held.ref, EUR))
    assert isinstance(too_late, Declined)


async def test_what_is_reserved_is_let_go(provider: StripeProvider) -> None:
    held = await provider.start(start(captures=False))
    assert isinstance(held, Done)
    wanted = [("authorized", 1250), ("voided", 1250), ("failed", 1250)]
    for key in ("void:a", "void:b"):
        outcome = await provider.void(Operation(key, held.ref, EUR))
        assert isinstance(outcome, Done)
        assert told(outcome) == wanted
    assert await fetched(provider, held.ref) == wanted
    refused = await provider.capture(Operation("capture:a", held.ref, EUR))
    assert isinstance(refused, Declined)


async def test_3d_secure_is_the_clients_and_only_stripe_is_believed(
    provider: StripeProvider, stripe: Door
) -> None:
    begun = await provider.start(start(paid_with=await card(stripe, "4000002760003184")))
    assert isinstance(begun, ActionRequired)
    assert begun.client_data["publishable_key"] == "pk_test_shown"
    request = Resume("start:1", begun.ref, EUR, {"status": "succeeded"})
    assert await provider.resume(request) == begun
    await authenticate(stripe, begun.ref)
    for _ in range(2):
        paid = await provider.resume(request)
        assert isinstance(paid, Done)
        assert told(paid) == [("captured", 1250)]


async def test_what_failed_3d_secure_may_be_paid_with_another_card(
    provider: StripeProvider, stripe: Door
) -> None:
    secure, back = await card(stripe, "4000002760003184"), "https://store.example/back"
    begun = await provider.start(start(paid_with=secure, return_url=back))
    for _ in range(2):  # the same card again is asked for again
        assert isinstance(begun, ActionRequired)
        assert begun.url == f"{stripe.url}/authenticate/{begun.ref}"
        await authenticate(stripe, begun.ref, success=False)
        waiting = await provider.resume(Resume("start:1", begun.ref, EUR))
        assert isinstance(waiting, ActionRequired)
        assert "failed authentication" in waiting.message
        assert waiting.client_data["client_secret"].startswith(begun.ref)
        assert await provider.fetch(begun.ref) == []
        again = {"payment_method": secure}
        assert begun == await provider.resume(Resume("start:1", begun.ref, EUR, again))
    assert isinstance(begun, ActionRequired)
    await authenticate(stripe, begun.ref, success=False)
    outcomes = await asyncio.gather(
        *(
            provider.resume(Resume("start:1", begun.ref, EUR, {"payment_method": VISA}))
            for _ in range(3)
        )
    )
    assert {type(outcome) for outcome in outcomes} == {Done}
    assert {outcome.ref for outcome in outcomes if isinstance(outcome, Done)} == {begun.ref}
    confirmed = [each for each in stripe.asked if each.path.endswith("/confirm")]
    assert {each.params["return_url"] for each in confirmed} == {back}


async def test_without_a_card_the_client_gets_what_stripe_js_needs(
    provider: StripeProvider, stripe: Door
) -> None:
    begun = await provider.start(start(paid_with=None))
    assert isinstance(begun, ActionRequired)
    assert set(begun.client_data) == {"client_secret", "publishable_key"}
    gone = await provider.void(Operation("void:1", begun.ref, EUR))
    assert isinstance(gone, Done)
    assert told(gone) == [("failed", 1250)]


async def test_a_payment_of_another_shop_is_no_payment(
    provider: StripeProvider, stripe: Door
) -> None:
    given = {"amount": "5", "currency": "eur", "payment_method": VISA, "confirm": "true"}
    strange = (await stripe.http.post("/v1/payment_intents", data=given)).json()["id"]
    for ref in (strange, "pi_nowhere"):
        assert await provider.fetch(ref) == ()
        assert isinstance(await provider.resume(Resume("start:1", ref, EUR)), Declined)


async def test_only_with_a_way_back_is_a_buyer_sent_elsewhere(
    provider: StripeProvider, stripe: Door
) -> None:
    await provider.start(start())
    await provider.start(start("start:2", return_url="https://store.example/back"))
    await provider.start(start("start:3", paid_with=None, return_url="https://store.example/back"))
    without, with_, later = stripe.made("/v1/payment_intents")
    assert without["automatic_payment_methods[allow_redirects]"] == "never"
    assert "automatic_payment_methods[allow_redirects]" not in with_
    assert with_["return_url"] == "https://store.example/back"
    assert "return_url" not in later  # Stripe takes it where it confirms


async def test_a_sum_that_stripe_cannot_take_is_declined_before_it_is_asked(
    provider: StripeProvider, stripe: Door
) -> None:
    odd = Amount(5124, "KWD")
    operation = Operation("key", "pi_1", odd)
    for call in (
        provider.start(start(money=odd)),
        provider.capture(operation),
    ):
        outcome = await call
        assert isinstance(outcome, Declined)
        assert outcome.message.startswith("5.124 KWD can't be paid in this way")
    assert stripe.asked == []


async def test_what_stripe_failed_at_is_found_by_what_it_came_to(
    provider: StripeProvider, stripe: Door
) -> None:
    stripe.fail("/v1/payment_intents")
    held = await provider.start(start(captures=False))
    assert isinstance(held, Done)
    assert held == await provider.start(start(captures=False))
    stripe.fail(f"/v1/payment_intents/{held.ref}/capture")
    taken = await provider.capture(Operation("capture:a", held.ref, EUR))
    assert isinstance(taken, Done)
    stripe.fail("/v1/refunds")
    with pytest.raises(OutcomeUnknown):
        await provider.refund(Operation("refund:a", held.ref, EUR))
    assert isinstance(await provider.refund(Operation("refund:a", held.ref, EUR)), Done)
    other = await provider.start(start("start:2", captures=False))
    assert isinstance(other, Done)
    stripe.fail(f"/v1/payment_intents/{other.ref}/cancel")
    assert isinstance(await provider.void(Operation("void:a", other.ref, EUR)), Done)
    assert len(stripe.made("/v1/payment_intents")) == 2
    assert len(stripe.made("/v1/refunds")) == 1


async def test_no_secret_is_logged(
    provider: StripeProvider, stripe: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    number = "4000002760003184"
    begun = await provider.start(start(paid_with=await card(stripe, number)))
    assert isinstance(begun, ActionRequired)
    await provider.start(start("start:2", paid_with=DECLINED))
    stripe.fail("/v1/refunds")
    stripe.lose("/v1/payment_intents")
    for call in (
        provider.refund(Operation("refund:1", begun.ref, EUR)),
        provider.start(start("x")),
    ):
        with pytest.raises(OutcomeUnknown):
            await call
    assert begun.ref in caplog.text  # something is
    shown = f"{caplog.text} {begun!r} {provider!r}"
    for secret in ("hush", number, begun.client_data["client_secret"]):
        assert secret not in shown
