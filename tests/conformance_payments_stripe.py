"""The conformance kit for Stripe, with localstripe in a process of its own as the company.

`mercat payments check payments_stripe` runs it in this repository. It isn't in the plugin's
package, as localstripe comes with `pip install 'mercat[dev]'` alone.
"""

import hashlib
import hmac
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import httpx
import orjson
import pytest

from mercat.payments import ActionRequired
from mercat.testing.payments import Act, Behaviour, Books, Company, Message, PaymentConformance
from mercat_payments_stripe.webhooks import HEADER, KINDS

from .charging import (
    AUTH,
    DECLINED,
    SDK_WARNING,
    SECRET_KEY,
    VISA,
    WEBHOOK_SECRET,
    Door,
    opened_door,
    running_localstripe,
    table,
)
from .stripe_account import Told

_ASKS_BUYER = "4000002760003184"  # 3-D Secure, https://docs.stripe.com/testing
_IBAN = "DE89370400440532013000"


pytestmark = SDK_WARNING


class _Stripe(Company):
    """localstripe behind its door; the shop's part of the dashboard is the account's API."""

    def __init__(self, door: Door, http: httpx.AsyncClient) -> None:
        self.door, self.account, self.http = door, door.account, http
        self.settings = table(door, timeout_seconds=1)
        self.account.secrets += [SECRET_KEY, WEBHOOK_SECRET, _ASKS_BUYER, _IBAN]
        self.secrets = self.account.secrets

    async def client_data(self, behaviour: Behaviour) -> Mapping[str, str]:
        if behaviour == "lost":
            self.door.lose("/v1/payment_intents")
        if behaviour == "decline":
            return {"payment_method": DECLINED}
        if behaviour == "three_d_secure":
            card = {"number": _ASKS_BUYER, "exp_month": "12", "exp_year": "2030", "cvc": "123"}
            return await self._method("card", card)
        if behaviour == "pending":
            return await self._method("sepa_debit", {"iban": _IBAN})
        return {"payment_method": VISA}

    async def act(self, action: ActionRequired, act: Act) -> Mapping[str, str]:
        """The buyer comes back with https://docs.stripe.com/payments/payment-intents/verifying-status."""
        secret = (await self.account.shown(action.ref))["client_secret"]
        back = {"payment_intent": action.ref, "payment_intent_client_secret": secret}
        if act == "abandon":
            self.account.aged.add(action.ref)
            return back
        given = {"client_secret": secret, "success": str(act == "approve").lower()}
        await self._post(f"/v1/payment_intents/{action.ref}/_authenticate", given)
        return {**back, "redirect_status": "succeeded" if act == "approve" else "failed"}

    async def claim(self, ref: str) -> Mapping[str, str]:
        secret = (await self.account.shown(ref))["client_secret"]
        return {**await super().claim(ref), "payment_intent_client_secret": secret}

    async def settle(self, ref: str) -> None:
        await self.account.settle(ref)

    async def lose_next(self) -> None:
        self.door.is_silent = True

    async def slow_next(self, seconds: float) -> None:
        self.door.slow_seconds = seconds

    async def refund(self, ref: str, minor: int) -> None:
        await self._post("/v1/refunds", {"payment_intent": ref, "amount": str(minor)})

    async def fail_refund(self, ref: str) -> None:
        mine = [each for each in await self.account.refunds() if each["payment_intent"] == ref]
        await self._post(f"/v1/refunds/{mine[-1]['id']}", {"status": "failed"})

    async def dispute(self, ref: str) -> None:
        await self.account.dispute(ref)

    async def books(self, ref: str | None = None) -> Books:
        intents = await self.account.intents() if ref is None else [await self.account.shown(ref)]
        names = {each["id"] for each in intents}
        refunds = [each for each in await self.account.refunds() if each["status"] == "succeeded"]
        disputes = self.account.disputes
        return Books(
            authorized=sum(each["amount_capturable"] for each in intents),
            captured=sum(each["amount_received"] for each in intents),
            refunded=sum(each["amount"] for each in refunds if each["payment_intent"] in names),
            disputed=sum(disputes[name]["amount"] for name in names & disputes.keys()),
            payments=len(intents),
        )

    async def messages(self) -> Sequence[Message]:
        """Those that docs/payments-stripe.md has the shop's owner choose."""
        news, self.account.news = self.account.news, []
        return [self._message(kind, told) for kind, told in news if kind in KINDS]

    def sign(
        self, raw: bytes, *, secret: str | None = None, age: timedelta = timedelta()
    ) -> Message:
        """https://docs.stripe.com/webhooks#verify-manually."""
        at = str(int(time.time() - age.total_seconds()))
        key = (secret or WEBHOOK_SECRET).encode()
        digest = hmac.new(key, at.encode() + b"." + raw, hashlib.sha256).hexdigest()
        return Message(raw, {HEADER: f"t={at},v1={digest}", "content-type": "application/json"})

    async def strange_messages(self) -> Sequence[Message]:
        given = {"amount": "1000", "currency": "eur", "payment_method": VISA, "confirm": "true"}
        foreign = (await self.http.post("/v1/payment_intents", data=given)).json()
        another = {**foreign, "metadata": {"mercat_shop": "another"}}
        own = next(each for each in await self.account.intents() if each["metadata"])
        return [
            self._message("payment_intent.succeeded", foreign),
            self._message("payment_intent.succeeded", another),
            self._message("payment_intent.renamed", own),
            self._message("invoice.paid", {"id": "in_1", "object": "invoice"}),
        ]

    def _message(self, kind: str, told: Told) -> Message:
        """https://docs.stripe.com/api/events/object."""
        event = {
            "id": f"evt_{secrets.token_hex(12)}",
            "object": "event",
            "created": int(time.time()),
            "data": {"object": told},
            "livemode": False,
            "type": kind,
        }
        return self.sign(orjson.dumps(event))

    async def _method(self, kind: str, given: Mapping[str, str]) -> Mapping[str, str]:
        """What Stripe.js gives the client."""
        data = {"type": kind, **{f"{kind}[{name}]": value for name, value in given.items()}}
        answer = await self.http.post("/v1/payment_methods", data=data)
        ref: str = answer.raise_for_status().json()["id"]
        self.account.secrets.append(ref)
        return {"payment_method": ref}

    async def _post(self, path: str, given: Mapping[str, str]) -> None:
        (await self.http.post(path, data=given)).raise_for_status()


class TestPaymentsStripe(PaymentConformance):
    plugin = "payments_stripe"

    @classmethod
    @asynccontextmanager
    async def company(cls) -> AsyncIterator[Company]:
        if find_spec("localstripe") is None:
            pytest.exit("the suite needs localstripe; pip install -e '.[dev]'", 1)
        with tempfile.TemporaryDirectory() as folder, running_localstripe(Path(folder)) as url:
            async with (
                opened_door(url) as door,
                httpx.AsyncClient(base_url=door.url, auth=AUTH) as http,
            ):
                yield _Stripe(door, http)
