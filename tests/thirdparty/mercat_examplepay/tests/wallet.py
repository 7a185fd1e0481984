"""The company Examplepay as a shop sees it: its API with its books behind, and the buyer's page."""

import asyncio
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import parse_qs

import httpx
from litestar import Litestar, Request, Response, get, post
from litestar.params import PathParameter

MERCHANT = "shop-7"
API_KEY = "exk_live_5fQ2mW9cZr"
WEBHOOK_SECRET = "exw_8Lh3vT0pXa61"
TOKEN = "tok_71xKq0"
FOR_EVER = 3600
_DIGITS = {"EUR": 2, "JPY": 0, "KWD": 3}

Asked = Request[Any, Any, Any]
Ref = Annotated[str, PathParameter()]
What = Annotated[str, PathParameter()]
Answer = tuple[int, dict[str, Any]]


def in_minor(amount: str, currency: str) -> int:
    return int(Decimal(amount).scaleb(_DIGITS[currency]))


@dataclass
class Payment:
    """A payment in the company's books; sums are minor units."""

    amount: int
    currency: str
    captures: bool
    return_url: str | None
    id: str = field(default_factory=lambda: f"pay_{secrets.token_hex(8)}")
    state: str = "action"
    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    disputed: int = 0
    expires: datetime = field(default_factory=lambda: datetime.now(UTC) + timedelta(minutes=30))
    events: list[dict[str, str]] = field(default_factory=list)

    def note(self, kind: str, minor: int, about: str) -> dict[str, str]:
        event = {
            "id": f"{self.id}.{len(self.events) + 1}",
            "kind": kind,
            "amount": str(Decimal(minor).scaleb(-_DIGITS[self.currency])),
            "about": about,
            "at": datetime.now(UTC).isoformat(),
        }
        self.events.append(event)
        return event

    def approve(self) -> None:
        """Reserve the money, and take it where the shop wants that."""
        if self.state in {"action", "pending"}:
            self.state, self.authorized = "done", self.amount
            self.note("reserved", self.amount, self.id)
            if self.captures:
                self.captures_of(self.amount)

    def end(self) -> None:
        """End without money."""
        if self.state in {"action", "pending"}:
            self.state = "declined"
            self.note("ended", self.amount, self.id)

    def captures_of(self, minor: int, *, final: bool = False) -> list[dict[str, str]]:
        self.authorized -= minor
        self.captured += minor
        taken = self.note("taken", minor, f"cap_{secrets.token_hex(6)}")
        return [taken, *self.voids_of()] if final and self.authorized else [taken]

    def refunds_of(self, minor: int) -> list[dict[str, str]]:
        self.refunded += minor
        return [self.note("given_back", minor, f"ref_{secrets.token_hex(6)}")]

    def voids_of(self) -> list[dict[str, str]]:
        self.end()
        rest, self.authorized = self.authorized, 0
        return [self.note("released", rest, self.id)]

    def shown(self, url: str) -> dict[str, Any]:
        """The payment as the API shows it, after what happened by itself."""
        if self.state == "action" and self.expires <= datetime.now(UTC):
            self.end()
        return {
            "id": self.id,
            "state": self.state,
            "currency": self.currency,
            "expires": self.expires.isoformat(),
            "url": f"{url}pay/{self.id}",
            "events": list(self.events),
        }


