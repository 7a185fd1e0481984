"""Where Stripe is on, and with which keys."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from mercat.app import create_app
from mercat.engine import Engine
from mercat.errors import BootError
from mercat.money import Amount
from mercat.payments import MethodQuestion
from mercat.settings import DEFAULT, Settings
from mercat_payments_stripe.provider import StripeProvider
from mercat_payments_stripe.settings import StripeSettings

TOML = '[plugins]\nenabled = ["media", "products", "orders", "payments", "payments_stripe"]\n'
TEST, LIVE = "sk_test_hush", "sk_live_hush"
PRODUCTION = {"shop": {"production": True}, "database": {"encryption_key": "QUJD" * 32}}

Make = Callable[..., Settings]


def boot(settings_for: Make, table: dict[str, Any], **more: Any) -> None:
    create_app(Engine(settings_for(TOML, plugins={"payments_stripe": table}, **more)))


def test_it_is_off_unless_it_is_named() -> None:
    assert "payments_stripe" not in DEFAULT


@pytest.mark.parametrize(
    ("table", "is_production", "words"),
    [
        ({}, False, "needs a secret_key"),
        ({"secret_key": "pk_test_hush"}, False, "begin with sk_ or rk_"),
        ({"secret_key": TEST, "publishable_key": "pk_live_x"}, False, "take two of a kind"),
        ({"secret_key": TEST}, True, "is one for tests, and .shop. production is true"),
        ({"secret_key": "rk_test_hush"}, True, "is one for tests, and .shop. production is true"),
    ],
)
def test_keys_that_are_not_for_this_shop_stop_the_boot(
    settings_for: Make, table: dict[str, Any], is_production: bool, words: str
) -> None:
    with pytest.raises(BootError, match=words) as found:
        boot(settings_for, table, **(PRODUCTION if is_production else {}))
    assert "hush" not in str(found.value)


def test_real_money_outside_of_production_is_warned_of(
    settings_for: Make, caplog: pytest.LogCaptureFixture
) -> None:
    boot(settings_for, {"secret_key": TEST})
    boot(settings_for, {"secret_key": LIVE, "publishable_key": "pk_live_x"}, **PRODUCTION)
    assert "real money" not in caplog.text
    boot(settings_for, {"secret_key": LIVE})
    assert "real money moves" in caplog.text
    assert "hush" not in caplog.text


@pytest.mark.parametrize("package", ["stripe", "httpx"])
def test_without_the_sdk_the_boot_says_what_to_install(
    settings_for: Make, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    for name in ("api", "vault", "webhooks", "provider"):
        monkeypatch.delitem(sys.modules, f"mercat_payments_stripe.{name}")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(BootError, match=r"pip install 'mercat\[stripe\]'"):
        boot(settings_for, {"secret_key": TEST})


async def test_it_is_offered_where_the_settings_say_so() -> None:
    values = {"secret_key": TEST, "currencies": ["EUR"], "countries": ["DE"], "name": "Card"}
    provider = StripeProvider(StripeSettings.model_validate(values))
    euros, dollars = Amount(1, "EUR"), Amount(1, "USD")
    asked = [(euros, "DE"), (euros, None), (euros, "FR"), (dollars, "DE")]
    found = [await provider.methods(MethodQuestion(*each)) for each in asked]
    assert [[method.name for method in each] for each in found] == [["Card"], ["Card"], [], []]
    await provider.close()


def test_secrets_are_in_no_repr() -> None:
    settings = StripeSettings.model_validate({"secret_key": TEST, "webhook_secrets": ["hush"]})
    assert "hush" not in f"{settings!r} {settings}"
