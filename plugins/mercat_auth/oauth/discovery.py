"""What a provider says of itself: its discovery document and its keys, kept for a while.

OpenID Connect Discovery 1.0; RFC 8414; RFC 7517.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import jwt
import orjson

from mercat.auth import IdentityProvider
from mercat.context import Context
from mercat.fetching import FetchError, check_url, fetch
from mercat.reach import Reach
from mercat_auth.oauth.errors import FlowError, ProviderError
from mercat_auth.oauth.providers import Providers, providers_of

T = TypeVar("T")

ALGORITHMS: Mapping[str, str] = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}
"""What an ID token may be signed with, and the type of key that needs (RFC 8725, 3.1)."""

_KEEP_SECONDS = 3_600.0
_STALE_SECONDS = 86_400.0
_AGAIN_SECONDS = 30.0
_FAILED_SECONDS = 3.0
_MAX_BYTES = 256_000
_MOST_KEYS = 50
_MIN_RSA_BITS = 2_048
_CURVES = {"EC": "P-256", "OKP": "Ed25519"}


@dataclass(frozen=True, slots=True)
class Metadata:
    """The part of a discovery document that matters here."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    says_issuer: bool
    auth_methods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key of a provider."""

    id: str | None
    kind: str
    algorithm: str | None
    jwk: Mapping[str, Any]

    def for_algorithm(self, algorithm: str) -> Any:
        """The key as PyJWT has it."""
        return jwt.PyJWK(dict(self.jwk), algorithm).key


class Kept(Generic[T]):
    """Something of a URL, fetched when it is needed first, and again when it has become old."""

    def __init__(self, read: Callable[[bytes], T], reach: Reach) -> None:
        self._read = read
        self._reach = reach
        self._found: tuple[str, T] | None = None
        self._fetched = self._failed = self._renewed = float("-inf")
        self._turn = asyncio.Lock()

    async def get(self, url: str, *, newer: bool = False) -> T:
        """What there is; with `newer`, fetched again unless that was done moments ago.

        What is old stays good for a day where the provider doesn't answer. Raises FetchError.
        """
        async with self._turn:
            if self._found is None or self._found[0] != url:
                return await self._first(url)
            if newer and time.monotonic() - self._renewed >= _AGAIN_SECONDS:
                self._renewed = time.monotonic()
            elif newer or self._is_recent():
                return self._found[1]
            try:
                return await self._fetch(url)
            except FetchError:
                if time.monotonic() - self._fetched > _STALE_SECONDS:
                    raise
                return self._found[1]

    def _is_recent(self) -> bool:
        now = time.monotonic()
        return now - self._fetched < _KEEP_SECONDS or now - self._failed < _AGAIN_SECONDS

    async def _first(self, url: str) -> T:
        if time.monotonic() - self._failed < _FAILED_SECONDS:
            raise FetchError("nothing came from there a moment ago")
        return await self._fetch(url)

    async def _fetch(self, url: str) -> T:
        try:
            found = self._read(await fetch(url, self._reach, max_bytes=_MAX_BYTES))
        except FetchError:
            self._failed = time.monotonic()
            raise
        self._found, self._fetched = (url, found), time.monotonic()
        return found


class Source:
    """One provider's documents."""

    def __init__(self, provider: IdentityProvider, reach: Reach) -> None:
        self._issuer = provider.issuer
        self._metadata = Kept(self._read, reach)
        self._keys = Kept(_read_keys, reach)
        self._reach = reach

    async def metadata(self) -> Metadata:
        """What the provider says of itself. Raises ProviderError."""
        url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            return await self._metadata.get(url)
        except FetchError as error:
            raise ProviderError(
                FlowError.PROVIDER_UNAVAILABLE, f"its discovery document: {error}"
            ) from None

    async def key(self, key_id: str | None, algorithm: str) -> Any:
        """The key to verify with; looked for again where it isn't known. Raises ProviderError."""
        url = (await self.metadata()).jwks_uri
        for newer in (False, True):
            try:
                keys = await self._keys.get(url, newer=newer)
            except FetchError as error:
                raise ProviderError(FlowError.PROVIDER_UNAVAILABLE, f"its keys: {error}") from None
            fitting = [each for each in keys if _fits(each, key_id, algorithm)]
            if len(fitting) == 1:
                return fitting[0].for_algorithm(algorithm)
        raise ProviderError(FlowError.PROVIDER_INVALID, "the ID token's key is not one of its own")

    def _read(self, body: bytes) -> Metadata:
        found = _object(body)
        if found.get("issuer") != self._issuer:
            raise FetchError("it is the document of another issuer")
        methods = found.get("token_endpoint_auth_methods_supported")
        userinfo = found.get("userinfo_endpoint")
        return Metadata(
            authorization_endpoint=self._url(found.get("authorization_endpoint")),
            token_endpoint=self._url(found.get("token_endpoint")),
            jwks_uri=self._url(found.get("jwks_uri")),
            userinfo_endpoint=None if userinfo is None else self._url(userinfo),
            says_issuer=found.get("authorization_response_iss_parameter_supported") is True,
            auth_methods=tuple(map(str, methods)) if isinstance(methods, list) else (),
        )

    def _url(self, value: object) -> str:
        if not isinstance(value, str):
            raise FetchError("it names no endpoint that is needed")
        check_url(value, self._reach)
        return value


class Sources:
    """One engine's, of all its providers."""

    def __init__(self, providers: Providers) -> None:
        self._of = {each.id: Source(each, providers.reach(each)) for each in providers.all()}

    def of(self, provider: IdentityProvider) -> Source:
        """The documents of a provider."""
        return self._of[provider.id]


def sources_of(context: Context) -> Sources:
    """The documents of the providers of the context's engine."""
    return context.engine.own(Sources, providers_of(context))


def _fits(key: VerificationKey, key_id: str | None, algorithm: str) -> bool:
    """Whether a key may have signed; a token without a key id fits where just one key does."""
    return (
        key.kind == ALGORITHMS[algorithm]
        and key.algorithm in {None, algorithm}
        and (key_id is None or key.id == key_id)
    )


def _read_keys(body: bytes) -> list[VerificationKey]:
    found = _object(body).get("keys")
    if not isinstance(found, list):
        raise FetchError("it has no keys")
    keys = [_read_key(each) for each in found[:_MOST_KEYS]]
    return [key for key in keys if key is not None]


def _read_key(jwk: object) -> VerificationKey | None:
    """A key that may verify; None for others, such as those that encrypt (RFC 7517, 5)."""
    if not isinstance(jwk, dict) or jwk.get("use", "sig") != "sig" or not _is_strong(jwk):
        return None
    key_id, algorithm = jwk.get("kid"), jwk.get("alg")
    return VerificationKey(
        id=None if key_id is None else str(key_id),
        kind=str(jwk["kty"]),
        algorithm=None if algorithm is None else str(algorithm),
        jwk={name: value for name, value in jwk.items() if name not in {"d", "use", "key_ops"}},
    )


def _is_strong(jwk: Mapping[str, Any]) -> bool:
    kind = jwk.get("kty")
    if kind == "RSA":
        modulus = jwk.get("n")
        return isinstance(modulus, str) and len(modulus) * 6 >= _MIN_RSA_BITS
    return kind in _CURVES and jwk.get("crv") == _CURVES[kind]


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise FetchError("it is no JSON") from None
    if not isinstance(found, dict):
        raise FetchError("it is no JSON object")
    return found