class Wallet:
    """The company; `app` is its server. Used by the server's thread and by that of the tests.

    `loses` has the next answer never come, `slow_seconds` come later. `webhook` is where messages
    go when a buyer used the page.
    """

    def __init__(self) -> None:
        self.payments: dict[str, Payment] = {}
        self.loses = False
        self.slow_seconds = 0.0
        self.webhook: str | None = None
        self.lock = threading.Lock()
        self._answers: dict[str, tuple[Any, Answer]] = {}
        self._told: dict[str, int] = {}
        self.app = Litestar(self._routes(), openapi_config=None)

    # Messages

    def messages(self) -> list[tuple[bytes, dict[str, str]]]:
        """What was not sent yet, signed now."""
        found = []
        with self.lock:
            for payment in self.payments.values():
                new = payment.events[self._told.get(payment.id, 0) :]
                self._told[payment.id] = len(payment.events)
                found += [self.message(payment, event) for event in new]
        return found

    def message(
        self, payment: Payment, event: Mapping[str, str], merchant: str = MERCHANT
    ) -> tuple[bytes, dict[str, str]]:
        about = {"id": payment.id, "currency": payment.currency}
        raw = json.dumps({"merchant": merchant, "payment": about, "events": [event]}).encode()
        return raw, self.signed(raw)

    def signed(self, raw: bytes, secret: str = WEBHOOK_SECRET, age: float = 0) -> dict[str, str]:
        stamp = int(time.time() - age)
        signed = f"{stamp}.".encode() + raw
        sign = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        return {"examplepay-sign": f"{stamp} {sign}", "content-type": "application/json"}

    # The API

    def _routes(self) -> list[Any]:
        @post("/payments", status_code=200)
        async def start(request: Asked) -> Response[Any]:
            body = await request.json()
            return await self._answer(request, body, lambda: self._start(request, body))

        @get("/payments/{ref:str}")
        async def show(request: Asked, ref: Ref) -> Response[Any]:
            return await self._answer(request, None, lambda: self._show(request, ref))

        @post("/payments/{ref:str}/{what:str}", status_code=200)
        async def operate(request: Asked, ref: Ref, what: What) -> Response[Any]:
            body = {**await request.json(), "ref": ref, "what": what}
            return await self._answer(request, body, lambda: self._operate(request, body))

        @post("/pay/{ref:str}", status_code=303)
        async def press(request: Asked, ref: Ref) -> Response[str]:
            form = parse_qs((await request.body()).decode())
            with self.lock:
                payment = self.payments[ref]
                payment.approve() if form["do"] == ["approve"] else payment.end()
            await self._send()
            return Response("", status_code=303, headers={"location": payment.return_url or "/"})

        return [start, show, operate, press]

    async def _answer(self, request: Asked, body: Any, work: Callable[[], Answer]) -> Response[Any]:
        """What `work` answers, once for each key; as late as it is to be."""
        if request.headers.get("authorization") != f"Bearer {API_KEY}":
            return Response({"error": "who are you?"}, status_code=401)
        with self.lock:
            status, found = self._once(request.headers.get("idempotency-key", ""), body, work)
            seconds = FOR_EVER if self.loses else self.slow_seconds
            self.loses, self.slow_seconds = False, 0.0
        await asyncio.sleep(seconds)
        return Response(found, status_code=status)

    def _once(self, key: str, body: Any, work: Callable[[], Answer]) -> Answer:
        if not key:
            return work()
        before = self._answers.get(key)
        if before is None:
            before = self._answers[key] = (body, work())
        asked, answer = before
        return answer if asked == body else (409, {})

    def _start(self, request: Asked, body: dict[str, Any]) -> Answer:
        minor = in_minor(body["amount"], body["currency"])
        payment = Payment(minor, body["currency"], body["capture"], body["return_url"])
        self.payments[payment.id] = payment
        how = body["token"].removeprefix(f"{TOKEN}_")
        if how in {"approve", "lost"}:
            payment.approve()
        elif how == "decline":
            payment.end()
        elif how == "pending":
            payment.state = "pending"
        self.loses = self.loses or how == "lost"
        return 200, {"payment": payment.shown(str(request.base_url))}

    def _show(self, request: Asked, ref: str) -> Answer:
        payment = self.payments.get(ref)
        if payment is None:
            return 404, _error("unknown", "There is no such payment.")
        return 200, {"payment": payment.shown(str(request.base_url))}

    def _operate(self, request: Asked, body: dict[str, Any]) -> Answer:
        payment = self.payments.get(body["ref"])
        if payment is None:
            return 404, _error("unknown", "There is no such payment.")
        minor = in_minor(body["amount"], payment.currency)
        left = {
            "captures": payment.authorized,
            "refunds": payment.captured - payment.refunded,
            "voids": 0 if payment.captured and not payment.authorized else minor,
        }[body["what"]]
        if not 0 < minor <= left:
            return 422, _error("amount", "There is less than that.")
        if body["what"] == "captures":
            events = payment.captures_of(minor, final=body["final"])
        else:
            events = payment.refunds_of(minor) if body["what"] == "refunds" else payment.voids_of()
        return 200, {"payment": payment.shown(str(request.base_url)), "events": events}

    async def _send(self) -> None:
        """Send what there is to the shop, as the buyer of a page waits for."""
        if self.webhook is None:
            return
        async with httpx.AsyncClient() as client:
            for raw, headers in self.messages():
                answer = await client.post(self.webhook, content=raw, headers=headers)
                answer.raise_for_status()


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}
