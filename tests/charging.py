"""Stripe, for tests: localstripe in a process of its own, and a door before it.

localstripe (https://github.com/adrienverge/localstripe) simulates Stripe's API, but passes over
idempotency keys, and lacks more that Stripe documents. The door has those: the same key is answered
by what was answered before (https://docs.stripe.com/api/idempotent_requests); the account behind it
has the rest. It also loses replies when it is told to, after they were given.
"""

import asyncio
import contextlib
import os
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import orjson
import pytest
import uvicorn
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

from mercat.money import Amount
from mercat.payments import Start
from mercat_payments_stripe.provider import StripeProvider
from mercat_payments_stripe.settings import StripeSettings

from .stripe_account import Account, Answer

EUR = Amount(1250, "EUR")
SECRET_KEY = "sk_test_hush"
WEBHOOK_SECRET = "whsec_hush"
VISA = "pm_card_visa"
DECLINED = "pm_card_chargeCustomerFail"
SDK_WARNING = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
"""The SDK gives httpx its body by a name that httpx would rather not have."""
AUTH = (SECRET_KEY, "")


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a localstripe of this file's own."""
    with running_localstripe(tmp_path_factory.mktemp("localstripe")) as url:
        yield url


@pytest.fixture
async def stripe(upstream: str) -> AsyncIterator["Door"]:
    """A door before it, with nothing in it."""
    async with opened_door(upstream) as found:
        yield found


def table(stripe: "Door", **more: Any) -> dict[str, Any]:
    """The settings of a shop that finds Stripe at a door."""
    return {
        "secret_key": SECRET_KEY,
        "publishable_key": "pk_test_shown",
        "webhook_secrets": [WEBHOOK_SECRET],
        "api_url": stripe.url,
        "timeout_seconds": 2,
        **more,
    }


@contextlib.contextmanager
def running_localstripe(folder: Path) -> Iterator[str]:
    """The address of a localstripe that was started now."""
    log = folder / "localstripe.log"
    command = [sys.executable, "-m", "gunicorn", "localstripe.server:app", "--no-control-socket"]
    worker = ["--worker-class", "aiohttp.GunicornWebWorker", "--bind", "127.0.0.1:0"]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, *worker], stdout=output, stderr=output, cwd=folder, env=_environment()
        )
    try:
        yield _address(process, log)
    finally:
        process.terminate()
        process.wait(15)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def _address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    """Where it listens, once it answers."""
    for _ in range(200):
        found = re.search(r"Listening at: (\S+)", log.read_text())
        if found and "Booting worker" in log.read_text():
            httpx.get(f"{found[1]}/v1/refunds", auth=AUTH, timeout=15).raise_for_status()
            return found[1]
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
            break
    raise AssertionError(f"localstripe ended:\n{log.read_text()}")


@dataclass(frozen=True)
class Asked:
    """A request that came to the door; `is_new` is one that localstripe got."""

    path: str
    params: dict[str, str]
    key: str | None
    is_new: bool


