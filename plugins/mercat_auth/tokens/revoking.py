"""Access tokens that end before they expire, known to every process within a second.

Each process keeps the revocations of the last minutes in memory, told by the change feed. Where the
feed is behind, the database is asked instead.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.errors import DuplicateKeyError

from mercat.caching.answers import FRESH_SECONDS
from mercat.context import Context
from mercat.engine import Engine
from mercat.errors import ExpiredError, UnauthenticatedError
from mercat.storage import Record, Session
from mercat.storage.changes import Change
from mercat_auth.documents import RevocationDocument
from mercat_auth.settings import AuthSettings
from mercat_auth.tokens.access import Claims

_MARGIN = timedelta(minutes=1)
_TRANSACTION_SECONDS = 30.0  # longer than any takes
ENDED = "the session has ended; sign in"
_CHANGED = "the account has changed; refresh the access token"


class Revocations:
    """One engine's."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sessions: dict[str, float] = {}
        self._versions: dict[str, tuple[int, float]] = {}
        self._written: dict[str, float] = {}
        self._missed = 1
        self._loaded = 0
        self._turn = asyncio.Lock()

    async def listen(self) -> None:
        """Hear of new ones; those that there are already are read when somebody asks."""
        self._engine.changes.listen(RevocationDocument, self._hear)

    async def check(self, claims: Claims) -> None:
        """Raise UnauthenticatedError where a token has ended early.

        ExpiredError where its session goes on, so that it can be refreshed.
        """
        if time.monotonic() - self._engine.changes.told_until > FRESH_SECONDS or (
            self._written and self._is_being_ended(claims)
        ):
            ended, version = await self._stored(claims)
        else:
            if self._loaded != self._missed:
                await self._load()
            ended = claims.session in self._sessions
            version, _ = self._versions.get(claims.user, (0, 0.0))
        if ended:
            raise UnauthenticatedError(ENDED)
        if claims.version <= version:
            raise ExpiredError(_CHANGED)

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

    async def _load(self) -> None:
        async with self._turn:
            missed = self._missed
            if self._loaded == missed:
                return
            async for record in self._collection.find({"until": {"$gt": datetime.now(UTC)}}):
                self._add(record["_id"])
            self._loaded = missed

    async def _write(self, key: str, within: Session | None) -> None:
        until = datetime.now(UTC) + self._lifetime
        if within is not None:  # nobody tells whether it is committed, until the change is told
            self._written[key] = time.monotonic() + _TRANSACTION_SECONDS
        try:
            await self._collection.update_one(
                {"_id": key}, {"$set": {"until": until}}, upsert=True, session=within
            )
        except DuplicateKeyError:
            if within is not None:
                raise
        if within is None:
            self._add(key)

    def _is_being_ended(self, claims: Claims) -> bool:
        user = f"user:{claims.user}:"
        return f"session:{claims.session}" in self._written or any(
            key.startswith(user) for key in self._written
        )

    def _hear(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.key is None:
                self._missed += 1  # nobody knows what; they are read again before the next answer
            elif not change.removed:
                self._add(change.key)
        self._forget()

    def _add(self, key: str) -> None:
        self._written.pop(key, None)
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
        self._written = {key: until for key, until in self._written.items() if until > now}

    async def _stored(self, claims: Claims) -> tuple[bool, int]:
        """Whether the session has ended, and the last version of the user's that has."""
        session, user = f"session:{claims.session}", f"user:{claims.user}:"
        after = user[:-1] + ";"  # what comes after the colon
        wanted: Record = {"$or": [{"_id": session}, {"_id": {"$gte": user, "$lt": after}}]}
        found = [each["_id"] for each in await self._collection.find(wanted).to_list()]
        versions = [int(key.removeprefix(user)) for key in found if key != session]
        return session in found, max(versions, default=0)


def revocations_of(context: Context) -> Revocations:
    """The revocations of the context's engine."""
    return context.engine.own(Revocations, context.engine)
