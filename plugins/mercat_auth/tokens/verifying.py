"""Checking one access token with one key: its signature first, then each of its claims (RFC 8725).

PyJWT reads a token's letters one by one in Python, which takes half as long as the signature. It
still does the cryptography.
"""

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any

import orjson

from mercat.errors import ExpiredError, UnauthenticatedError
from mercat_auth.tokens.signing import SigningKey

LONGEST_TOKEN = 4_096
EXPIRED = "the access token has expired; refresh it"
_LEEWAY_SECONDS = 10  # as much as the clocks of two replicas may differ
# 64 bytes have 86 letters, both for EdDSA (RFC 8032) and for ES256 (RFC 7518, 3.4).
_TOKEN = re.compile(r"[\w-]+\.(?P<claims>[\w-]+)\.(?P<signature>[\w-]{86})\Z", re.ASCII)
_SHAPE: dict[str, type] = {
    **dict.fromkeys(("iss", "aud", "sub", "jti", "sid"), str),
    **dict.fromkeys(("iat", "nbf", "exp", "ver"), int),
    **dict.fromkeys(("roles", "amr"), list),
}


@dataclass(frozen=True, slots=True)
class Claims:
    """What a good access token says; `version` is that of the user's tokens."""

    user: str
    session: str
    version: int
    roles: tuple[str, ...]
    seller: str | None
    methods: tuple[str, ...]
    expires: float


class WrongTokenError(UnauthenticatedError):
    """It isn't the shop's, or not an access token; nobody is told what is wrong with it."""

    def __init__(self) -> None:
        super().__init__("this is no access token of the shop")


def signed_claims(token: str, key: SigningKey) -> dict[str, Any]:
    """What a token says whose header is the key's. Raises WrongTokenError."""
    given = _TOKEN.match(token)
    if given is None:
        raise WrongTokenError
    try:
        signature = urlsafe_b64decode(given["signature"] + "==")
        # The last letter has four bits to spare, so that there would be 16 ways to write it.
        is_good = urlsafe_b64encode(signature)[:-2] == given["signature"].encode()
        said = token[: given.start("signature") - 1].encode()
        if not is_good or not key.check.Algorithm.verify(said, key.check.key, signature):
            raise WrongTokenError
        claims = orjson.loads(urlsafe_b64decode(given["claims"] + "=="))
    except (binascii.Error, orjson.JSONDecodeError):
        raise WrongTokenError from None
    if not isinstance(claims, dict):
        raise WrongTokenError
    return claims


def checked(claims: dict[str, Any], issuer: str, audience: str, now: float, life: int) -> Claims:
    """The claims of one that was meant for the shop and is good now.

    It lives no longer than `life` seconds, whatever the settings said when it began. Raises
    WrongTokenError, and ExpiredError.
    """
    if any(type(claims.get(name)) is not kind for name, kind in _SHAPE.items()):
        raise WrongTokenError
    if claims["iss"] != issuer or claims["aud"] != audience:
        raise WrongTokenError
    if max(claims["nbf"], claims["iat"]) > now + _LEEWAY_SECONDS:
        raise WrongTokenError
    expires = min(claims["exp"], claims["iat"] + life)
    if expires <= now:
        raise ExpiredError(EXPIRED)
    return Claims(
        user=claims["sub"],
        session=claims["sid"],
        version=claims["ver"],
        roles=tuple(claims["roles"]),
        seller=claims.get("seller"),
        methods=tuple(claims["amr"]),
        expires=expires,
    )
