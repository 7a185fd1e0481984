"""Who pays the sellers of one engine, by their codes; checked when the engine's routes are made."""

import re
from collections.abc import Iterable

from mercat.context import Context
from mercat.engine import Engine
from mercat.errors import BootError
from mercat.payouts import PayoutProvider, payout_providers
from mercat_payouts.by_hand import LedgerProvider
from mercat_payouts.settings import PayoutSettings

_CODE = re.compile(r"[a-z][a-z0-9_]{0,29}")


class Providers:
    """Who can pay sellers."""

    def __init__(self, engine: Engine) -> None:
        own = LedgerProvider()
        self._by_code: dict[str, PayoutProvider] = {own.code: own}
        for plugin, found in engine.hooks.gather(payout_providers, engine.context()):
            for provider in found:
                self._add(plugin, provider)
        wanted = engine.context().settings(PayoutSettings).provider
        if wanted not in self._by_code:
            known = ", ".join(sorted(self._by_code))
            raise BootError(f"[plugins.payouts] provider: there is no '{wanted}'; known: {known}")

    def all(self) -> Iterable[PayoutProvider]:
        return self._by_code.values()

    def find(self, code: str) -> PayoutProvider | None:
        return self._by_code.get(code)

    def _add(self, plugin: str, provider: PayoutProvider) -> None:
        what = f"the payout provider '{provider.code}' of the plugin '{plugin}'"
        if not _CODE.fullmatch(provider.code):
            raise BootError(f"{what} has a code that is not small letters, digits and underscores")
        if provider.code in self._by_code:
            raise BootError(f"{what} is there already; rename one")
        self._by_code[provider.code] = provider


def providers_of(context: Context) -> Providers:
    return context.engine.own(Providers, context.engine)
