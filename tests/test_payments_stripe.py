"""Payments by Stripe, asked for by the engine and answered by localstripe."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import orjson
import pytest

from mercat.checkout import PaymentStatus, PaymentWanted, RefundWanted
from mercat.checkout import payment_refund as refund_hook
from mercat.checkout import payment_start as start_hook
from mercat.engine import Engine
from mercat.errors import ConflictError, InvalidError
from mercat.money import Amount
from mercat.payments import (
    ActionRequired,
    Declined,
    Done,
    Operation,
    OutcomeUnknown,
    Pending,
    Resume,
    Start,
)
from mercat_payments.settling import ask_again
from mercat_payments_stripe.provider import StripeProvider
from mercat_payments_stripe.settings import StripeSettings

from . import test_payments_stripe_facts as shapes
from .banking import ended, make_due, operations, status, stored
from .charging import DECLINED, SDK_WARNING, VISA, Door, authenticate, card, stripe, table, upstream
from .conftest import EngineFor
from .identity import toml_of

pytestmark = [pytest.mark.gate, SDK_WARNING]

__all__ = ["stripe", "upstream"]

TOML = toml_of("media", "products", "orders", "payments", "payments_stripe").replace(
    "[plugins.auth]\nhash_memory_kib = 7168\nhash_passes = 1\n", ""
)
EUR = Amount(1250, "EUR")


@pytest.fixture
async def provider(stripe: Door) -> AsyncIterator[StripeProvider]:
    found = StripeProvider(StripeSettings.model_validate(table(stripe)))
    yield found
    await found.close()


@pytest.fixture
async def shop(engine_for: EngineFor, stripe: Door) -> AsyncIterator[Engine]:
    engine = await engine_for(TOML, plugins={"payments_stripe": table(stripe)})
    yield engine
    await engine.own(StripeProvider).close()


def start(key: str = "start:1", money: Amount = EUR, **more: Any) -> Start:
    data = {} if (method := more.pop("paid_with", VISA)) is None else {"payment_method": method}
    return Start(key, money, "", "N1", data=data, **more)


def told(outcome: Any) -> list[tuple[str, int]]:
    return [(event.kind, event.money.minor) for event in outcome.events]


async def fetched(provider: StripeProvider, ref: str) -> list[tuple[str, int]]:
    return [(event.kind, event.money.minor) for event in await provider.fetch(ref)]


# The provider


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


async def test_a_declined_card_is_declined_in_words_for_the_buyer(provider: StripeProvider) -> None:
    outcome = await provider.start(start(paid_with=DECLINED))
    assert isinstance(outcome, Declined)
    assert (outcome.code, outcome.message) == ("card_declined", "Your card was declined.")


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
    await authenticate(stripe, begun.client_data["client_secret"])
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
        await authenticate(stripe, begun.client_data["client_secret"], success=False)
        waiting = await provider.resume(Resume("start:1", begun.ref, EUR))
        assert isinstance(waiting, ActionRequired)
        assert "failed authentication" in waiting.message
        assert await provider.fetch(begun.ref) == []
        again = {"payment_method": secure}
        begun = await provider.resume(Resume("start:1", begun.ref, EUR, again))
        assert begun == replace(waiting, message="")
    assert isinstance(begun, ActionRequired)
    await authenticate(stripe, begun.client_data["client_secret"], success=False)
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


# With the engine


async def wanted(engine: Engine, key: str, **more: Any) -> PaymentStatus:
    data = {"payment_method": more.pop("paid_with", VISA)}
    asked = PaymentWanted(key, "stripe", 1250, currency="EUR", order_number=f"N{key}", data=data)
    found = await engine.hooks.first(start_hook, engine.context(), asked)
    assert found is not None
    return found


async def give_back(engine: Engine, key: str, payment: str, amount: int) -> str:
    asked = RefundWanted(key, payment, amount, "EUR", "broken")
    found = await engine.hooks.first(refund_hook, engine.context(), asked)
    assert found is not None
    return found.state


async def test_a_payment_whose_reply_was_lost_is_made_once(shop: Engine, stripe: Door) -> None:
    stripe.lose("/v1/payment_intents")
    assert (await wanted(shop, "a")).state == "unknown"
    assert await status(shop, "a") == "paid"
    assert (await wanted(shop, "a")).state == "paid"
    assert len(stripe.made("/v1/payment_intents")) == 1
    assert len(stripe.asked) == 2


async def test_a_refund_whose_reply_was_lost_is_made_once_whoever_forgets_its_key(
    shop: Engine, stripe: Door
) -> None:
    assert (await wanted(shop, "a")).state == "paid"
    stripe.lose("/v1/refunds")
    assert await give_back(shop, "r", "a", 250) == "pending"
    stripe.saved.clear()  # the refund is found by what it was marked with
    await make_due(shop, "a")
    await ask_again(shop.context())
    assert await operations(shop, "a") == [("START", "DONE"), ("REFUND", "DONE")]
    assert len(stripe.made("/v1/refunds")) == 1
    assert (await stored(shop, "a"))["refunded"] == 250


async def test_more_than_was_taken_is_refused_before_stripe_is_asked(
    shop: Engine, stripe: Door
) -> None:
    await wanted(shop, "a")
    found = await asyncio.gather(
        *(give_back(shop, f"r{number}", "a", 1000) for number in range(3)), return_exceptions=True
    )
    assert sorted(str(each) for each in found if not isinstance(each, InvalidError)) == ["done"]
    with pytest.raises(InvalidError):
        await give_back(shop, "more", "a", 251)
    assert [made["amount"] for made in stripe.made("/v1/refunds")] == ["1000"]
    assert await give_back(shop, "rest", "a", 250) == "done"


async def test_a_payment_that_ends_gives_back_what_it_took(shop: Engine, stripe: Door) -> None:
    await wanted(shop, "a")
    assert await ended(shop, "a") == "ended"
    assert [made["amount"] for made in stripe.made("/v1/refunds")] == ["1250"]


async def test_a_payment_that_ends_before_its_buyer_paid_is_cancelled(
    shop: Engine, stripe: Door
) -> None:
    method = await card(stripe, "4000002760003184")
    begun = await wanted(shop, "a", paid_with=method)
    assert begun.state == "action"
    assert await ended(shop, "a") == "ended"
    ref = (await stored(shop, "a"))["ref"]
    assert (await stripe.http.get(f"/v1/payment_intents/{ref}")).json()["status"] == "canceled"


async def test_an_answer_that_never_comes_is_waited_for_no_longer_than_it_may(
    provider: StripeProvider, stripe: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*_: Any) -> Any:
        await asyncio.sleep(3)

    monkeypatch.setattr(stripe, "_forwarded", silent)
    async with asyncio.timeout(2.9):
        with pytest.raises(OutcomeUnknown):
            await provider.start(start())
