"""Outgoing webhooks: signed, once for each endpoint, again for three days, and no way inside."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId

from mercat import support
from mercat.context import SYSTEM, Context, Viewer
from mercat.engine import Engine
from mercat.ids import encode_id
from mercat.storage import Record, cancel, stored_now
from mercat_webhooks.endpoints import deliveries, endpoints
from mercat_webhooks.replaying import forget_old
from mercat_webhooks.sending import MOST_ATTEMPTS, PAUSES, queue_of

from .asking import answered, told
from .conftest import EngineFor, until
from .market import CARL
from .ticketing import opened

SHOP = """
[plugins]
enabled = ["auth", "tickets", "webhooks"]
[plugins.webhooks]
allow_private = true
timeout_seconds = 1
"""
BOSS = Viewer(role="ADMIN", user="boss", permissions=frozenset({"webhooks.manage"}))
SHOWN = """endpoint { id url events isEnabled disabledReason failingSince version
  deliveries(first: 100) { totalCount nodes { id messageId eventType state payload
    attempts { status error body } } } }"""


@dataclass
class Receiver:
    """A program elsewhere; `answer` says with which status and headers, or what else happens."""

    port: int = 0
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answer: Callable[[], str] = lambda: "HTTP/1.1 204 No Content\r\n\r\n"
    slow: float = 0.0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def types(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.got]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self.tasks.add(task)
        await asyncio.wait([task])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(reader, writer)
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = [line.partition(": ") for line in head.split("\r\n")[1:] if line]
            headers = {name.lower(): value for name, _, value in lines}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.got.append((headers, body))
            if self.slow:
                await asyncio.sleep(self.slow)
            writer.write(self.answer().encode())
            await writer.drain()


@contextlib.asynccontextmanager
async def receiving(**options: Any) -> AsyncIterator[Receiver]:
    found = Receiver(**options)
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    async with server:
        yield found
        await cancel(list(found.tasks))


@pytest.fixture(name="engine")
async def made(engine_for: EngineFor) -> Engine:
    return await engine_for(SHOP)


async def asked(engine: Engine, mutation: str, shown: str, /, **given: Any) -> Any:
    kind = f"{mutation[0].upper()}{mutation[1:]}Input"
    text = f"""mutation ($input: {kind}!) {{
      {mutation}(input: $input) {{ {shown} userErrors {{ code field message }} }} }}"""
    return (await told(engine, text, {"input": given}, viewer=BOSS))[mutation]


async def added(engine: Engine, url: str, *events: str) -> tuple[str, str]:
    """The id of a new endpoint, and its secret."""
    done = await asked(
        engine, "webhookEndpointCreate", "secret endpoint { id }", url=url, events=events or ["*"]
    )
    assert done["userErrors"] == []
    return done["endpoint"]["id"], done["secret"]


async def seen(engine: Engine, key: str) -> Any:
    shown = SHOWN.removeprefix("endpoint ")
    text = f"query ($id: ID!) {{ node(id: $id) {{ ... on WebhookEndpoint {shown} }} }}"
    return (await told(engine, text, {"id": key}, viewer=BOSS))["node"]


async def delivered(engine: Engine) -> None:
    while await engine.outbox.deliver_due():
        pass
    await queue_of(engine.context()).deliver_due()


async def later(engine: Engine, **more: Any) -> None:
    """Have all that waits be due."""
    changed = {"due_at": stored_now(), **more}
    await deliveries(engine.context()).update_many({"state": "WAITING"}, {"$set": changed})
    await delivered(engine)


def is_signed(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """As a receiver checks it."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    code = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return f"v1,{code}" in headers["webhook-signature"].split(" ")


async def test_an_event_is_posted_signed_to_each_who_wants_it(engine: Engine) -> None:
    async with receiving() as one, receiving() as two:
        key, secret = await added(engine, one.url, "ticket.opened")
        await added(engine, two.url, "ticket.closed", "order.placed")
        ticket = await opened(engine, CARL)
        await delivered(engine)
        assert (one.types, two.types) == (["ticket.opened"], [])
        ((headers, body),) = one.got
        assert is_signed(secret, headers, body)
        assert not is_signed(secret, headers, body + b" ")
        assert json.loads(body)["data"] == {"ticket": ticket["id"]}
        shown = await seen(engine, key)
        (delivery,) = shown["deliveries"]["nodes"]
        assert (delivery["state"], delivery["messageId"]) == ("DELIVERED", headers["webhook-id"])
        assert [attempt["status"] for attempt in delivery["attempts"]] == [204]
        stored = str(await endpoints(engine.context()).find().to_list())
        assert secret not in stored
        assert secret.removeprefix("whsec_") not in stored


