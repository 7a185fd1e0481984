"""Access tokens: short-lived JWTs (RFC 9068), verified without asking a store (RFC 8725)."""

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jwt

from mercat.context import Context
from mercat.engine import Engine
from mercat.errors import UnauthenticatedError
from mercat.storage import Record
from mercat_auth.sealing import random_text
from mercat_auth.settings import AuthSettings
from mercat_auth.tokens.keys import Keys, keys_of

LONGEST_TOKEN = 4_096
TYPE = "at+jwt"
_REQUIRED = ["iss", "aud", "sub", "exp", "iat", "nbf", "jti", "sid", "ver"]
_MOST_KNOWN = 10_000
_LEEWAY_SECONDS = 0


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


class AccessTokens:
    """One engine's; it remembers tokens that it has verified until they expire."""

    def __init__(self, engine: Engine, keys: Keys) -> None:
        self._settings = engine.plugin_settings(AuthSettings)
        self._keys = keys
        self._known: OrderedDict[str, Claims] = OrderedDict()

    @property
    def seconds(self) -> int:
        """How long a token is good for."""
        return 60 * self._settings.access_minutes

    async def issue(
        self, user: Record, session: str, methods: Sequence[str], signed_in: datetime
    ) -> str:
        """A token for a stored user and one of its sessions; `methods` are RFC 8176's."""
        key = await self._keys.current()
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
            "sub": str(user["_id"]),
            "client_id": "mercat",
            "iat": now,
            "nbf": now,
            "exp": now + self.seconds,
            "jti": random_text(12),
            "sid": session,
            "ver": user["token_version"],
            "roles": user["roles"],
            "amr": list(methods),
            "auth_time": int(signed_in.timestamp()),
        }
        if user.get("seller"):
            claims["seller"] = user["seller"]
        return jwt.encode(
            claims, key.private, algorithm=key.algorithm, headers={"typ": TYPE, "kid": key.id}
        )

    async def read(self, token: str) -> Claims:
        """What a token says. Raises UnauthenticatedError for one that isn't good, or no more."""
        found = self._known.get(token)
        if found is None:
            found = await self._verified(token)
            self._known[token] = found
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        if found.expires <= time.time():
            self._known.pop(token, None)
            raise UnauthenticatedError("the access token has expired; refresh it")
        return found

    async def _verified(self, token: str) -> Claims:
        if len(token) > LONGEST_TOKEN or not token.isascii():
            raise UnauthenticatedError("this is no access token of the shop")
        try:
            header = jwt.get_unverified_header(token)
            key = await self._key(header)
            claims = jwt.decode(
                token,
                key.check,
                algorithms=[key.algorithm],
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": _REQUIRED, "strict_aud": True},
            )
            return _claims(claims)
        except jwt.ExpiredSignatureError:
            raise UnauthenticatedError("the access token has expired; refresh it") from None
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError):
            raise UnauthenticatedError("this is no access token of the shop") from None

    async def _key(self, header: dict[str, Any]) -> Any:
        """The key that a header names; nothing else that it says counts (RFC 8725, 3.1)."""
        key_id = header.get("kid")
        if header.get("typ") != TYPE or "crit" in header or not isinstance(key_id, str):
            raise ValueError
        key = await self._keys.find(key_id)
        if key is None or header.get("alg") != key.algorithm:
            raise ValueError
        return key


def _claims(claims: dict[str, Any]) -> Claims:
    seller = claims.get("seller")
    return Claims(
        user=str(claims["sub"]),
        session=str(claims["sid"]),
        version=int(claims["ver"]),
        roles=tuple(map(str, claims["roles"])),
        seller=None if seller is None else str(seller),
        methods=tuple(map(str, claims.get("amr", ()))),
        expires=float(claims["exp"]),
    )


def access_of(context: Context) -> AccessTokens:
    """The access tokens of the context's engine."""
    return context.engine.own(AccessTokens, context.engine, keys_of(context))
