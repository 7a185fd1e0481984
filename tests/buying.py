"""Clients that order over HTTP in one call, with a key to ask again as frontends do."""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from bson import ObjectId

from mercat.engine import Engine
from mercat.storage import Record
from mercat_orders.carts.access import carts
from mercat_orders.orders.access import orders

from .market import BERLIN, line
from .ordering import left
from .plugins_for_tests.stocktaking.shop import figures
from .plugins_for_tests.till.books import BOOKS
from .test_checkout import COMPLETE


def request(thing: ObjectId, method: str = "till:paid") -> dict[str, Any]:
    """The body of a checkout of one thing, with a key of its own."""
    given = {
        "cart": {"lines": [line(thing)], "email": "ada@example.com", "shippingAddress": BERLIN},
        "maximumTotal": {"amount": "1000", "currency": "EUR"},
        "paymentMethodId": method,
        "acceptsTerms": True,
        "idempotencyKey": secrets.token_hex(8),
    }
    return {"query": COMPLETE, "variables": {"input": given}}


@dataclass(frozen=True)
class Asked:
    """A checkout that was asked for, once: what came of it, and after how many seconds.

    `answer` is None where there was none.
    """

    answer: httpx.Response | None
    began: float
    seconds: float

    @property
    def payload(self) -> dict[str, Any] | None:
        """The checkout's own part of an answer; None where there is none."""
        if self.answer is None:
            return None
        data = self.answer.json().get("data") or {}
        found: dict[str, Any] | None = data.get("checkoutComplete")
        return found

    @property
    def number(self) -> str | None:
        """The order's; None where there is no order."""
        order = (self.payload or {}).get("order")
        return order["number"] if order else None

    @property
    def said(self) -> str:
        """For a test that fails: the answer in short."""
        if self.answer is None:
            return f"nothing after {self.seconds:.1f} s"
        return f"{self.answer.status_code} after {self.seconds:.1f} s: {self.answer.text[:300]}"


async def ask(http: httpx.AsyncClient, url: str, body: dict[str, Any]) -> Asked:
    """Ask for a checkout once."""
    began = time.monotonic()
    try:
        answer = await http.post(f"{url}/graphql", json=body)
    except httpx.TransportError:
        return Asked(None, began, time.monotonic() - began)
    return Asked(answer, began, time.monotonic() - began)


async def until_told(
    http: httpx.AsyncClient, url: str, body: dict[str, Any], seconds: float = 30
) -> list[Asked]:
    """Ask again with the same key until there is an answer without a 5xx; all that was asked."""
    found: list[Asked] = []
    async with asyncio.timeout(seconds):
        while True:
            found.append(await ask(http, url, body))
            if found[-1].payload is not None:
                return found
            await asyncio.sleep(0.05)


@dataclass
class Crowd:
    """Buyers who order one thing after another, each at once after the other, until `stop`."""

    url: str
    things: Sequence[ObjectId]
    method: str = "till:paid"
    asked: list[Asked] = field(default_factory=list)
    is_over: bool = False

    async def during(
        self, http: httpx.AsyncClient, count: int, work: Callable[[], Awaitable[object]]
    ) -> None:
        """Have so many of them order while something is done."""
        buyers = [asyncio.create_task(self._buy(http, number)) for number in range(count)]
        try:
            await work()
        finally:
            self.is_over = True
            await asyncio.gather(*buyers)

    async def _buy(self, http: httpx.AsyncClient, number: int) -> None:
        while not self.is_over:
            thing = self.things[number % len(self.things)]
            self.asked.append(await ask(http, self.url, request(thing, self.method)))


async def check_shop(engine: Engine, told: Collection[str], stock: Mapping[ObjectId, int]) -> int:
    """Whether orders, carts, stock and the till's books agree, and all that was told is there.

    `stock` is what there was of each thing. Returns how many orders there are.
    """
    await left(engine)
    await left(engine)
    context = engine.context()
    found = await orders(context).find({}).to_list()
    assert {order["state"] for order in found} <= {"CONFIRMED", "FAILED"}
    placed = [order for order in found if order["state"] == "CONFIRMED"]
    assert set(told) == {order["code"] for order in placed}
    check_till(found)
    requests = [order["request"] for order in placed]
    assert len(requests) == len(set(requests)), "two orders of one request"
    sold = Counter[ObjectId]()
    for order in placed:
        sold.update({one["variant"]: one["quantity"] for one in order["lines"]})
    for thing, count in stock.items():
        assert await figures(engine, thing) == (count - sold[thing], 0)
    states = Counter([cart["state"] async for cart in carts(context).find({})])
    assert (states["ORDERED"], states["CHECKOUT"]) == (len(placed), 0)
    return len(placed)


def check_till(found: Sequence[Record]) -> None:
    """Each placed order was charged once, and nothing of any other was kept."""
    for order in found:
        payment = BOOKS.get(str(order["_id"]))
        kept = 0 if payment is None else payment.charged - sum(payment.refunded.values())
        assert kept == (order["sums"]["total"] if order["state"] == "CONFIRMED" else 0)
