"""Cards that Stripe keeps for customers."""

from collections.abc import AsyncIterator
from datetime import date

import orjson
import pytest

from mercat.money import Amount
from mercat.payments import ActionRequired, Customer, Declined, Done, SaveMethod, Start
from mercat_payments_stripe.provider import StripeProvider
from mercat_payments_stripe.settings import StripeSettings

from .charging import SDK_WARNING, VISA, Door, card, stripe, table, upstream

__all__ = ["stripe", "upstream"]

pytestmark = [pytest.mark.gate, SDK_WARNING]

ADA = Customer("enrol:ada", "ada", "ada@example.com")


@pytest.fixture
async def vault(stripe: Door) -> AsyncIterator[StripeProvider]:
    found = StripeProvider(StripeSettings.model_validate(table(stripe)))
    yield found
    await found.close()


def save(customer: str, method: str | None, key: str = "save:1") -> SaveMethod:
    return SaveMethod(key, customer, data={} if method is None else {"payment_method": method})


async def test_a_customer_is_enrolled_once(vault: StripeProvider, stripe: Door) -> None:
    ada = await vault.enrol(ADA)
    assert ada == await vault.enrol(ADA)
    (made,) = stripe.made("/v1/customers")
    assert (made["email"], made["metadata[mercat_customer]"]) == ("ada@example.com", "ada")


async def test_a_kept_card_is_shown_paid_with_and_kept_no_longer(
    vault: StripeProvider, stripe: Door
) -> None:
    ada, bob = await vault.enrol(ADA), await vault.enrol(Customer("enrol:bob", "bob"))
    kept = await vault.save_method(save(ada, VISA))
    assert isinstance(kept, Done)
    assert kept == await vault.save_method(save(ada, VISA))
    (shown,) = await vault.saved_methods(ada)
    assert (shown.ref, shown.name) == (kept.ref, "Visa •••• 4242")
    assert shown.expires == date(2030, 12, 31)
    assert await vault.saved_methods(bob) == []
    paid = await vault.start(
        Start("start:1", Amount(100, "EUR"), "", "N1", customer=ada, saved_method=kept.ref)
    )
    assert isinstance(paid, Done)
    (made,) = stripe.made("/v1/payment_intents")
    assert (made["customer"], made["payment_method"]) == (ada, kept.ref)
    await vault.delete_method(bob, kept.ref)
    assert len(await vault.saved_methods(ada)) == 1
    for _ in range(2):
        await vault.delete_method(ada, kept.ref)
    await vault.delete_method(ada, "pm_nowhere")
    assert await vault.saved_methods(ada) == []


async def test_a_card_is_kept_by_the_client_or_refused(vault: StripeProvider, stripe: Door) -> None:
    ada = await vault.enrol(ADA)
    begun = await vault.save_method(save(ada, None))
    assert isinstance(begun, ActionRequired)
    assert begun.client_data["client_secret"].startswith(begun.ref)
    method = await card(stripe, "4242424242424242")
    given = {"payment_method": method}
    await stripe.http.post(f"/v1/setup_intents/{begun.ref}/confirm", data=given)
    assert await vault.save_method(save(ada, None)) == Done(method)
    asked = await vault.save_method(save(ada, await card(stripe, "4000002760003184"), "save:2"))
    assert isinstance(asked, ActionRequired)
    refused = await vault.save_method(save(ada, await card(stripe, "4000000000000002"), "save:3"))
    assert refused == Declined("card_declined", "Your card was declined.")


async def test_what_is_paid_with_is_kept_where_it_is_wanted(
    vault: StripeProvider, stripe: Door
) -> None:
    ada = await vault.enrol(ADA)
    asked = Start("start:1", Amount(100, "EUR"), "", "N1", customer=ada, saves=True)
    assert isinstance(await vault.start(asked), ActionRequired)
    nobody = Start("start:2", Amount(100, "EUR"), "", "N1", saves=True)
    assert isinstance(await vault.start(nobody), ActionRequired)
    with_customer, without = stripe.made("/v1/payment_intents")
    assert with_customer["setup_future_usage"] == "on_session"
    assert "setup_future_usage" not in without


async def test_nothing_is_kept_of_a_customer_who_is_erased(
    vault: StripeProvider, stripe: Door
) -> None:
    ada = await vault.enrol(ADA)
    await vault.save_method(save(ada, VISA))
    for _ in range(2):
        await vault.forget(ada)
    assert await vault.saved_methods(ada) == []


@pytest.mark.parametrize(
    ("brand", "month", "name", "last_day"),
    [
        ("amex", 2, "American Express •••• 8431", date(2028, 2, 29)),
        ("mastercard", 11, "Mastercard •••• 8431", date(2028, 11, 30)),
        ("cartes_bancaires", 12, "Cartes Bancaires •••• 8431", date(2028, 12, 31)),
    ],
)
async def test_a_card_has_its_brands_name_and_its_last_day(
    vault: StripeProvider, stripe: Door, brand: str, month: int, name: str, last_day: date
) -> None:
    shape = {"brand": brand, "last4": "8431", "exp_month": month, "exp_year": 2028}
    row = {"id": "pm_1", "object": "payment_method", "type": "card", "card": shape}
    stripe.canned.append(orjson.dumps({"object": "list", "data": [row], "has_more": False}))
    (found,) = await vault.saved_methods("cus_1")
    assert (found.name, found.expires) == (name, last_day)
