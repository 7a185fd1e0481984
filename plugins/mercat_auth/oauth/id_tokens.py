"""ID tokens: who a provider says that somebody is, and whether it says so at all.

OpenID Connect Core 1.0 (3.1.3.7); RFC 8725: the algorithm is one of a few, whatever the token says,
and the key is one that the issuer publishes for it.
"""

from typing import Any

import jwt
import orjson
from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
from joserfc.errors import JoseError

from mercat.auth import IdentityProvider
from mercat_auth.oauth.discovery import ALGORITHMS, Source
from mercat_auth.oauth.errors import FlowError, ProviderError

_LONGEST = 32_000
_LONGEST_SUBJECT = 255
_LEEWAY_SECONDS = 30
_SIGNATURES = jwt.PyJWS(algorithms=list(ALGORITHMS))


async def verified(
    source: Source, provider: IdentityProvider, token: object, nonce: str, access_token: object
) -> dict[str, Any]:
    """The claims of a good ID token. Raises ProviderError."""
    if not isinstance(token, str) or len(token) > _LONGEST or not token.isascii():
        raise _invalid("there is no ID token")
    header, claims = await _signed(source, token)
    found = CodeIDToken(
        claims,
        header,
        options={
            "iss": {"essential": True, "value": provider.issuer},
            "aud": {"essential": True, "value": provider.client_id},
        },
        params={"nonce": nonce, "client_id": provider.client_id, "access_token": access_token},
    )
    try:
        found.validate(leeway=_LEEWAY_SECONDS)
    except JoseError as error:
        raise _invalid(f"the ID token: {error}") from None
    if not 0 < len(found["sub"]) <= _LONGEST_SUBJECT:
        raise _invalid("the ID token's subject is no text of 1 to 255 characters")
    return dict(found)


async def _signed(source: Source, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header and the claims of a token that the provider has signed."""
    try:
        header = _SIGNATURES.get_unverified_header(token)
    except jwt.PyJWTError:
        raise _invalid("the ID token is no JWT") from None
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS or "crit" in header:
        raise _invalid("the ID token isn't signed with an algorithm that is allowed")
    if key_id is not None and not isinstance(key_id, str):
        raise _invalid("the ID token's key id is no text")
    key = await source.key(key_id, algorithm)
    try:
        claims = orjson.loads(_SIGNATURES.decode(token, key, algorithms=[algorithm]))
    except (jwt.PyJWTError, ValueError, TypeError):
        raise _invalid("the ID token's signature is wrong") from None
    if not isinstance(claims, dict):
        raise _invalid("the ID token has no claims")
    return header, claims


def _invalid(message: str) -> ProviderError:
    return ProviderError(FlowError.PROVIDER_INVALID, message)
