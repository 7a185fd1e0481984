"""Orders that were answered are there after a kill; stock, payments, discounts and orders agree."""

import asyncio
import os
import random
import secrets
import signal
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from bson import ObjectId

from mercat.engine import Engine
from mercat.storage import cancel
from mercat.storage.guardian import read_state
from mercat_coupons.documents import PromotionDocument
from mercat_orders.carts.access import carts
from mercat_orders.checkout.reconciling import reconcile
from mercat_orders.orders.access import orders
from mercat_payments.documents import PaymentDocument

from .market import BERLIN, line, offer
from .market import TOML as MARKET
from .ordering import left
from .plugins_for_tests.stocktaking.shop import figures
from .promoting import promote, uses
from .running import Died, Running, started
from .test_checkout import COMPLETE

TOML = (
    MARKET.replace('"orders"]', '"orders", "coupons", "payments", "payments_manual"]')
    + "[plugins.payments_manual.on_delivery]\n"
)
STOCK = 1_000
_BUYERS = 4
_LONGEST_LOAD = 1.5
_NAMES = {"secantus": "SecantusDB", "valkey-server": "Valkey"}


@dataclass
class Buyer:
    """Orders one thing after another; `unsure` is what wasn't answered, `told` what was."""

    things: list[ObjectId]
    unsure: dict[str, dict[str, Any]] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)

    async def buy(self, url: str, http: httpx.AsyncClient) -> None:
        key = secrets.token_hex(8)
        self.unsure[key] = {
            "cart": {
                "lines": [
                    line(thing, random.randint(1, 3)) for thing in random.sample(self.things, 2)
                ],
                "email": "ada@example.com",
                "shippingAddress": BERLIN,
            },
            "maximumTotal": {"amount": "1000"},
            "paymentMethodId": "manual:on_delivery",
            "acceptsTerms": True,
            "idempotencyKey": key,
        }
        await self.ask_again(url, http, key)

    async def ask_again(self, url: str, http: httpx.AsyncClient, key: str) -> None:
        body = {"query": COMPLETE, "variables": {"input": self.unsure[key]}}
        try:
            answer = (await http.post(f"{url}/graphql", json=body)).json()
        except httpx.TransportError as error:
            raise Died(repr(error)) from None
        if "errors" in answer:  # a store is away
            assert answer["errors"][0]["extensions"]["code"] in ("UNAVAILABLE", "INTERNAL"), answer
            raise Died(str(answer["errors"]))
        payload = answer["data"]["checkoutComplete"]
        assert payload["userErrors"] == [], payload
        del self.unsure[key]
        self.told[key] = payload["order"]["number"]

    async def buy_for_ever(self, url: str, http: httpx.AsyncClient) -> None:
        with suppress(Died):
            while True:
                await self.buy(url, http)


async def _kill(engine: Engine, running: Running, what: str) -> None:
    if what == "app":
        running.process.kill()
        await asyncio.to_thread(running.process.join, 10)
        return
    servers = read_state(engine.storage.data_dir)["servers"]
    os.kill(servers[_NAMES[what]], signal.SIGKILL)


async def _check(engine: Engine, buyers: list[Buyer], things: list[ObjectId]) -> int:
    """Whether all agree; returns how many orders there are."""
    context = engine.context()
    found = await orders(context).find({}).to_list()
    assert {order["state"] for order in found} <= {"CONFIRMED", "FAILED"}
    placed = [order for order in found if order["state"] == "CONFIRMED"]
    told = {number for buyer in buyers for number in buyer.told.values()}
    assert told == {order["code"] for order in placed}
    assert max(Counter(order["cart"] for order in placed).values(), default=1) == 1
    payments = await engine.storage.collection(PaymentDocument).find({}).to_list()
    assert {str(order["_id"]) for order in placed} <= {payment["_id"] for payment in payments}
    sold: Counter[ObjectId] = Counter()
    for order in placed:
        sold.update({one["variant"]: one["quantity"] for one in order["lines"]})
    for thing in things:
        assert await figures(engine, thing) == (STOCK - sold[thing], 0)
    assert all(order["sums"]["discounts"] for order in placed)
    (promotion,) = await engine.storage.collection(PromotionDocument).find({}).to_list()
    assert await uses(engine, promotion["_id"]) == len(placed)
    states = Counter([cart["state"] async for cart in carts(context).find({})])
    assert states["ORDERED"] == len(placed)
    assert states["CHECKOUT"] == 0
    return len(placed)


@pytest.mark.parametrize(
    ("what", "rounds"),
    [
        pytest.param("app", 2, marks=pytest.mark.gate),
        *(
            pytest.param(what, 100, marks=pytest.mark.long)
            for what in ("app", "secantus", "valkey-server")
        ),
    ],
)
async def test_what_was_ordered_holds_after_a_kill(
    mercat_environment: dict[str, str], tmp_path: Path, rounds: int, what: str
) -> None:
    from mercat.settings import load_settings

    file = tmp_path / "engine.toml"
    file.write_text(TOML)
    name = mercat_environment["MERCAT_DATABASE__NAME"]
    engine = Engine(load_settings(file, {"database": {"name": name}}))
    await engine.start()
    try:
        await _rounds(engine, mercat_environment, tmp_path, rounds, what)
    finally:
        await engine.stop()


async def _rounds(
    engine: Engine, environment: dict[str, str], folder: Path, rounds: int, what: str
) -> None:
    own = {key: value for key, value in environment.items() if not key.endswith("__URL")}
    things = [await offer(engine, stock=STOCK) for _ in range(4)]
    await promote(engine, usage_limit=1_000_000, usage_limit_per_customer=1_000_000)
    buyers = [Buyer(things) for _ in range(_BUYERS)]
    before = 0
    for _ in range(rounds):
        async with started(own, folder) as running, httpx.AsyncClient(timeout=60) as http:
            buying = [
                asyncio.create_task(buyer.buy_for_ever(running.url, http)) for buyer in buyers
            ]
            try:
                await asyncio.sleep(random.uniform(0.3, _LONGEST_LOAD))
                await _kill(engine, running, what)
                if what == "app":
                    await asyncio.gather(*buying)
                    # As the database does by itself after 60 s.
                    await engine.storage.client.admin.command("killAllSessions", [])
                else:
                    await asyncio.sleep(1)
            finally:
                await cancel(buying)
        async with started(own, folder) as running, httpx.AsyncClient(timeout=60) as http:
            await _finish(running, http, buyers)
            await left(engine)
            await reconcile(engine.context())
            count = await _check(engine, buyers, things)
            assert count > before, "nothing was bought"
            before = count


async def _finish(running: Running, http: httpx.AsyncClient, buyers: list[Buyer]) -> None:
    """Every buyer asks again for what wasn't answered, until it is."""
    async with asyncio.timeout(60):
        for buyer in buyers:
            while buyer.unsure:
                with suppress(Died):
                    await buyer.ask_again(running.url, http, next(iter(buyer.unsure)))
                await asyncio.sleep(0.05)
