"""The providers that people may sign in with: of the settings, and of other plugins."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mercat import auth
from mercat.auth import IdentityProvider
from mercat.context import Context
from mercat.engine import Engine
from mercat.errors import BootError
from mercat.fetching import FetchError, check_url
from mercat.reach import Reach, is_loopback
from mercat_auth.oauth.settings import PROVIDER_NAME, ProviderSettings
from mercat_auth.settings import AuthSettings

_ISSUERS: Final[Mapping[str, str]] = MappingProxyType({"google": "https://accounts.google.com"})
_NAMES: Final[Mapping[str, str]] = MappingProxyType({"google": "Google"})


class Providers:
    """One engine's, by their ids; checked when the engine is made."""

    def __init__(self, engine: Engine) -> None:
        self._settings = engine.plugin_settings(AuthSettings)
        self._is_production = engine.settings.shop.production
        self._by_id: dict[str, IdentityProvider] = {}
        for name, table in self._settings.providers.items():
            self._add(_from_settings(name, table))
        for plugin, found in engine.hooks.gather(auth.identity_providers, engine.context()):
            for provider in found:
                self._add(provider, f" of the plugin '{plugin}'")
        self._check_urls()

    def all(self) -> list[IdentityProvider]:
        """Every provider, those of the settings first."""
        return list(self._by_id.values())

    def find(self, provider_id: str) -> IdentityProvider | None:
        """The provider of an id, or None."""
        return self._by_id.get(provider_id)

    def reach(self, provider: IdentityProvider) -> Reach:
        """Where the shop may ask this provider; a developer's own without TLS."""
        issuer = check_url(provider.issuer, Reach(plain=True))
        is_own = not self._is_production and is_loopback(issuer.host)
        return Reach(private=provider.internal, plain=is_own)

    def callback(self, provider: IdentityProvider) -> str:
        """The redirect URI that the provider has to know, and no other (RFC 9700, 4.1.3)."""
        return f"{self._settings.public_url}/auth/{provider.id}/callback"

    def start(self, provider: IdentityProvider) -> str:
        """Where a sign-in begins."""
        return f"{self._settings.public_url}/auth/{provider.id}"

    def _add(self, provider: IdentityProvider, whose: str = "") -> None:
        what = f"the identity provider '{provider.id}'{whose}"
        if not PROVIDER_NAME.match(provider.id):
            raise BootError(f"{what} has a name that is not small letters, digits and underscores")
        if provider.id in self._by_id:
            raise BootError(f"{what} is there already; rename one")
        if "openid" not in provider.scopes:
            raise BootError(f"{what} doesn't ask for the scope openid, which it has to")
        same = [each.id for each in self._by_id.values() if each.issuer == provider.issuer]
        if same:
            raise BootError(f"{what} has the issuer of '{same[0]}'; people could not be told apart")
        try:
            check_url(provider.issuer, self.reach(provider))
        except FetchError:
            raise BootError(f"{what} has an issuer that is no https URL") from None
        self._by_id[provider.id] = provider

    def _check_urls(self) -> None:
        if not self._by_id:
            return
        if self._settings.public_url is None:
            raise BootError(
                "[plugins.auth] public_url is not set; identity providers need it to send people "
                "back, such as https://shop.example"
            )
        if not self._settings.redirects:
            raise BootError(
                "[plugins.auth] redirects is empty; name the pages and apps that a sign-in by an "
                "identity provider may end at"
            )


def _from_settings(name: str, table: ProviderSettings) -> IdentityProvider:
    issuer = table.issuer or _ISSUERS.get(name)
    if issuer is None:
        raise BootError(f"[plugins.auth.providers.{name}] issuer is not set")
    secret = table.client_secret
    return IdentityProvider(
        id=name,
        name=table.name or _NAMES.get(name, name),
        issuer=issuer,
        client_id=table.client_id,
        client_secret=secret.get_secret_value() if secret else None,
        scopes=table.scopes,
        internal=table.internal,
        trusts_mfa=table.trusts_mfa,
    )


def providers_of(context: Context) -> Providers:
    """The providers of the context's engine."""
    return context.engine.own(Providers, context.engine)
