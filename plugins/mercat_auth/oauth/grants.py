"""What the shop and a provider say to each other: asking for a code, and what it stands for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import orjson
from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]
from authlib.integrations.httpx_client import AsyncOAuth2Client  # type: ignore[import-untyped]

from mercat.auth import IdentityProvider
from mercat.context import Context
from mercat.fetching import MAX_BYTES, SECONDS, FetchError, PinnedTransport
from mercat.reach import Reach
from mercat_auth.oauth.discovery import Metadata, sources_of
from mercat_auth.oauth.errors import FlowError, ProviderError
from mercat_auth.oauth.flows import Flow
from mercat_auth.oauth.id_tokens import verified
from mercat_auth.oauth.providers import providers_of

_METHODS = ("client_secret_basic", "client_secret_post")
_LONGEST_NAME = 200
_LONGEST_EMAIL = 254


@dataclass(frozen=True, slots=True)
class Person:
    """Who a provider says that somebody is; `email` is only there where it has verified it.

    `key` is who it is at all times: the issuer, and the subject there. `methods` are how the
    provider has made sure (RFC 8176).
    """

    provider: str
    key: str
    email: str | None
    name: str | None
    methods: tuple[str, ...]


async def authorization_url(context: Context, provider: IdentityProvider, flow: Flow) -> str:
    """Where a browser goes to sign in with a provider. Raises ProviderError."""
    metadata = await sources_of(context).of(provider).metadata()
    async with _client(context, provider, metadata) as client:
        url, _ = client.create_authorization_url(
            metadata.authorization_endpoint,
            state=flow.state,
            nonce=flow.nonce,
            code_verifier=flow.verifier,
        )
    return str(url)


async def person(context: Context, provider: IdentityProvider, flow: Flow, code: str) -> Person:
    """Who has signed in, for the code that the provider gave out. Raises ProviderError.

    The provider's tokens are used here, and kept nowhere.
    """
    source = sources_of(context).of(provider)
    metadata = await source.metadata()
    async with _client(context, provider, metadata) as client:
        token = await _token(client, metadata, flow, code)
        access_token = token.get("access_token")
        claims = await verified(source, provider, token.get("id_token"), flow.nonce, access_token)
        if "email" in claims or metadata.userinfo_endpoint is None:
            return _person(provider, claims, claims)
        return _person(
            provider, claims, await _userinfo(client, metadata.userinfo_endpoint, claims)
        )


async def _token(
    client: AsyncOAuth2Client, metadata: Metadata, flow: Flow, code: str
) -> dict[str, Any]:
    try:
        found: dict[str, Any] = await client.fetch_token(
            metadata.token_endpoint,
            grant_type="authorization_code",
            code=code,
            code_verifier=flow.verifier,
        )
    except AuthlibBaseError as error:
        raise ProviderError(FlowError.PROVIDER_REFUSED, f"the code: {error.error!r:.60}") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise _invalid("the answer to the code is none of OAuth") from None
    return found


async def _userinfo(client: AsyncOAuth2Client, url: str, claims: dict[str, Any]) -> dict[str, Any]:
    """What the provider says beside the ID token, of the same person (Core 1.0, 5.3.2)."""
    try:
        answer = await client.get(url)
        found = orjson.loads(answer.content) if answer.status_code == httpx2.codes.OK else None
    except (AuthlibBaseError, ValueError):
        found = None
    if not isinstance(found, dict) or found.get("sub") != claims["sub"]:
        raise _invalid("what it says of the person is of somebody else, or nothing")
    return found


@asynccontextmanager
async def _client(
    context: Context, provider: IdentityProvider, metadata: Metadata
) -> AsyncIterator[AsyncOAuth2Client]:
    """A client for one provider. Raises ProviderError for what goes wrong with its network."""
    providers = providers_of(context)
    try:
        async with (
            asyncio.timeout(SECONDS),
            AsyncOAuth2Client(
                client_id=provider.client_id,
                client_secret=provider.client_secret,
                token_endpoint_auth_method=_auth_method(provider, metadata),
                scope=" ".join(provider.scopes),
                redirect_uri=providers.callback(provider),
                code_challenge_method="S256",
                transport=_transport(providers.reach(provider)),
                follow_redirects=False,
                trust_env=False,
                timeout=SECONDS,
            ) as client,
        ):
            yield client
    except (httpx2.HTTPError, FetchError, TimeoutError) as error:
        raise ProviderError(
            FlowError.PROVIDER_UNAVAILABLE, f"its endpoints: {type(error).__name__}"
        ) from None


def _transport(reach: Reach) -> PinnedTransport:
    return PinnedTransport(reach, max_bytes=MAX_BYTES)


def _auth_method(provider: IdentityProvider, metadata: Metadata) -> str:
    """How the shop proves who it is; what a provider that says nothing takes is in Core 1.0, 9."""
    if provider.client_secret is None:
        return "none"
    known = metadata.auth_methods or _METHODS
    return next((each for each in _METHODS if each in known), _METHODS[0])


def _person(provider: IdentityProvider, claims: dict[str, Any], said: dict[str, Any]) -> Person:
    """Who it is; the address and whether it is verified come from one place, `said`."""
    email, name = said.get("email"), said.get("name")
    methods = claims.get("amr") if provider.trusts_mfa else None
    if not isinstance(email, str) or said.get("email_verified") is not True:
        email = None
    return Person(
        provider=provider.id,
        key=f"{provider.issuer}#{claims['sub']}",
        email=email if email is not None and len(email) <= _LONGEST_EMAIL else None,
        name=name.strip()[:_LONGEST_NAME] or None if isinstance(name, str) else None,
        methods=tuple(map(str, methods))
        if provider.trusts_mfa and isinstance(methods, list)
        else (),
    )


def _invalid(message: str) -> ProviderError:
    return ProviderError(FlowError.PROVIDER_INVALID, message)
