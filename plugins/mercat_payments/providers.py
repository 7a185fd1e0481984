"""The providers of one engine, by their codes; checked when the engine's routes are made."""

import re
from collections.abc import Iterable

from mercat.context import Context
from mercat.engine import Engine
from mercat.errors import BootError, InvalidError
from mercat.payments import PaymentProvider, payment_providers
from mercat.storage import Record

_CODE = re.compile(r"[a-z][a-z0-9_]{0,29}")


class Providers:
    """Who can take payments."""

    def __init__(self, engine: Engine) -> None:
        self._by_code: dict[str, PaymentProvider] = {}
        for plugin, found in engine.hooks.gather(payment_providers, engine.context()):
            for provider in found:
                self._add(plugin, provider)

    def all(self) -> Iterable[PaymentProvider]:
        return self._by_code.values()

    def find(self, code: str) -> PaymentProvider | None:
        return self._by_code.get(code)

    def _add(self, plugin: str, provider: PaymentProvider) -> None:
        what = f"the payment provider '{provider.code}' of the plugin '{plugin}'"
        if not _CODE.fullmatch(provider.code):
            raise BootError(f"{what} has a code that is not small letters, digits and underscores")
        if provider.code in self._by_code:
            raise BootError(f"{what} is there already; rename one")
        self._by_code[provider.code] = provider


def provider_of(context: Context, payment: Record) -> PaymentProvider:
    """Who takes a payment. Raises InvalidError where they are switched off."""
    found = providers_of(context).find(payment["provider"])
    if found is None:
        raise InvalidError(
            f"the provider '{payment['provider']}' is switched off", field=("paymentId",)
        )
    return found


def providers_of(context: Context) -> Providers:
    return context.engine.own(Providers, context.engine)
