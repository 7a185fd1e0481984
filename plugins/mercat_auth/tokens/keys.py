"""The keys that access tokens are signed with: in the database, sealed, known to every process."""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.errors import DuplicateKeyError

from mercat.caching.answers import FRESH_SECONDS
from mercat.context import Context
from mercat.engine import Engine
from mercat.errors import InvalidError, NotFoundError, StoreError
from mercat.storage import Record
from mercat.storage.changes import Change
from mercat_auth.documents import SigningKeyDocument
from mercat_auth.sealing import random_text
from mercat_auth.settings import AuthSettings
from mercat_auth.tokens.signing import SigningKey, generated, opened

KNOWN_SECONDS = 60
"""How long a new key is only published before it signs, so that everybody knows it by then."""
_FIRST = "first"
_LOOK_SECONDS = 2.0
_LONGEST_USE = timedelta(hours=2)  # of a key that signs no more: twice the longest token's life

_logger = logging.getLogger(__name__)


class Keys:
    """One engine's; `current` signs, all of them verify.

    `sequence` goes up when a key has gone, so that who remembers what it signed can forget that.
    """

    def __init__(self, engine: Engine) -> None:
        self._context = engine.context()
        self._keys: dict[str, SigningKey] = {}
        self._of_header: dict[str, SigningKey] = {}
        self._wanted = 1
        self._read = 0
        self._looked = -math.inf
        self._turn = asyncio.Lock()
        self.sequence = 0

    def listen(self) -> None:
        """Follow what other processes do to the keys."""
        self._context.engine.changes.listen(SigningKeyDocument, self._forget)

    def _forget(self, _changes: Sequence[Change]) -> None:
        self._wanted += 1

    async def current(self) -> SigningKey:
        """The key to sign with; made where the shop has none of the algorithm that is set."""
        found = self._ready((await self._all()).values())
        for key_id in (_FIRST, random_text(9)):
            if found is not None:
                return found
            await self._make(key_id, datetime.now(UTC))
            found = self._ready((await self._all()).values())
        if found is None:
            raise StoreError("the shop has no key to sign with, and none could be stored")
        return found

    @property
    def is_behind(self) -> bool:
        """Whether another process may have changed something that this one was not told."""
        if self._read != self._wanted:
            return True
        known = max(self._context.engine.changes.told_until, self._looked)
        return time.monotonic() - known > FRESH_SECONDS

    async def look(self) -> None:
        """Read the keys again."""
        self._wanted += 1
        await self._all()

    async def find(self, header: str) -> SigningKey | None:
        """The key whose tokens begin so; looked for again at most every other second."""
        if self.is_behind:
            await self.look()
        found = self._of_header.get(header)
        if found is None and time.monotonic() - self._looked > _LOOK_SECONDS:
            await self.look()
            found = self._of_header.get(header)
        return found

    async def published(self) -> list[Mapping[str, str]]:
        """The public keys, for `/.well-known/jwks.json` (RFC 7517)."""
        await self.current()
        return [key.public for key in (await self._all()).values()]

    async def listed(self) -> list[tuple[Record, str]]:
        """All stored keys, the newest first, each with what it does."""
        await self.look()
        signs, now = self._ready(self._keys.values()), datetime.now(UTC)
        records = await self._collection.find({}, {"private": 0}).sort("signs_from", -1).to_list()
        return [(record, self._state(record, signs, now)) for record in records]

    async def rotate(self, *, at_once: bool = False) -> str:
        """Make another key, which signs after a minute, or at once; returns its id.

        What older keys have signed stays good until it expires.
        """
        await self.current()
        wait = timedelta(seconds=0 if at_once else KNOWN_SECONDS)
        made = random_text(9)
        await self._make(made, datetime.now(UTC) + wait)
        await self.sweep()
        return made

    async def remove(self, key_id: str) -> None:
        """Have all that a key has signed end now. Raises NotFoundError.

        Where no other key can sign, one is made first. Sessions go on: they are refreshed.
        """
        await self.look()
        if await self._collection.find_one({"_id": key_id}, {"_id": 1}) is None:
            raise NotFoundError(f"there is no key '{key_id}'; `mercat keys list` shows them")
        if self._ready(key for key in self._keys.values() if key.id != key_id) is None:
            await self._make(random_text(9), datetime.now(UTC))
        await self._collection.delete_one({"_id": key_id})
        await self.look()

    async def sweep(self) -> None:
        """Remove keys that have signed nothing for so long that it has all expired."""
        await self.look()
        current = await self.current()
        if current.signs_from + _LONGEST_USE < datetime.now(UTC):
            await self._collection.delete_many({"signs_from": {"$lt": current.signs_from}})
            await self.look()

    @property
    def _algorithm(self) -> str:
        return self._context.settings(AuthSettings).algorithm

    @property
    def _collection(self) -> Any:
        return self._context.storage.collection(SigningKeyDocument)

    def _ready(self, keys: Iterable[SigningKey]) -> SigningKey | None:
        """The newest that signs already; else the one that is nearest to it."""
        now = datetime.now(UTC)
        own = sorted(
            (key for key in keys if key.algorithm == self._algorithm),
            key=lambda key: (key.signs_from, key.id),
        )
        ready = [key for key in own if key.signs_from <= now]
        return ready[-1] if ready else next(iter(own), None)

    def _state(self, record: Record, signs: SigningKey | None, now: datetime) -> str:
        if record["_id"] not in self._keys:
            return "unreadable"
        if signs is not None and record["_id"] == signs.id:
            return "signs"
        if record["signs_from"] > now:
            return f"signs in {(record['signs_from'] - now).total_seconds():.0f} s"
        return "verifies"

    async def _all(self) -> dict[str, SigningKey]:
        if self._read == self._wanted:
            return self._keys
        async with self._turn:
            if self._read != self._wanted:
                wanted, looked = self._wanted, time.monotonic()
                self._know(await self._collection.find({}).to_list())
                self._read, self._looked = wanted, looked
        return self._keys

    def _know(self, records: Sequence[Record]) -> None:
        before = {key.header: key.public for key in self._keys.values()}
        found = [key for record in records if (key := self._opened(record)) is not None]
        self._keys = {key.id: key for key in found}
        self._of_header = {key.header: key for key in found}
        after = {key.header: key.public for key in found}
        if any(after.get(header) != public for header, public in before.items()):
            self.sequence += 1

    def _opened(self, record: Record) -> SigningKey | None:
        try:
            return opened(self._context, record)
        except InvalidError:
            _logger.warning("the key '%s' was not sealed with the shop's secret", record["_id"])
            return None

    async def _make(self, key_id: str, signs_from: datetime) -> None:
        """Store a new key; where another process has made one with that id, its is the one."""
        record = generated(self._context, key_id, self._algorithm, signs_from)
        with contextlib.suppress(DuplicateKeyError):
            await self._collection.insert_one(record)
        self._wanted += 1


def keys_of(context: Context) -> Keys:
    """The keys of the context's engine."""
    return context.engine.own(Keys, context.engine)
