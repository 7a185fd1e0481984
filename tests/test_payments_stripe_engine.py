"""Payments by Stripe, asked for by the engine and answered by localstripe."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from mercat.checkout import PaymentStatus, PaymentWanted, RefundWanted
from mercat.checkout import payment_refund as refund_hook
from mercat.checkout import payment_start as start_hook
from mercat.engine import Engine
from mercat.errors import InvalidError
from mercat_payments.settling import ask_again
from mercat_payments_stripe.provider import StripeProvider

from .banking import ended, make_due, operations, status, stored
from .charging import SDK_WARNING, VISA, Door, card, stripe, table, upstream
from .conftest import EngineFor
from .identity import toml_of

__all__ = ["stripe", "upstream"]

pytestmark = [pytest.mark.gate, SDK_WARNING]

TOML = toml_of("media", "products", "orders", "payments", "payments_stripe").replace(
    "[plugins.auth]\nhash_memory_kib = 7168\nhash_passes = 1\n", ""
)


@pytest.fixture
async def shop(engine_for: EngineFor, stripe: Door) -> AsyncIterator[Engine]:
    engine = await engine_for(TOML, plugins={"payments_stripe": table(stripe)})
    yield engine
    await engine.own(StripeProvider).close()


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
