"""PaymentIntents, as a shop's payments: https://docs.stripe.com/payments/payment-intents."""

import json
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from stripe import StripeObject

from mercat.errors import ConflictError, InvalidError
from mercat.payments import (
    Capabilities,
    Declined,
    Done,
    Event,
    Method,
    MethodQuestion,
    Operation,
    Outcome,
    Pending,
    Resume,
    Start,
)
from mercat_payments_stripe import webhooks
from mercat_payments_stripe.actions import action_of
from mercat_payments_stripe.amounts import amount_of, stripe_amount
from mercat_payments_stripe.api import FailedError, RefusedError, StripeApi
from mercat_payments_stripe.facts import (
    KEY,
    ORDER,
    RETURN_URL,
    SHOP,
    Told,
    dispute_events,
    intent_events,
    mark_of,
    refund_events,
)
from mercat_payments_stripe.settings import StripeSettings
from mercat_payments_stripe.vault import StripeVault

_MOST = 100
_EXPANDED = ["latest_charge"]
_LONGEST_VALUE = 500


class StripeProvider(StripeVault):
    """Stripe, with one account; `close` lets go of its connections."""

    code = "stripe"
    capabilities = Capabilities(
        manual_capture=True,
        partial_capture=True,
        partial_refund=True,
        redirect=True,
        async_result=True,
        saved_methods=True,
        key_hours=24,  # https://docs.stripe.com/api/idempotent_requests
    )

    def __init__(self, settings: StripeSettings) -> None:
        super().__init__(StripeApi(settings), settings)

    async def close(self) -> None:
        await self._api.close()

    async def methods(self, question: MethodQuestion) -> Sequence[Method]:
        currencies, countries = self._settings.currencies, self._settings.countries
        if currencies and question.money.currency not in currencies:
            return []
        if countries and question.country is not None and question.country not in countries:
            return []
        return [Method("", self._settings.name, self._settings.description)]

    async def start(self, request: Start) -> Outcome:
        try:
            params = self._asked_for(request)
        except InvalidError as error:
            return Declined("amount", str(error))
        call = self._api.v1.payment_intents.create_async(params, {"idempotency_key": request.key})
        try:
            return self._outcome(await self._api.ask(call))
        except RefusedError as error:
            return Declined(error.code, error.message, ref=error.ref)
        except FailedError:
            return self._outcome(await self._begun(request.key))

    async def resume(self, request: Resume) -> Outcome:
        """What became of it; another card of the client's is tried where it can be."""
        try:
            intent = await self._found(request.ref)
        except RefusedError as error:
            return Declined(error.code, error.message, ref=request.ref)
        if mark_of(intent) != self._settings.shop:
            return Declined("unknown", "There is no such payment.")
        if _can_be_confirmed(intent, request.data):
            intent = await self._confirmed(intent, request.data)
        return self._outcome(intent)

    async def capture(self, request: Operation) -> Outcome:
        """Take some or all of it, once; Stripe lets the rest go."""
        try:
            params: Any = {"amount_to_capture": stripe_amount(request.money), "expand": _EXPANDED}
            call = self._api.v1.payment_intents.capture_async(
                request.ref, params, {"idempotency_key": request.key}
            )
            return self._outcome(await self._changed(request.ref, call, "succeeded"))
        except InvalidError as error:
            return Declined("amount", str(error))
        except RefusedError as error:
            return Declined(error.code, error.message)

    async def void(self, request: Operation) -> Outcome:
        """Cancel it, be it reserved or still to be paid; one that is cancelled already is done."""
        call = self._api.v1.payment_intents.cancel_async(
            request.ref, {"expand": _EXPANDED}, {"idempotency_key": request.key}
        )
        try:
            intent = await self._changed(request.ref, call, "canceled")
        except RefusedError as error:
            return await self._not_voided(request.ref, error)
        return Done(intent["id"], tuple(intent_events(intent)))

    async def refund(self, request: Operation) -> Outcome:
        try:
            found = await self._refund_of(request) or await self._refunded(request)
        except InvalidError as error:
            return Declined("amount", str(error))
        except RefusedError as error:
            return Declined(error.code, error.message)
        events = tuple(refund_events(found))
        if found["status"] == "succeeded":
            return Done(found["id"], events)
        if found["status"] in {"failed", "canceled"}:
            return Declined("refund_failed", "The refund failed.", events, found["id"])
        return Pending(found["id"], events)

    async def fetch(self, ref: str) -> Sequence[Event]:
        try:
            intent = await self._found(ref)
        except RefusedError:
            return ()
        if mark_of(intent) != self._settings.shop:
            return ()
        events = list(intent_events(intent))
        charge = intent.get("latest_charge")
        if intent["status"] == "succeeded" and charge is not None:
            for refund in await self._refunds(ref):
                events.extend(refund_events(refund))
            if charge.get("disputed"):
                for dispute in await self._disputes(ref):
                    events.extend(dispute_events(dispute))
        return events

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Sequence[Event]:
        return webhooks.read(self._settings, raw, headers)

    def _asked_for(self, request: Start) -> Any:
        """The parameters of a PaymentIntent. Raises InvalidError for a sum that can't be."""
        params: dict[str, Any] = {
            "amount": stripe_amount(request.money),
            "currency": request.money.currency.lower(),
            "capture_method": "automatic" if request.captures else "manual",
            "metadata": self._metadata(request.key, request.order_number, request.return_url),
        }
        method = request.saved_method or request.data.get("payment_method")
        params |= self._types(request, is_confirmed=method is not None)
        if request.customer is not None:
            params["customer"] = request.customer
            if request.saves:
                params["setup_future_usage"] = "on_session"
        if method is not None:
            params |= {"payment_method": method, "confirm": True, "expand": _EXPANDED}
            if request.return_url is not None:
                params["return_url"] = request.return_url
        return params

    def _types(self, request: Start, *, is_confirmed: bool) -> dict[str, Any]:
        """The ways to pay; those that lead elsewhere need an address to come back to."""
        if self._settings.payment_method_types:
            return {"payment_method_types": list(self._settings.payment_method_types)}
        types: dict[str, Any] = {"enabled": True}
        if is_confirmed and request.return_url is None:
            types["allow_redirects"] = "never"
        return {"automatic_payment_methods": types}

    def _metadata(self, key: str, number: str = "", back: str | None = None) -> dict[str, str]:
        """What an object is marked with; values are 500 characters long at most."""
        found = {SHOP: self._settings.shop, KEY: key, ORDER: number, RETURN_URL: back or ""}
        return {name: value for name, value in found.items() if 0 < len(value) <= _LONGEST_VALUE}

    def _outcome(self, intent: Told) -> Outcome:
        """Where a PaymentIntent stands: https://docs.stripe.com/payments/paymentintents/lifecycle."""
        ref, events = intent["id"], tuple(intent_events(intent))
        if intent["status"] in {"succeeded", "requires_capture"}:
            return Done(ref, events)
        if intent["status"] == "processing":
            return Pending(ref, events, "Your payment is being processed.")
        if intent["status"] == "canceled":
            return Declined("canceled", "This payment was cancelled.", events, ref)
        return action_of(intent, self._settings)

    async def _found(self, ref: str) -> Told:
        call = self._api.v1.payment_intents.retrieve_async(ref, {"expand": _EXPANDED})
        return await self._api.ask(call)

    async def _begun(self, key: str) -> Told:
        """The payment of a key that Stripe failed at, once it finds it, which may take a minute.

        Raises FailedError until then: https://docs.stripe.com/search#data-freshness.
        """
        call = self._api.v1.payment_intents.search_async(
            {"query": f'metadata["{KEY}"]:{json.dumps(key)}'}
        )
        try:
            found = (await self._api.ask(call))["data"]
        except RefusedError:  # not every country's accounts can search
            found = []
        mine = next((each for each in found if mark_of(each) == self._settings.shop), None)
        if mine is None:
            raise FailedError("nothing is found of it yet")
        return await self._found(mine["id"])

    async def _changed(self, ref: str, call: Awaitable[StripeObject], wanted: str) -> Told:
        """The intent after a call; after one that Stripe failed at where it came to be `wanted`."""
        try:
            return await self._api.ask(call)
        except FailedError:
            intent = await self._found(ref)
            if intent["status"] != wanted:
                raise
            return intent

    async def _not_voided(self, ref: str, refusal: RefusedError) -> Outcome:
        try:
            intent = await self._found(ref)
        except RefusedError as error:
            return Declined(error.code, error.message)
        events = tuple(intent_events(intent))
        if intent["status"] == "canceled":
            return Done(ref, events)
        return Declined(refusal.code, refusal.message, events)

    async def _confirmed(self, intent: Told, data: Mapping[str, str]) -> Told:
        """The intent after trying to confirm it.

        A PaymentIntent pays once at most, so that it needs no key; what refuses another try has
        left it as it is, such as for another card.
        """
        params: Any = {"expand": _EXPANDED}
        if "payment_method" in data:
            params["payment_method"] = data["payment_method"]
        if back := intent["metadata"].get(RETURN_URL):
            params["return_url"] = back
        try:
            return await self._api.ask(
                self._api.v1.payment_intents.confirm_async(intent["id"], params)
            )
        except RefusedError:
            return await self._found(intent["id"])

    async def _refund_of(self, request: Operation) -> Told | None:
        """The refund of a key, where it was made already: by Stripe's word, not by its memory.

        Of a key that came with an error of Stripe's own nothing else is heard for 24 hours. Raises
        ConflictError where it was of another sum.
        """
        refunds = await self._refunds(request.ref)
        mine = (each for each in refunds if (each.get("metadata") or {}).get(KEY) == request.key)
        found = next(mine, None)
        if found is not None and amount_of(found["amount"], found["currency"]) != request.money:
            raise ConflictError("this key came with something else before")
        return found

    async def _refunded(self, request: Operation) -> Told:
        params: Any = {
            "payment_intent": request.ref,
            "amount": stripe_amount(request.money),
            "metadata": self._metadata(request.key),
        }
        call = self._api.v1.refunds.create_async(params, {"idempotency_key": request.key})
        return await self._api.ask(call)

    async def _refunds(self, ref: str) -> Sequence[Told]:
        call = self._api.v1.refunds.list_async({"payment_intent": ref, "limit": _MOST})
        found: list[Told] = (await self._api.ask(call))["data"]
        return found

    async def _disputes(self, ref: str) -> Sequence[Told]:
        call = self._api.v1.disputes.list_async({"payment_intent": ref, "limit": _MOST})
        found: list[Told] = (await self._api.ask(call))["data"]
        return found


def _can_be_confirmed(intent: Told, data: Mapping[str, str]) -> bool:
    if intent["status"] == "requires_confirmation":
        return True
    return intent["status"] == "requires_payment_method" and "payment_method" in data
