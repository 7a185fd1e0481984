"""Cards that Stripe keeps for a shop's customers."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from mercat.payments import (
    ActionRequired,
    Customer,
    Declined,
    Done,
    Outcome,
    Pending,
    SavedMethod,
    SaveMethod,
)
from mercat_payments_stripe.actions import action_of
from mercat_payments_stripe.api import MISSING, RefusedError, StripeApi
from mercat_payments_stripe.facts import KEY, SHOP, Told, id_of
from mercat_payments_stripe.settings import StripeSettings

_MOST = 100
_BRANDS = {"amex": "American Express", "jcb": "JCB", "unionpay": "UnionPay", "eftpos_au": "Eftpos"}
_DECEMBER = 12


class StripeVault:
    """The calls of `mercat.payments.Vault`."""

    def __init__(self, api: StripeApi, settings: StripeSettings) -> None:
        self._api, self._settings = api, settings

    async def enrol(self, customer: Customer) -> str:
        params: Any = {"metadata": {SHOP: self._settings.shop, "mercat_customer": customer.id}}
        if customer.email is not None:
            params["email"] = customer.email
        call = self._api.v1.customers.create_async(params, {"idempotency_key": customer.key})
        return str((await self._api.ask(call))["id"])

    async def saved_methods(self, customer: str) -> Sequence[SavedMethod]:
        call = self._api.v1.payment_methods.list_async(
            {"customer": customer, "type": "card", "limit": _MOST}
        )
        try:
            found = await self._api.ask(call)
        except RefusedError:
            return []
        return [_saved(method) for method in found["data"]]

    async def save_method(self, request: SaveMethod) -> Outcome:
        try:
            return self._saved_outcome(await self._setup(request))
        except RefusedError as error:
            return Declined(error.code, error.message)

    async def delete_method(self, customer: str, ref: str) -> None:
        try:
            found = await self._api.ask(self._api.v1.payment_methods.retrieve_async(ref))
            if id_of(found.get("customer")) == customer:
                await self._api.ask(self._api.v1.payment_methods.detach_async(ref))
        except RefusedError as error:
            if error.code != MISSING:
                raise

    async def forget(self, customer: str) -> None:
        try:
            await self._api.ask(self._api.v1.customers.delete_async(customer))
        except RefusedError as error:
            if error.code != MISSING:
                raise

    async def _setup(self, request: SaveMethod) -> Told:
        """The SetupIntent of a key, as it is now."""
        intents, key = self._api.v1.setup_intents, request.key
        params: Any = {
            "customer": request.customer,
            "usage": "on_session",
            "payment_method_types": ["card"],
            "metadata": {SHOP: self._settings.shop, KEY: key},
        }
        begun = await self._api.ask(intents.create_async(params, {"idempotency_key": key}))
        method = request.data.get("payment_method")
        if method is None:
            return await self._api.ask(intents.retrieve_async(begun["id"]))
        given: Any = {"payment_method": method}
        if request.return_url is not None:
            given["return_url"] = request.return_url
        options: Any = {"idempotency_key": f"{key}:confirm"}
        return await self._api.ask(intents.confirm_async(begun["id"], given, options))

    def _saved_outcome(self, intent: Told) -> Outcome:
        if intent["status"] == "succeeded":
            return Done(id_of(intent["payment_method"]) or "")
        if intent["status"] == "processing":
            return Pending(intent["id"])
        if intent["status"] == "canceled":
            return Declined("canceled", "This was cancelled.", ref=intent["id"])
        action: ActionRequired = action_of(intent, self._settings)
        return action


def _saved(method: Told) -> SavedMethod:
    card = method["card"]
    brand = str(card.get("display_brand") or card["brand"])
    name = _BRANDS.get(brand, brand.replace("_", " ").title())
    expires = _last_day(int(card["exp_year"]), int(card["exp_month"]))
    return SavedMethod(method["id"], f"{name} •••• {card['last4']}", expires=expires)


def _last_day(year: int, month: int) -> date:
    after = date(year + month // _DECEMBER, month % _DECEMBER + 1, 1)
    return after - timedelta(days=1)
