"""Whole checkouts that Stripe has paid, with its signed messages, by a served shop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
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
from .running import started
from .simulating import Buyer

__all__ = ["stripe", "upstream"]

pytestmark = [pytest.mark.gate, SDK_WARNING]

TOML = MARKET.replace('"orders"]', '"orders", "payments", "payments_stripe"]')
SECOND = "whsec_older"


@dataclass
class Shop:
    """One that is served by a process of its own; `engine` has the same stores."""

    engine: Engine
    http: httpx.AsyncClient

    async def buyer(self) -> Buyer:
        return Buyer(self.http, await offer(self.engine, stock=5), method="stripe")

    async def states(self) -> list[str]:
        return [order["state"] async for order in orders(self.engine.context()).find()]


@pytest.fixture
async def shop(
    stripe: Door,
    settings_for: Callable[..., Settings],
    mercat_environment: dict[str, str],
    tmp_path: Path,
) -> AsyncIterator[Shop]:
    given = table(stripe)
    (tmp_path / "engine.toml").write_text(TOML)
    names = {name: str(value) for name, value in given.items()}
    names["webhook_secrets"] = f"{SECOND},{WEBHOOK_SECRET}"
    environment = mercat_environment | {
        f"MERCAT_PLUGINS__PAYMENTS_STRIPE__{name.upper()}": value for name, value in names.items()
    }
    database = {"name": mercat_environment["MERCAT_DATABASE__NAME"]}
    plugins: dict[str, Any] = {"payments_stripe": given}
    async with (
        started(environment, tmp_path) as server,
        Engine(settings_for(TOML, database=database, plugins=plugins)) as engine,
        httpx.AsyncClient(base_url=server.url, timeout=30) as http,
    ):
        await send_messages(stripe, f"{server.url}/payments/stripe/webhook")
        yield Shop(engine, http)
        await stop_messages(stripe)


async def test_orders_are_paid_by_stripe_and_its_messages(shop: Shop, stripe: Door) -> None:
    # A card that pays at once; its message finds what is known already.
    buyer = await shop.buyer()
    payload = await buyer.completes(payment_method=VISA)
    assert payload["userErrors"] == []
    assert payload["order"]["state"] == "CONFIRMED"

    # A card that is declined opens the cart again, and another one pays.
    buyer = await shop.buyer()
    payload = await buyer.completes(payment_method=DECLINED)
    assert [error["code"] for error in payload["userErrors"]] == ["DECLINED"]
    assert payload["userErrors"][0]["message"] == "Your card was declined."

    # 3-D Secure, and a buyer who never comes back: the message places the order.
    buyer = await shop.buyer()
    payload = await buyer.completes(payment_method=await card(stripe, "4000002760003184"))
    action = {entry["name"]: entry["value"] for entry in payload["action"]["data"]}
    assert payload["order"] is None
    await authenticate(stripe, action["client_secret"])

    async def is_placed() -> bool:
        return (await shop.states()).count("CONFIRMED") == 2

    await until(is_placed, seconds=8)  # before the shop would ask by itself
    ledger = shop.engine.storage.database["payment_events"]
    assert sorted([row["kind"] async for row in ledger.find()]) == ["captured", "captured"]

    # Messages of somebody else.
    for headers in ({}, {"stripe-signature": "t=1,v1=00"}):
        answer = await shop.http.post("/payments/stripe/webhook", content=b"{}", headers=headers)
        assert answer.status_code == 400
    await asyncio.sleep(1.2)  # localstripe's last message, if there were one
    assert await ledger.count_documents({}) == 2
