"""Access tokens: short-lived JWTs (RFC 9068), verified without asking a store (RFC 8725)."""

import time
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from mercat.context import Context
from mercat.engine import Engine
from mercat.errors import ExpiredError
from mercat.storage import Record
from mercat_auth.sealing import random_text
from mercat_auth.settings import AuthSettings
from mercat_auth.tokens.keys import Keys, keys_of
from mercat_auth.tokens.verifying import (
    EXPIRED,
    LONGEST_TOKEN,
    Claims,
    WrongTokenError,
    checked,
    signed_claims,
)

__all__ = ["AccessTokens", "Claims", "access_of"]

_MOST_KNOWN = 10_000


class AccessTokens:
    """One engine's; it remembers tokens that it has verified until they expire."""

    def __init__(self, engine: Engine, keys: Keys) -> None:
        self._settings = engine.plugin_settings(AuthSettings)
        self._keys = keys
        self._known: OrderedDict[str, Claims] = OrderedDict()
        self._sequence = keys.sequence

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
        return key.sign(claims)

    async def read(self, token: str) -> Claims:
        """What a token says.

        Raises UnauthenticatedError for one that isn't good, ExpiredError for one that was.
        """
        if self._keys.is_behind:
            await self._keys.look()
        if self._sequence != self._keys.sequence:
            self._sequence = self._keys.sequence
            self._known.clear()
        found = self._known.get(token)
        if found is None:
            found = await self._verified(token)
            self._remember(token, found)
        if found.expires <= time.time():
            self._known.pop(token, None)
            raise ExpiredError(EXPIRED)
        return found

    def _remember(self, token: str, claims: Claims) -> None:
        self._known[token] = claims
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)

    async def _verified(self, token: str) -> Claims:
        if len(token) > LONGEST_TOKEN:
            raise WrongTokenError
        key = await self._keys.find(token.partition(".")[0])
        if key is None:
            raise WrongTokenError
        settings = self._settings
        return checked(
            signed_claims(token, key), settings.issuer, settings.audience, time.time(), self.seconds
        )


def access_of(context: Context) -> AccessTokens:
    """The access tokens of the context's engine."""
    return context.engine.own(AccessTokens, context.engine, keys_of(context))
