"""An account at a simulated Stripe: localstripe's, with what Stripe documents and that lacks.

localstripe refuses less, has no disputes, doesn't tell of all that happens, and leaves fields out.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson

Answer = tuple[int, bytes]
Told = dict[str, Any]

ALL = {"limit": 100_000}
DAY = 86_400
_WAIT_SECONDS = 0.05
_MOST_WAITS = 200
_PASSED_OVER = {"automatic_payment_methods", "return_url", "setup_future_usage", "expand"}
_GONE = {"failed", "canceled"}
_KINDS = {
    "requires_action": "payment_intent.requires_action",
    "processing": "payment_intent.processing",
    "requires_capture": "payment_intent.amount_capturable_updated",
    "succeeded": "payment_intent.succeeded",
    "canceled": "payment_intent.canceled",
}


@dataclass
class Account:
    """`news` is what its webhooks tell: a kind, and the object as it was then.

    PaymentIntents in `aged` are a day old. Debits in `processing` take until they are settled.
    `secrets` are the PaymentIntents' own, which are for their buyers.
    """

    http: httpx.AsyncClient
    page: str = ""
    news: list[tuple[str, Told]] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    aged: set[str] = field(default_factory=set)
    processing: set[str] = field(default_factory=set)
    disputes: dict[str, Told] = field(default_factory=dict)
    taken: dict[str, int] = field(default_factory=dict)
    _backs: dict[str, str] = field(default_factory=dict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def answer(self, method: str, path: str, params: Mapping[str, str]) -> Answer:
        """What Stripe answers to a request."""
        if path == "/v1/payment_intents/search":
            return 200, await self._search(params["query"])
        if path == "/v1/disputes":
            found = self.disputes.get(params["payment_intent"])
            return 200, _listed([] if found is None else [found])
        if method != "POST":
            return await self._asked(method, path, params)
        async with self._turn:
            return await self._refusal(path, params) or await self._made(path, params)

    async def shown(self, ref: str) -> Told:
        """A PaymentIntent, with its charge."""
        found: Told = (await self.http.get(f"/v1/payment_intents/{ref}")).json()
        return self.complete(found)

    async def intents(self) -> list[Told]:
        found = (await self.http.get("/v1/payment_intents", params=ALL)).json()["data"]
        return [self.complete(each) for each in found]

    async def refunds(self) -> list[Told]:
        """All of payments; of reservations that were let go in part localstripe has some too."""
        found = (await self.http.get("/v1/refunds", params=ALL)).json()["data"]
        return [each for each in found if each["payment_intent"] is not None]

    async def settle(self, ref: str) -> None:
        """Take a debit, which lasts half a second at localstripe's."""
        for _ in range(_MOST_WAITS):
            if (await self.shown(ref))["latest_charge"]["balance_transaction"] is not None:
                break
            await asyncio.sleep(_WAIT_SECONDS)
        self.processing.discard(ref)
        self.news.append((_KINDS["succeeded"], _plain(await self.shown(ref))))

    async def dispute(self, ref: str) -> None:
        """https://docs.stripe.com/api/disputes/object."""
        intent = await self.shown(ref)
        found = {
            "id": f"du_{ref.removeprefix('pi_')}",
            "object": "dispute",
            "amount": intent["amount_received"],
            "charge": intent["latest_charge"]["id"],
            "created": intent["created"],
            "currency": intent["currency"],
            "metadata": {},
            "payment_intent": ref,
            "reason": "fraudulent",
            "status": "needs_response",
        }
        self.disputes[ref] = found
        for kind in ("charge.dispute.created", "charge.dispute.funds_withdrawn"):
            self.news.append((kind, found))

    def complete(self, intent: Told) -> Told:
        """The same PaymentIntent with the fields that localstripe's lacks; its charge expanded."""
        ref, charge = intent["id"], intent["latest_charge"]
        if charge is not None and charge["captured"] and charge["status"] == "succeeded":
            self.processing |= {ref} if charge["balance_transaction"] is None else set()
        if ref in self.processing:
            intent["status"] = "processing"
        if ref in self.aged:
            intent["created"] -= DAY
        amount, status = intent["amount"], intent["status"]
        intent["amount_received"] = self.taken.get(ref, amount) if status == "succeeded" else 0
        intent["amount_capturable"] = amount if status == "requires_capture" else 0
        if status == "requires_action" and ref in self._backs:
            there = {"url": f"{self.page}/authenticate/{ref}", "return_url": self._backs[ref]}
            intent["next_action"] = {"type": "redirect_to_url", "redirect_to_url": there}
        if charge is not None:
            self._complete_charge(intent, charge)
        return intent

    def _complete_charge(self, intent: Told, charge: Told) -> None:
        """A charge has a copy of its PaymentIntent's metadata, and is refunded where that is void.

        https://docs.stripe.com/api/charges/object, https://docs.stripe.com/metadata.
        """
        charge["metadata"] = intent["metadata"]
        charge["amount_captured"] = intent["amount_received"]
        charge["disputed"] = intent["id"] in self.disputes
        if intent["status"] == "processing":
            charge["status"] = "pending"
        if intent["status"] == "canceled" and charge["status"] == "succeeded":
            charge |= {"refunded": True, "amount_refunded": charge["amount"]}

    async def _asked(self, method: str, path: str, params: Mapping[str, str]) -> Answer:
        found = await self.http.request(method, path, params=_known(params))
        if path == "/v1/refunds" and found.status_code == 500:
            return 200, _listed([])  # localstripe fails where there is no charge
        return self._told(found, params)

    async def _made(self, path: str, params: Mapping[str, str]) -> Answer:
        given = _known(params)
        if path.endswith("/confirm") and "payment_intents" in path and "payment_method" in given:
            paid_with = {"payment_method": given.pop("payment_method")}
            await self.http.post(path.removesuffix("/confirm"), data=paid_with)
        found = await self.http.post(path, data=given)
        if found.status_code == 402:
            return await self._declined(found)
        if found.status_code == 200:
            await self._note(path, params, found.json())
        return self._told(found, params)

    def _told(self, found: httpx.Response, params: Mapping[str, str]) -> Answer:
        if found.status_code != 200 or found.json()["object"] != "payment_intent":
            return found.status_code, found.content
        intent = self.complete(found.json())
        is_expanded = "latest_charge" in params.values()
        return 200, orjson.dumps(intent if is_expanded else _plain(intent))

    async def _declined(self, found: httpx.Response) -> Answer:
        """A card's error has its PaymentIntent: https://docs.stripe.com/api/errors."""
        error = {**found.json()["error"], "type": "card_error"}
        if charge := error.get("charge"):
            ref = (await self.http.get(f"/v1/charges/{charge}")).json()["payment_intent"]
            error["payment_intent"] = _plain(await self.shown(ref))
            self.news.append(("payment_intent.payment_failed", error["payment_intent"]))
        return 402, orjson.dumps({"error": error})

    async def _note(self, path: str, params: Mapping[str, str], told: Told) -> None:
        """Remember what comes of a request, and what Stripe tells of it."""
        ref = str(told.get("id"))
        if path.endswith("/capture"):
            self.taken[ref] = int(params.get("amount_to_capture", told["amount"]))
        if "return_url" in params:
            self._backs[ref] = params["return_url"]
        if path == "/v1/payment_intents":
            self.secrets.append(told["client_secret"])
        if path.startswith("/v1/setup_intents") and told["status"] == "succeeded":
            given = {"customer": told["customer"]}
            await self.http.post(f"/v1/payment_methods/{told['payment_method']}/attach", data=given)
        if told["object"] == "refund":
            intent = await self.shown(told["payment_intent"])
            self.news += _news_of_refund(told, intent["latest_charge"])
        if told["object"] == "payment_intent":
            self.news += _news_of_intent(path, self.complete(told))

    async def _refusal(self, path: str, params: Mapping[str, str]) -> Answer | None:
        """What localstripe would do, and Stripe doesn't: https://docs.stripe.com/error-codes."""
        is_refund, is_capture = path == "/v1/refunds", path.endswith("/capture")
        if not is_refund and not is_capture:
            return None
        ref = params["payment_intent"] if is_refund else path.split("/")[-2]
        if (await self.http.get(f"/v1/payment_intents/{ref}")).status_code != 200:
            return None  # it says so itself
        intent = await self.shown(ref)
        if is_capture:
            is_held = intent["status"] == "requires_capture"
            return None if is_held else _refused("payment_intent_unexpected_state")
        mine = [each for each in await self.refunds() if each["payment_intent"] == intent["id"]]
        gone = sum(each["amount"] for each in mine if each["status"] not in _GONE)
        left = intent["amount_received"] - gone
        if int(params["amount"]) <= left:
            return None
        return _refused("charge_already_refunded" if gone and not left else None)

    async def _search(self, query: str) -> bytes:
        """https://docs.stripe.com/search#search-query-language, of which one clause is known."""
        asked = re.fullmatch(r'metadata\["(\w+)"\]:"([^"]+)"', query)
        assert asked is not None, query
        rows = await self.intents()
        found = [_plain(row) for row in rows if row["metadata"].get(asked[1]) == asked[2]]
        return orjson.dumps({"object": "search_result", "data": found, "has_more": False})


