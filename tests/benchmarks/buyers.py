"""Buyers who go through a whole checkout over HTTP, one after another, so many at once."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

_TOTALS = "totals { subtotal { amount } shipping { amount } tax { amount } total { amount } }"
_CART = f"cart {{ id quoteHash {_TOTALS} lines {{ id name quantity }} problems {{ code }} }}"
_ERRORS = "userErrors { code field message }"
VARIANTS = "{ products(first: 50) { nodes { variants(first: 1) { nodes { id } } } } }"
CREATE = f"""mutation Create($variant: ID!) {{
  cartCreate(input: {{ country: "DE", lines: [{{ variantId: $variant }}] }}) {{
    {_CART} {_ERRORS} }} }}"""
ADDRESS = f"""mutation Address($cart: ID!) {{
  cartBuyerSet(input: {{ cartId: $cart, email: "ada@example.com" }}) {{ {_ERRORS} }}
  cartAddressSet(input: {{ cartId: $cart, shippingAddress: {{ name: "Ada Lovelace",
    lines: ["Unter den Linden 1"], city: "Berlin", postalCode: "10117", country: "DE" }} }}) {{
    {_CART} {_ERRORS} }} }}"""
SHIPPING = f"""mutation Shipping($cart: ID!) {{
  cartShippingSelect(input: {{ cartId: $cart, selections: [{{ optionId: "standard" }}] }}) {{
    {_CART} {_ERRORS} }} }}"""
COMPLETE = f"""mutation Complete($cart: ID!, $quote: String!) {{
  checkoutComplete(input: {{ cartId: $cart, quoteHash: $quote, acceptsTerms: true,
    paymentMethodId: "manual:on_delivery" }}) {{
    order {{ id number state totals {{ total {{ amount }} }} }} secret {_ERRORS} }} }}"""
STEPS = ("cart", "address", "shipping", "complete")


@dataclass
class Done:
    """How long each step took, in seconds, and the whole; `seconds` is what all took together."""

    steps: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    whole: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.whole) / self.seconds


class Connection:
    """One HTTP/1.1 connection that is kept; a client library would take much of the core."""

    def __init__(self, url: str) -> None:
        found = urlsplit(url)
        self._host, self._port = found.hostname or "127.0.0.1", found.port or 80
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """The data of an answer. Raises RuntimeError for errors."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        body = json.dumps({"query": document, "variables": variables}).encode()
        head = (
            f"POST /graphql HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        answer = json.loads(await _body(reader))
        if answer.get("errors"):
            raise RuntimeError(str(answer["errors"][0]))
        for payload in answer["data"].values():
            if isinstance(payload, dict) and payload.get("userErrors"):
                raise RuntimeError(str(payload["userErrors"]))
        data: dict[str, Any] = answer["data"]
        return data

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()


async def _body(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = head.split("content-length:")[1].split("\r\n")[0]
    return await reader.readexactly(int(length))


async def variants(url: str) -> list[str]:
    """What can be bought."""
    connection = Connection(url)
    found = await connection.ask(VARIANTS)
    connection.close()
    return [
        each["id"]
        for product in found["products"]["nodes"]
        for each in product["variants"]["nodes"]
    ]


async def buy(url: str, things: Sequence[str], *, at_once: int, orders: int) -> Done:
    """So many orders, by so many buyers at once."""
    done, numbers = Done(), iter(range(orders))

    async def buyer() -> None:
        connection = Connection(url)
        for number in numbers:
            await _checkout(connection, things[number % len(things)], done)
        connection.close()

    began = time.perf_counter()
    await asyncio.gather(*(buyer() for _ in range(at_once)))
    done.seconds = time.perf_counter() - began
    return done


async def _checkout(connection: Connection, thing: str, done: Done) -> None:
    moments = [time.perf_counter()]
    found = await connection.ask(CREATE, variant=thing)
    cart = found["cartCreate"]["cart"]["id"]
    moments.append(time.perf_counter())
    await connection.ask(ADDRESS, cart=cart)
    moments.append(time.perf_counter())
    found = await connection.ask(SHIPPING, cart=cart)
    quote = found["cartShippingSelect"]["cart"]["quoteHash"]
    moments.append(time.perf_counter())
    found = await connection.ask(COMPLETE, cart=cart, quote=quote)
    assert found["checkoutComplete"]["order"]["state"] == "CONFIRMED"
    moments.append(time.perf_counter())
    for name, began, ended in zip(STEPS, moments, moments[1:], strict=False):
        done.steps[name].append(ended - began)
    done.whole.append(moments[-1] - moments[0])