@dataclass
class Door:
    """`url` is where the shop finds Stripe; what it asked is in `asked`.

    The next request that makes something, or asks about a payment, is answered so much later, or
    never where the door `is_silent`; it has its effect.
    """

    upstream: str
    http: httpx.AsyncClient
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    saved: dict[str, tuple[str, dict[str, str], Answer]] = field(default_factory=dict)
    busy: set[str | None] = field(default_factory=set)
    losing: list[str] = field(default_factory=list)
    breaking: list[str] = field(default_factory=list)
    answering: list[Answer] = field(default_factory=list)
    canned: list[bytes] = field(default_factory=list)
    on_loss: Callable[[], None] = lambda: None
    slow_seconds: float = 0.0
    is_silent: bool = False

    def __post_init__(self) -> None:
        self.account = Account(self.http)

    def lose(self, path: str) -> None:
        """Lose the next reply to a POST of this path, after it had its effect."""
        self.losing.append(path)

    def fail(self, path: str) -> None:
        """Answer the next POST of this path, and all with its key, by 500, after it was done."""
        self.breaking.append(path)

    def made(self, path: str) -> list[dict[str, str]]:
        """What localstripe was asked to make at a path."""
        return [each.params for each in self.asked if each.path == path and each.is_new]

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        assert scope["type"] == "http"
        raw, more = b"", True
        while more:
            event: Any = await receive()
            raw, more = raw + event.get("body", b""), event.get("more_body", False)
        path, is_post = scope["path"], scope["method"] == "POST"
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        query = dict(parse_qsl((raw or scope["query_string"]).decode()))
        key = headers.get("idempotency-key") if is_post else None
        status, body = await self._answer(scope["method"], path, query, key)
        if is_post or path.startswith("/v1/payment_intents/"):
            seconds, self.slow_seconds = self.slow_seconds, 0.0
            await asyncio.sleep(seconds)
            if self.is_silent:
                self.is_silent = False
                await receive()  # until the shop has given up
                return
        is_lost = is_post and path in self.losing
        if is_lost:
            self.losing.remove(path)
            self.on_loss()
        length = str(len(body) + is_lost).encode()  # one more than comes: the connection is cut
        start: Any = {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-length", length)],
        }
        await send(start)
        if not is_lost:
            await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _answer(
        self, method: str, path: str, params: dict[str, str], key: str | None
    ) -> Answer:
        if key is not None and key in self.saved:
            before, given, answer = self.saved[key]
            self.asked.append(Asked(path, params, key, is_new=False))
            return answer if (before, given) == (path, params) else _other_parameters()
        if key in self.busy:
            return _in_use()
        if method == "POST" and self.answering:
            return self.answering.pop(0)
        self.asked.append(Asked(path, params, key, is_new=method == "POST"))
        self.busy |= {key} - {None}
        answer = await self._forwarded(method, path, params)
        self.busy -= {key}
        if method == "POST" and path in self.breaking:
            self.breaking.remove(path)
            answer = 500, b'{"error": {"type": "api_error", "message": "hush"}}'
        if key is not None and answer[0] != 400:
            self.saved[key] = (path, params, answer)
        return answer

    async def _forwarded(self, method: str, path: str, params: dict[str, str]) -> Answer:
        if method == "GET" and self.canned:
            return 200, self.canned.pop(0)
        return await self.account.answer(method, path, params)


def _in_use() -> Answer:
    error = {"type": "idempotency_error", "code": "idempotency_key_in_use", "message": "In use."}
    return 409, orjson.dumps({"error": error})


def _other_parameters() -> Answer:
    words = "Keys for idempotent requests can only be used with the same parameters."
    return 400, orjson.dumps({"error": {"type": "idempotency_error", "message": words}})


@contextlib.asynccontextmanager
async def opened_door(upstream: str) -> AsyncIterator[Door]:
    """A door before a localstripe, with nothing in that."""
    async with httpx.AsyncClient(base_url=upstream, auth=AUTH) as http:
        (await http.delete("/_config/data")).raise_for_status()
        found = Door(upstream, http)
        config = uvicorn.Config(found, log_level="critical", lifespan="off")
        server = uvicorn.Server(config)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            found.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            found.account.page = found.url
            serving = asyncio.create_task(server._serve([listening]))
            yield found
            server.should_exit = True
            await serving


async def card(found: Door, number: str) -> str:
    """What Stripe.js gives the client for a card."""
    given = {"type": "card", "card[number]": number, "card[cvc]": "123"}
    given |= {"card[exp_month]": "12", "card[exp_year]": "2030"}
    answer = await found.http.post("/v1/payment_methods", data=given)
    answer.raise_for_status()
    return str(answer.json()["id"])


async def authenticate(found: Door, ref: str, *, success: bool = True) -> None:
    """What the buyer of a PaymentIntent does in the dialogue of 3-D Secure."""
    secret = (await found.account.shown(ref))["client_secret"]
    answer = await found.http.post(
        f"/v1/payment_intents/{ref}/_authenticate",
        data={"client_secret": secret, "success": str(success).lower()},
    )
    answer.raise_for_status()


async def send_messages(found: Door, url: str) -> None:
    """Have localstripe send signed messages to an address, from now on."""
    given = {"url": url, "secret": WEBHOOK_SECRET}
    (await found.http.post("/_config/webhooks/shop", json=given)).raise_for_status()


async def stop_messages(found: Door) -> None:
    """Have them go nowhere; localstripe can't forget an address."""
    given = {"url": "http://127.0.0.1:9", "secret": WEBHOOK_SECRET, "events": ["none"]}
    (await found.http.post("/_config/webhooks/shop", json=given)).raise_for_status()


@pytest.fixture
async def provider(stripe: Door) -> AsyncIterator[StripeProvider]:
    found = StripeProvider(StripeSettings.model_validate(table(stripe)))
    yield found
    await found.close()


def start(key: str = "start:1", money: Amount = EUR, **more: Any) -> Start:
    data = {} if (method := more.pop("paid_with", VISA)) is None else {"payment_method": method}
    return Start(key, money, "", "N1", data=data, **more)
