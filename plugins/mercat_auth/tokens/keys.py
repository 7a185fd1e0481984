"""The keys that access tokens are signed with: in the database, sealed, known to every process."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from jwt.algorithms import ECAlgorithm, OKPAlgorithm
from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.engine import Engine
from mercat.storage import Record
from mercat.storage.changes import Change
from mercat_auth.documents import SigningKeyDocument
from mercat_auth.sealing import random_text, sealer_of
from mercat_auth.settings import AuthSettings

_PURPOSE = "signing keys"
_FIRST = "first"
_KNOWN_SECONDS = 10.0
"""How long after it was made a key is only published, so that every process knows it."""
_LOOK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key by its id; `public` is its JWK (RFC 7517), `check` what PyJWT verifies with."""

    id: str
    algorithm: str
    private: Any
    check: jwt.PyJWK
    public: Mapping[str, str]
    signs_from: datetime


class Keys:
    """One engine's; `current` signs, all of them verify."""

    def __init__(self, engine: Engine) -> None:
        self._context = engine.context()
        self._keys: dict[str, SigningKey] = {}
        self._is_stale = True
        self._looked = 0.0
        self._turn = asyncio.Lock()

    def listen(self) -> None:
        """Follow what other processes do to the keys."""
        self._context.engine.changes.listen(SigningKeyDocument, self._forget)

    def _forget(self, _changes: Sequence[Change]) -> None:
        self._is_stale = True

    async def current(self) -> SigningKey:
        """The key to sign with; made where the shop has none yet."""
        keys = await self._all()
        now = datetime.now(UTC)
        ready = [key for key in keys.values() if key.signs_from <= now]
        if not ready:
            await self._make(_FIRST, now)
            self._is_stale = True
            return await self.current()
        return max(ready, key=lambda key: (key.signs_from, key.id))

    async def find(self, key_id: str) -> SigningKey | None:
        """The key with an id, for verifying; looked for again at most every other second."""
        found = None if self._is_stale else self._keys.get(key_id)
        if found is None and (self._is_stale or time.monotonic() - self._looked > _LOOK_SECONDS):
            self._is_stale = True
            found = (await self._all()).get(key_id)
        return found

    async def published(self) -> list[Mapping[str, str]]:
        """The public keys, for `/.well-known/jwks.json` (RFC 7517)."""
        await self.current()
        return [key.public for key in (await self._all()).values()]

    async def rotate(self) -> str:
        """Make another key, which signs in 10 s; older ones go once their tokens have ended."""
        now = datetime.now(UTC)
        lifetime = timedelta(minutes=self._settings.access_minutes)
        keys = sorted((await self._all()).values(), key=lambda key: key.signs_from)
        for older, newer in pairwise(keys):
            if newer.signs_from + 2 * lifetime < now:
                await self._collection.delete_one({"_id": older.id})
        made = random_text(9)
        await self._make(made, now + timedelta(seconds=_KNOWN_SECONDS if keys else 0))
        self._is_stale = True
        return made

    @property
    def _settings(self) -> AuthSettings:
        return self._context.settings(AuthSettings)

    @property
    def _collection(self) -> Any:
        return self._context.storage.collection(SigningKeyDocument)

    async def _all(self) -> dict[str, SigningKey]:
        if not self._is_stale:
            return self._keys
        async with self._turn:
            if self._is_stale:
                self._is_stale = False
                self._looked = time.monotonic()
                try:
                    records = await self._collection.find({}).to_list()
                except BaseException:
                    self._is_stale = True
                    raise
                self._keys = {record["_id"]: self._opened(record) for record in records}
        return self._keys

    async def _make(self, key_id: str, signs_from: datetime) -> None:
        """Store a new key; where another process has made one with that id, its is the one."""
        algorithm = self._settings.algorithm
        private, public = _generate(algorithm)
        sealed = sealer_of(self._context).seal(_PURPOSE, _written(private))
        jwk = {**public, "kid": key_id, "use": "sig", "alg": algorithm}
        try:
            await self._collection.insert_one(
                {
                    "_id": key_id,
                    "algorithm": algorithm,
                    "private": sealed,
                    "public": jwk,
                    "signs_from": signs_from,
                    "created_at": datetime.now(UTC),
                }
            )
        except DuplicateKeyError:
            return

    def _opened(self, record: Record) -> SigningKey:
        text = sealer_of(self._context).unseal(_PURPOSE, record["private"])
        return SigningKey(
            record["_id"],
            record["algorithm"],
            serialization.load_der_private_key(text, password=None),
            jwt.PyJWK(record["public"], record["algorithm"]),
            record["public"],
            record["signs_from"],
        )


def _generate(algorithm: str) -> tuple[Any, dict[str, str]]:
    """A private key, and its public one as a JWK (RFC 8037, RFC 7518)."""
    if algorithm == "EdDSA":
        private: Any = ed25519.Ed25519PrivateKey.generate()
        return private, OKPAlgorithm.to_jwk(private.public_key(), as_dict=True)
    private = ec.generate_private_key(ec.SECP256R1())
    return private, ECAlgorithm.to_jwk(private.public_key(), as_dict=True)


def _written(private: Any) -> bytes:
    found: bytes = private.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return found


def keys_of(context: Context) -> Keys:
    """The keys of the context's engine."""
    return context.engine.own(Keys, context.engine)