async def test_an_event_told_twice_is_sent_once(engine: Engine) -> None:
    async with receiving() as one:
        await added(engine, one.url)
        context = Context(engine, SYSTEM, event="64b0000000000000000000e1")
        for _ in range(3):
            await engine.hooks.notify(support.ticket_closed, context, str(ObjectId()))
        await delivered(engine)
        assert len(one.got) == 1


async def test_what_fails_is_sent_again_with_the_same_id_until_it_is_taken(
    engine: Engine,
) -> None:
    answers = ["500 Oops", "302 Found\r\nLocation: http://127.0.0.1:1/", "503 Later", "200 OK"]
    left = iter(answers)
    reply = lambda: f"HTTP/1.1 {next(left)}\r\nContent-Length: 5\r\n\r\nhello"  # noqa: E731
    async with receiving(answer=reply) as one:
        key, _ = await added(engine, one.url, "ticket.opened")
        await opened(engine, CARL)
        await delivered(engine)
        assert (await seen(engine, key))["failingSince"] is not None
        await delivered(engine)
        assert len(one.got) == 1, "not before it is due"
        for _ in answers[1:]:
            await later(engine)
        (delivery,) = (await seen(engine, key))["deliveries"]["nodes"]
        assert [each["status"] for each in delivery["attempts"]] == [500, 302, 503, 200]
        assert {each["body"] for each in delivery["attempts"]} == {"hello"}
        assert delivery["state"] == "DELIVERED"
        assert len({headers["webhook-id"] for headers, _ in one.got}) == 1
        assert (await seen(engine, key))["failingSince"] is None


def test_pauses_grow_over_three_days() -> None:
    assert list(PAUSES) == sorted(PAUSES)
    assert timedelta(days=2, hours=22) < timedelta(seconds=sum(PAUSES)) < timedelta(days=3, hours=2)


async def test_what_nobody_takes_is_given_up_and_can_be_sent_again(engine: Engine) -> None:
    async with receiving(answer=lambda: "HTTP/1.1 500 Oops\r\n\r\n") as one:
        key, _ = await added(engine, one.url, "ticket.opened")
        await opened(engine, CARL)
        await delivered(engine)
        await later(engine, attempts=MOST_ATTEMPTS - 1)
        (delivery,) = (await seen(engine, key))["deliveries"]["nodes"]
        assert delivery["state"] == "DEAD"
        one.answer = lambda: "HTTP/1.1 200 OK\r\n\r\n"
        done = await asked(engine, "webhookEndpointReplay", "count", id=key)
        assert done == {"count": 1, "userErrors": []}
        await delivered(engine)
        again = await asked(
            engine, "webhookDeliveryReplay", "delivery { state }", id=delivery["id"]
        )
        assert again["delivery"] == {"state": "WAITING"}
        await delivered(engine)
        assert len(one.got) == 4
        assert len({headers["webhook-id"] for headers, _ in one.got}) == 1


async def test_an_endpoint_that_is_gone_or_fails_for_days_is_switched_off(engine: Engine) -> None:
    async with receiving(answer=lambda: "HTTP/1.1 410 Gone\r\n\r\n") as one:
        gone, _ = await added(engine, one.url, "ticket.opened")
        await opened(engine, CARL)
        await delivered(engine)
        shown = await seen(engine, gone)
        assert (shown["isEnabled"], shown["disabledReason"]) == (False, "it answered 410 Gone")
        await opened(engine, CARL)
        await delivered(engine)
        assert len(one.got) == 1
    async with receiving(answer=lambda: "HTTP/1.1 500 Oops\r\n\r\n") as two:
        key, _ = await added(engine, two.url, "ticket.opened")
        await opened(engine, CARL)
        await delivered(engine)
        long_ago = stored_now() - timedelta(days=6)
        await endpoints(engine.context()).update_many(
            {"is_enabled": True}, {"$set": {"failing_since": long_ago}}
        )
        await later(engine)
        shown = await seen(engine, key)
        assert shown["disabledReason"] == "nothing but failures for 5 days"
        two.answer = lambda: "HTTP/1.1 200 OK\r\n\r\n"
        await asked(engine, "webhookEndpointUpdate", "endpoint { id }", id=key, isEnabled=True)
        await later(engine)
        assert (await seen(engine, key))["deliveries"]["nodes"][0]["state"] == "DELIVERED"


async def test_a_replaced_secret_signs_too_for_a_day(engine: Engine) -> None:
    async with receiving() as one:
        key, old = await added(engine, one.url)
        done = await asked(engine, "webhookEndpointSecretRotate", "secret", id=key)
        await asked(engine, "webhookEndpointTest", "delivery { eventType }", id=key)
        await delivered(engine)
        (headers, body) = one.got[-1]
        assert is_signed(old, headers, body)
        assert is_signed(done["secret"], headers, body)
        await endpoints(engine.context()).update_many({}, {"$set": {"old_until": stored_now()}})
        await asked(engine, "webhookEndpointTest", "delivery { eventType }", id=key)
        await delivered(engine)
        (headers, body) = one.got[-1]
        assert not is_signed(old, headers, body)
        assert is_signed(done["secret"], headers, body)


