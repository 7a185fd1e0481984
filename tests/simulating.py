"""A shop whose orders the simulated company has paid, and buyers who do it over HTTP."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
from bson import ObjectId

from mercat.app import create_app
from mercat.engine import Engine
from mercat.storage import Record
from mercat_orders.checkout.reconciling import reconcile
from mercat_orders.orders.access import orders
from mercat_payments_sandbox import company
from mercat_payments_sandbox.books import Clock
from mercat_payments_sandbox.sending import come_due

from .buying import request
from .market import TOML as MARKET
from .ordering import left

SECRET = "what messages are signed with"
TOML = (
    MARKET.replace('"orders"]', '"orders", "payments", "payments_manual", "payments_sandbox"]')
    + "[plugins.payments_manual.on_delivery]\n"
)
TABLE = {"payments_sandbox": {"webhook_secret": SECRET}}
BACK = "https://store.example/back?cart=7"


def client_of(engine: Engine) -> httpx.AsyncClient:
    """A client of an engine's application."""
    transport = httpx.ASGITransport(cast("Any", create_app(engine)))
    return httpx.AsyncClient(transport=transport, base_url="http://shop.test")


@dataclass
class Buyer:
    """Somebody who orders one thing, and comes back with the same key."""

    http: httpx.AsyncClient
    thing: ObjectId
    method: str = "sandbox:card"
    return_url: str | None = BACK
    data: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)

    async def completes(self, **data: str) -> dict[str, Any]:
        """The payload of `checkoutComplete`, again with the same key if it was asked before."""
        self.body = self.body or request(self.thing, self.method)
        given = self.body["variables"]["input"]
        if self.return_url is not None:
            given["returnUrl"] = self.return_url
        given["paymentData"] = [{"name": k, "value": v} for k, v in (data or self.data).items()]
        answer = (await self.http.post("/graphql", json=self.body)).json()
        assert "errors" not in answer, answer["errors"]
        found: dict[str, Any] = answer["data"]["checkoutComplete"]
        return found

    async def begins(self) -> str:
        """The path of the page that the buyer is sent to."""
        payload = await self.completes()
        assert payload["order"] is None, payload
        assert payload["action"]["kind"] == "REDIRECT"
        path: str = urlsplit(payload["action"]["url"]).path
        return path

    async def state(self) -> str | None:
        """The order's state after coming back; the error's code where there is none."""
        payload = await self.completes()
        if payload["userErrors"]:
            return str(payload["userErrors"][0]["code"])
        return payload["order"] and str(payload["order"]["state"])


async def press(
    http: httpx.AsyncClient, page: str, do: str, messages: str = "at_once", **more: str
) -> httpx.Response:
    """What comes of a button of a page."""
    return await http.post(page, data={"do": do, "messages": messages, **more})


def heading(answer: httpx.Response) -> str:
    found = re.search(r"<h1>(.*?)</h1>", answer.text)
    assert found is not None, answer.text
    return found[1]


async def payment(engine: Engine) -> Record:
    """What the company knows of the only payment."""
    (found,) = await engine.storage.database["sandbox_payments"].find().to_list()
    return dict(found)


async def order(engine: Engine) -> Record:
    """The only order."""
    (found,) = await orders(engine.context()).find().to_list()
    return found


async def books(engine: Engine) -> tuple[int, int, int]:
    """What the shop's ledger says was authorized, captured and refunded."""
    (found,) = await engine.storage.database["payments"].find().to_list()
    return found["authorized"], found["captured"], found["refunded"]


async def pass_seconds(engine: Engine, seconds: float) -> None:
    """Let time pass at the company, and have happen what is due then."""
    gone = timedelta(seconds=seconds)

    def work(record: Record, _: Clock) -> None:
        for name in ("expires_at", "settles_at"):
            record[name] = record[name] and record[name] - gone
        for message in record["messages"]:
            message["due_at"] -= gone

    for found in await engine.storage.database["sandbox_payments"].find().to_list():
        await company.changed(engine.context(), found["_id"], work)
    await come_due(engine.context())


async def deliver(engine: Engine) -> None:
    """Have everything that waits in the outbox delivered, and what follows of it."""
    for _ in range(4):
        await engine.storage.database["outbox"].update_many(
            {"given_up_at": None}, [{"$set": {"due_at": "$$NOW"}}]
        )
        await engine.outbox.deliver_due()


async def job_runs(engine: Engine) -> None:
    """Have the shop's job look after checkouts that were left."""
    await left(engine)
    await reconcile(engine.context())
    await deliver(engine)
