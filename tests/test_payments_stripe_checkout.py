"""Whole checkouts that Stripe has paid, with its signed messages, by a served shop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from mercat.engine import Engine
from mercat.settings import Settings
from mercat_orders.orders.access import orders

from .charging import (
    DECLINED,
    SDK_WARNING,
    VISA,
    WEBHOOK_SECRET,
    Door,
    authenticate,
    card,
    send_messages,
    stop_messages,
    stripe,
    table,
    upstream,
)
from .conftest import until
from .market import TOML as MARKET
from .market import offer
from .running import Running, started
from .simulating import Buyer

__all__ = ["stripe", "upstream"]

pytestmark = [pytest.mark.gate, SDK_WARNING]

TOML = MARKET.replace('"orders"]', '"orders", "payments", "payments_stripe"]')
SECOND = "whsec_older"


@pytest.fixture
def environment(stripe: Door, mercat_environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Of a server of a shop whose messages are signed with the second of two secrets."""
    (tmp_path / "engine.toml").write_text(TOML)
    names = {name: str(value) for name, value in table(stripe).items()}
    names["webhook_secrets"] = f"{SECOND},{WEBHOOK_SECRET}"
    return mercat_environment | {
        f"MERCAT_PLUGINS__PAYMENTS_STRIPE__{name.upper()}": value for name, value in names.items()
    }


@pytest.fixture
async def engine(
    stripe: Door, settings_for: Callable[..., Settings], environment: dict[str, str]
) -> AsyncIterator[Engine]:
    """One with the server's stores."""
    database = {"name": environment["MERCAT_DATABASE__NAME"]}
    plugins: dict[str, Any] = {"payments_stripe": table(stripe)}
    async with Engine(settings_for(TOML, database=database, plugins=plugins)) as found:
        yield found


@asynccontextmanager
async def served(
    environment: dict[str, str], folder: Path
) -> AsyncIterator[tuple[Running, httpx.AsyncClient]]:
    async with (
        started(environment, folder) as server,
        httpx.AsyncClient(base_url=server.url, timeout=30) as http,
    ):
        yield server, http


async def buyer_of(engine: Engine, http: httpx.AsyncClient) -> Buyer:
    return Buyer(http, await offer(engine, stock=5), method="stripe")


async def states(engine: Engine) -> list[str]:
    return [order["state"] async for order in orders(engine.context()).find()]


async def test_a_server_killed_before_it_heard_that_it_was_paid_has_the_buyer_pay_once(
    engine: Engine, stripe: Door, environment: dict[str, str], tmp_path: Path
) -> None:
    async with served(environment, tmp_path) as (server, http):
        buyer = await buyer_of(engine, http)
        stripe.lose("/v1/payment_intents")
        stripe.on_loss = server.process.kill
        with pytest.raises(httpx.TransportError):
            await buyer.completes(payment_method=VISA)
        assert await states(engine) == ["PLACING"]
    async with served(environment, tmp_path) as (_, http):
        buyer.http = http
        payload = await buyer.completes(payment_method=VISA)
        assert payload["order"]["state"] == "CONFIRMED"
    assert len(stripe.made("/v1/payment_intents")) == 1
    assert len([each for each in stripe.asked if each.path == "/v1/payment_intents"]) == 2


async def test_orders_are_paid_by_stripe_and_its_messages(
    engine: Engine, stripe: Door, environment: dict[str, str], tmp_path: Path
) -> None:
    async with served(environment, tmp_path) as (server, http):
        await send_messages(stripe, f"{server.url}/payments/stripe/webhook")
        await pay_in_three_ways(engine, http, stripe)
        await stop_messages(stripe)


async def pay_in_three_ways(engine: Engine, http: httpx.AsyncClient, stripe: Door) -> None:
    # A card that pays at once; its message finds what is known already.
    buyer = await buyer_of(engine, http)
    payload = await buyer.completes(payment_method=VISA)
    assert payload["userErrors"] == []
    assert payload["order"]["state"] == "CONFIRMED"

    # A card that is declined opens the cart again, and another one pays.
    buyer = await buyer_of(engine, http)
    payload = await buyer.completes(payment_method=DECLINED)
    assert [error["code"] for error in payload["userErrors"]] == ["DECLINED"]
    assert payload["userErrors"][0]["message"] == "Your card was declined."

    # 3-D Secure, and a buyer who never comes back: the message places the order.
    buyer = await buyer_of(engine, http)
    payload = await buyer.completes(payment_method=await card(stripe, "4000002760003184"))
    assert payload["order"] is None
    page, _, ref = payload["action"]["url"].rpartition("/")
    assert page == f"{stripe.url}/authenticate"
    await authenticate(stripe, ref)

    async def is_placed() -> bool:
        return (await states(engine)).count("CONFIRMED") == 2

    await until(is_placed, seconds=8)  # before the shop would ask by itself
    ledger = engine.storage.database["payment_events"]
    assert sorted([row["kind"] async for row in ledger.find()]) == ["captured", "captured"]

    # Messages of somebody else.
    for headers in ({}, {"stripe-signature": "t=1,v1=00"}):
        answer = await http.post("/payments/stripe/webhook", content=b"{}", headers=headers)
        assert answer.status_code == 400
    await asyncio.sleep(1.2)  # localstripe's last message, if there were one
    assert await ledger.count_documents({}) == 2
