"""The shop's promotions, in the memory of this process, as fresh as the database.

There may be thousands, some with ten thousand products: what is read again is what the change feed
told of. Only while that is silent, or has lost something, the versions of all are looked at, since
then anything may have changed; and of those that differ the rest is read.
"""

import asyncio
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection

from mercat.context import Context
from mercat.storage import Record
from mercat.storage.changes import Change
from mercat_coupons.documents import PromotionDocument
from mercat_coupons.promotions.records import to_promotion
from mercat_coupons.promotions.values import Promotion

_FRESH_SECONDS = 0.8
_AT_ONCE = 50  # SecantusDB compares each document with each of them
_ENDED = timedelta(days=1)  # whatever the clocks of two machines say, and in whatever time zone


@dataclass(frozen=True, slots=True)
class Known:
    """The promotions that aren't archived: those that need no code, and all by their ids.

    Automatic ones that ended more than a day ago may be left out of `automatic`.
    """

    automatic: tuple[Promotion, ...] = ()
    by_id: Mapping[str, Promotion] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class _Version:
    number: int
    promotion: Promotion


class KeptPromotions:
    """One engine's promotions."""

    def __init__(self) -> None:
        self._versions: dict[ObjectId, _Version] = {}
        self._known = Known()
        self._read_at = -math.inf
        self._doubted: set[ObjectId] = set()
        self._doubts_all = True
        self._loading = asyncio.Lock()

    def listen(self, context: Context) -> None:
        """Hear of what other processes change; at startup."""
        context.engine.changes.listen(PromotionDocument, self._hear)

    def spoil(self, key: ObjectId) -> None:
        """Have the next reader look at one in the database."""
        self._doubted.add(key)

    async def current(self, context: Context) -> Known:
        """All of them, no older than 0.8 s."""
        if self._is_fresh(context):
            return self._known
        async with self._loading:
            if self._doubted or self._doubts_all or not self._is_told(context):
                await self._refresh(context)
            return self._known

    def _hear(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.key is None:
                self._doubts_all = True
            else:
                self._doubted.add(change.key)

    def _is_fresh(self, context: Context) -> bool:
        is_doubted = self._doubted or self._doubts_all or self._loading.locked()
        return not is_doubted and self._is_told(context)

    def _is_told(self, context: Context) -> bool:
        known_until = max(self._read_at, context.engine.changes.told_until)
        return known_until > time.monotonic() - _FRESH_SECONDS

    async def _refresh(self, context: Context) -> None:
        """Read what is in doubt; what is doubted meanwhile is the next reader's."""
        doubted, self._doubted = self._doubted, set()
        doubts_all, self._doubts_all = self._doubts_all, False
        try:
            if doubts_all or not self._is_told(context):
                read_at = time.monotonic()
                await self._read(context, doubted | await self._differing(context))
                self._read_at = read_at
            else:
                await self._read(context, doubted)
        except BaseException:
            self._doubted |= doubted
            self._doubts_all |= doubts_all
            raise
        self._known = _known(each.promotion for each in self._versions.values())

    async def _differing(self, context: Context) -> set[ObjectId]:
        """Those that are stored in another version than the one in memory, or not any more."""
        stored = {
            each["_id"]: each["version"]
            async for each in _promotions(context).find({"status": "active"}, {"version": 1})
        }
        known = {key: each.number for key, each in self._versions.items()}
        return {key for key, _ in stored.items() ^ known.items()}

    async def _read(self, context: Context, keys: Iterable[ObjectId]) -> None:
        wanted_keys = list(keys)
        for start in range(0, len(wanted_keys), _AT_ONCE):
            some = wanted_keys[start : start + _AT_ONCE]
            wanted = {"_id": {"$in": some}, "status": "active"}
            found = {each["_id"]: each async for each in _promotions(context).find(wanted)}
            for key in some:
                self._versions.pop(key, None)
            for key, record in found.items():
                self._versions[key] = _Version(record["version"], to_promotion(record))


def promotions_of(context: Context) -> KeptPromotions:
    return context.engine.own(KeptPromotions)


def _known(promotions: Iterable[Promotion]) -> Known:
    by_id = {each.id: each for each in promotions}
    since = datetime.now(UTC) - _ENDED
    automatic = (each for each in by_id.values() if each.is_automatic)
    return Known(
        tuple(each for each in automatic if (each.conditions.ends_at or since) >= since),
        MappingProxyType(by_id),
    )


def _promotions(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(PromotionDocument)
