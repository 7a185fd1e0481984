"""Examplepay's API, as the shop's payments ask it."""

import hashlib
import hmac
import json
import ssl
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx

from mercat import payments
from mercat.errors import ConflictError, InvalidError
from mercat.money import parse_amount
from mercat_examplepay.settings import ExamplepaySettings

_CURRENCIES = {"EUR", "JPY", "KWD"}
_TOLERANCE_SECONDS = 300
_TLS = ssl.create_default_context()  # takes long to make, and would hold up each call
_KINDS: Mapping[str, payments.EventKind] = {
    "reserved": "authorized",
    "released": "voided",
    "taken": "captured",
    "ended": "failed",
    "given_back": "refunded",
    "give_back_failed": "refund_failed",
    "disputed": "dispute_opened",
}


class Examplepay:
    code = "examplepay"
    capabilities = payments.Capabilities(
        manual_capture=True,
        partial_capture=True,
        multiple_captures=True,
        partial_refund=True,
        redirect=True,
        async_result=True,
    )

    def __init__(self, settings: ExamplepaySettings) -> None:
        self._settings = settings

    async def methods(self, question: payments.MethodQuestion) -> Sequence[payments.Method]:
        return [payments.Method("", "Examplepay")] if question.money.currency in _CURRENCIES else []

    async def start(self, request: payments.Start) -> payments.Outcome:
        if request.saved_method is not None or request.saves:
            raise payments.Unsupported("Examplepay keeps nothing of a buyer")
        body = {
            "amount": request.money.decimal,
            "currency": request.money.currency,
            "order": request.order_number,
            "return_url": request.return_url,
            "capture": request.captures,
            "token": request.data.get("token", ""),
        }
        return _outcome(await self._ask("POST", "payments", key=request.key, body=body))

    async def resume(self, request: payments.Resume) -> payments.Outcome:
        return _outcome(await self._ask("GET", "payments", request.ref))

    async def capture(self, request: payments.Operation) -> payments.Outcome:
        return await self._operate("captures", request)

    async def void(self, request: payments.Operation) -> payments.Outcome:
        return await self._operate("voids", request)

    async def refund(self, request: payments.Operation) -> payments.Outcome:
        return await self._operate("refunds", request)

    async def fetch(self, ref: str) -> Sequence[payments.Event]:
        payment = (await self._ask("GET", "payments", ref)).get("payment")
        return () if payment is None else _events(payment, payment["events"])

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Sequence[payments.Event]:
        """As Examplepay signs: HMAC-SHA-256 of the time in seconds, a dot and the body."""
        stamp, _, sign = headers.get("examplepay-sign", "").partition(" ")
        secret = self._settings.webhook_secret.get_secret_value().encode()
        wanted = hmac.new(secret, f"{stamp}.".encode() + raw, hashlib.sha256).hexdigest()
        is_signed = hmac.compare_digest(wanted.encode(), sign.encode())
        if not is_signed or abs(time.time() - int(stamp)) > _TOLERANCE_SECONDS:
            raise InvalidError("the message is not signed by Examplepay, or too old")
        message = json.loads(raw)
        is_own = message["merchant"] == self._settings.merchant
        return _events(message["payment"], message["events"]) if is_own else ()

    async def _operate(self, what: str, request: payments.Operation) -> payments.Outcome:
        body = {"amount": request.money.decimal, "final": request.is_last}
        answer = await self._ask("POST", "payments", request.ref, what, key=request.key, body=body)
        if "error" in answer:
            return payments.Declined(**answer["error"])
        events = _events(answer["payment"], answer["events"])
        return payments.Done(events[0].ref, events)

    async def _ask(self, verb: str, *path: str, key: str = "", body: Any = None) -> dict[str, Any]:
        """Raises OutcomeUnknown where there is no answer, ConflictError for a key of another's."""
        secret, seconds = self._settings.api_key.get_secret_value(), self._settings.timeout_seconds
        headers = {"authorization": f"Bearer {secret}", "idempotency-key": key}
        url = httpx.URL(self._settings.url).join("/".join(path))
        try:
            async with httpx.AsyncClient(verify=_TLS, timeout=seconds) as client:
                answer = await client.request(verb, url, json=body, headers=headers)
                found: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise payments.OutcomeUnknown(f"Examplepay: {type(error).__name__}") from None
        if answer.status_code == httpx.codes.CONFLICT:
            raise ConflictError("Examplepay has had this key with something else")
        if answer.is_server_error:
            raise payments.OutcomeUnknown(f"Examplepay answered {answer.status_code}")
        return found


def _outcome(answer: dict[str, Any]) -> payments.Outcome:
    if "error" in answer:
        return payments.Declined(**answer["error"])
    payment = answer["payment"]
    ref, events = payment["id"], _events(payment, payment["events"])
    if payment["state"] == "action":
        expires = datetime.fromisoformat(payment["expires"])
        return payments.ActionRequired(ref, expires, url=payment["url"], events=events)
    if payment["state"] == "pending":
        return payments.Pending(ref, events)
    if payment["state"] == "declined":
        return payments.Declined("declined", "Your wallet said no.", events, ref)
    return payments.Done(ref, events)


def _events(payment: dict[str, Any], told: list[dict[str, str]]) -> tuple[payments.Event, ...]:
    return tuple(
        payments.Event(
            id=each["id"],
            kind=_KINDS[each["kind"]],
            money=parse_amount(each["amount"], payment["currency"]),
            ref=each["about"],
            at=datetime.fromisoformat(each["at"]),
            parent_ref=payment["id"],
        )
        for each in told
        if each["kind"] in _KINDS
    )