def _known(params: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in params.items() if name.split("[")[0] not in _PASSED_OVER}


def _plain(intent: Told) -> Told:
    """A PaymentIntent whose charge is not expanded."""
    charge = intent["latest_charge"]
    return {**intent, "latest_charge": None if charge is None else charge["id"]}


def _listed(rows: list[Told]) -> bytes:
    return orjson.dumps({"object": "list", "data": rows, "has_more": False})


def _refused(code: str | None) -> Answer:
    error = {"type": "invalid_request_error", "code": code, "message": "That can't be done."}
    return 400, orjson.dumps({"error": error})


def _news_of_intent(path: str, intent: Told) -> Iterator[tuple[str, Told]]:
    """https://docs.stripe.com/api/events/types."""
    status, charge = intent["status"], intent["latest_charge"]
    if path.endswith("/capture"):
        yield "charge.captured", charge
    if status == "canceled" and charge is not None and charge["refunded"]:
        yield "charge.refunded", charge
    if path.endswith("/_authenticate") and status == "requires_payment_method":
        yield "payment_intent.payment_failed", _plain(intent)
    if status in _KINDS:
        yield _KINDS[status], _plain(intent)


def _news_of_refund(refund: Told, charge: Told) -> Iterator[tuple[str, Told]]:
    if refund["status"] in _GONE:
        for kind in ("refund.updated", "refund.failed", "charge.refund.updated"):
            yield kind, refund
        return
    yield "refund.created", refund
    yield "charge.refunded", charge
