"""Access tokens that end before they expire, known to every process within a second.

Each process keeps the revocations of the last minutes in memory, told by the change feed. Where the
feed is behind, the database is asked instead.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from mercat.context import Context
from mercat.engine import Engine
from mercat.storage import Session
from mercat.storage.changes import Change
from mercat_auth.documents import RevocationDocument
from mercat_auth.settings import AuthSettings
from mercat_auth.tokens.access import Claims

_LATE_SECONDS = 0.8
_MARGIN = timedelta(minutes=1)


class Revocations:
    """One engine's."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sessions: dict[str, float] = {}
        self._versions: dict[str, tuple[int, float]] = {}
        self._is_loaded = False

    async def listen(self) -> None:
        """Know those that there are, and hear of others."""
        self._engine.changes.listen(RevocationDocument, self._hear)
        await self.load()

    async def load(self) -> None:
        async for record in self._collection.find({"until": {"$gt": datetime.now(UTC)}}):
            self._add(record["_id"])
        self._is_loaded = True

    async def includes(self, claims: Claims) -> bool:
        """Whether a token has ended early."""
        told = self._engine.changes.told_until
        if not self._is_loaded or time.monotonic() - told > _LATE_SECONDS:
            return await self._is_stored(claims)
        version, _ = self._versions.get(claims.user, (0, 0.0))
        return claims.session in self._sessions or claims.version <= version

    async def end_session(self, session: str, within: Session | None = None) -> None:
        """Have a session's access tokens end."""
        await self._write(f"session:{session}", within)

    async def end_user(self, user: str, version: int, within: Session | None = None) -> None:
        """Have a user's access tokens of this version, and older ones, end."""
        await self._write(f"user:{user}:{version}", within)

    async def sweep(self) -> None:
        """Remove those whose tokens have expired by now."""
        await self._collection.delete_many({"until": {"$lt": datetime.now(UTC)}})

    @property
    def _collection(self) -> Any:
        return self._engine.storage.collection(RevocationDocument)

    @property
    def _lifetime(self) -> timedelta:
        minutes = self._engine.plugin_settings(AuthSettings).access_minutes
        return timedelta(minutes=minutes) + _MARGIN

    async def _write(self, key: str, within: Session | None) -> None:
        until = datetime.now(UTC) + self._lifetime
        await self._collection.update_one(
            {"_id": key}, {"$set": {"until": until}}, upsert=True, session=within
        )
        if within is None:
            self._add(key)

    def _hear(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.key is None:
                self._is_loaded = False  # nobody knows; the database is asked from now on
            elif not change.removed:
                self._add(change.key)
        self._forget()

    def _add(self, key: str) -> None:
        kind, _, rest = key.partition(":")
        until = time.monotonic() + self._lifetime.total_seconds()
        if kind == "session":
            self._sessions[rest] = until
            return
        user, _, version = rest.partition(":")
        known, _ = self._versions.get(user, (0, 0.0))
        self._versions[user] = max(known, int(version)), until

    def _forget(self) -> None:
        now = time.monotonic()
        self._sessions = {key: until for key, until in self._sessions.items() if until > now}
        self._versions = {key: each for key, each in self._versions.items() if each[1] > now}

    async def _is_stored(self, claims: Claims) -> bool:
        keys = [f"session:{claims.session}", f"user:{claims.user}:{claims.version}"]
        return await self._collection.find_one({"_id": {"$in": keys}}) is not None


def revocations_of(context: Context) -> Revocations:
    """The revocations of the context's engine."""
    return context.engine.own(Revocations, context.engine)