async def test_one_who_is_slow_holds_up_nobody(engine: Engine) -> None:
    async with receiving(slow=5.0) as slow, receiving() as quick:
        first, _ = await added(engine, slow.url, "ticket.opened")
        await added(engine, quick.url, "ticket.opened")
        for _ in range(10):
            await opened(engine, CARL)
        while await engine.outbox.deliver_due():
            pass
        queue = queue_of(engine.context())
        queue.start()

        async def has_heard() -> bool:
            return len(quick.got) == 10

        await until(has_heard, 4)
        await queue.stop()
        tries: list[Record] = [
            attempt
            for one in (await seen(engine, first))["deliveries"]["nodes"]
            for attempt in one["attempts"]
        ]
        assert {one["error"] for one in tries} <= {"it took too long to answer"}


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://shop.example/hook", "by https alone"),
        ("ftp://shop.example/", "by https alone"),
        ("https://user:secret@shop.example/", "no URL"),
        ("https://shop.example/#x", "no URL"),
        ("https://sh\u00f6p.example/", "no URL"),
        ("https://x/" + "a" * 2_000_000, "no URL"),
        ("", "no URL"),
    ],
)
async def test_a_url_is_what_it_must_be(shared_engine_for: Any, url: str, problem: str) -> None:
    engine = await shared_engine_for(SHOP)
    done = await asked(
        engine, "webhookEndpointCreate", "secret endpoint { id }", url=url, events=["*"]
    )
    assert done["secret"] is None
    assert problem in done["userErrors"][0]["message"]
    for events in ([], ["order.eaten"], ["webhook.test"]):
        done = await asked(
            engine, "webhookEndpointCreate", "secret", url="https://x.example/", events=events
        )
        assert done["userErrors"][0]["field"] == ["input", "events"]


@pytest.mark.parametrize("host", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "[::1]"])
async def test_nothing_is_sent_to_where_only_the_shop_gets(
    engine_for: EngineFor, host: str
) -> None:
    engine = await engine_for(SHOP.replace("allow_private = true", "max_endpoints = 1"))
    key, _ = await added(engine, f"https://{host}/latest/meta-data")
    await asked(engine, "webhookEndpointTest", "delivery { id }", id=key)
    await delivered(engine)
    (delivery,) = (await seen(engine, key))["deliveries"]["nodes"]
    (attempt,) = delivery["attempts"]
    assert (attempt["status"], attempt["body"]) == (None, "")
    assert attempt["error"].endswith("is at an address that is not public")
    done = await asked(
        engine, "webhookEndpointCreate", "secret", url="https://x.example/", events=["*"]
    )
    assert done["userErrors"][0]["message"] == "there are 1 endpoints, which is the most"


async def test_only_who_may_sees_and_changes_them(engine: Engine) -> None:
    async with receiving() as one:
        key, _ = await added(engine, one.url)
        stranger = Viewer(role="SUPPORT", user="sam", permissions=frozenset({"orders.manage"}))
        text = f'{{ node(id: "{key}") {{ id }} }}'
        assert (await told(engine, text, viewer=stranger))["node"] is None
        refused = await answered(
            engine, "{ webhookEndpoints(first: 1) { nodes { id } } }", viewer=stranger
        )
        assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        done = await asked(engine, "webhookEndpointDelete", "endpoint { id }", id=key)
        assert done["userErrors"] == []
        done = await asked(engine, "webhookEndpointDelete", "endpoint { id }", id=key)
        assert done["userErrors"][0]["code"] == "NOT_FOUND"
        missing = encode_id("WebhookDelivery", "nothing")
        done = await asked(engine, "webhookDeliveryReplay", "delivery { id }", id=missing)
        assert done["userErrors"][0]["code"] == "NOT_FOUND"


async def test_what_was_sent_long_ago_is_forgotten(engine: Engine) -> None:
    async with receiving() as one:
        key, _ = await added(engine, one.url)
        for _ in range(2):
            await asked(engine, "webhookEndpointTest", "delivery { id }", id=key)
        await delivered(engine)
        (first, _) = await deliveries(engine.context()).find().to_list()
        long_ago = stored_now() - timedelta(days=31)
        await deliveries(engine.context()).update_one(
            {"_id": first["_id"]}, {"$set": {"created_at": long_ago}}
        )
        await forget_old(engine.context())
        assert (await seen(engine, key))["deliveries"]["totalCount"] == 1
