"""Who sent a request with an API key: asked of the database once, and then known.

A key may what it was given and its maker may now: the maker's account is known with it.
"""

import hmac
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId

from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.errors import UnauthenticatedError
from mercat.storage import Record
from mercat.storage.changes import Change
from mercat_auth.api_keys.documents import ApiKeyDocument
from mercat_auth.api_keys.service import SERVICE
from mercat_auth.api_keys.texts import id_of
from mercat_auth.documents import UserDocument
from mercat_auth.mfa import requiring
from mercat_auth.roles.service import permissions_of, roles_of
from mercat_auth.sealing import digest_of

_MOST_KNOWN = 1_000
_LATE_SECONDS = 0.8
_NOTED = timedelta(minutes=1)
_MAKERS = {"state": 1, "seller": 1, "roles": 1, "mfa.totp.added_at": 1, "passkeys.key": 1}


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A stored key, and the account of whoever made it; None for the shop itself, and nobody."""

    key: Record
    maker: Record | None


class ApiKeys:
    """One engine's; what it knows is forgotten when the change feed tells of it.

    Where the feed is behind, the database is asked each time.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: OrderedDict[str, KnownKey] = OrderedDict()
        self._made: dict[ObjectId, set[str]] = {}  # which of them somebody made
        self._spoilt: list[set[Any]] = []  # during each reading

    def listen(self) -> None:
        """Hear of keys that change, and of who made them."""
        self._engine.changes.listen(ApiKeyDocument, self._hear)
        self._engine.changes.listen(UserDocument, self._hear_of_makers)

    async def find(self, key: str) -> KnownKey:
        """What is stored of a key. Raises UnauthenticatedError for one that isn't good."""
        key_id = id_of(key)
        known = None if key_id is None else await self._look(key_id)
        if known is None or not hmac.compare_digest(known.key["digest"], digest_of(key)):
            raise UnauthenticatedError("this is no API key of the shop")
        found, now = known.key, datetime.now(UTC)
        if found["ended_at"] is not None or found["expires_at"] <= now:
            raise UnauthenticatedError("the API key has expired, or was revoked")
        if found["used_at"] is None or found["used_at"] < now - _NOTED:
            await self._note(found, now)
        return known

    async def _look(self, key_id: str) -> KnownKey | None:
        is_late = time.monotonic() - self._engine.changes.told_until > _LATE_SECONDS
        found = None if is_late else self._known.get(key_id)
        if found is not None:
            self._known.move_to_end(key_id)
            return found
        spoilt: set[Any] = set()
        self._spoilt.append(spoilt)
        try:
            found = await self._stored(key_id)
        finally:
            self._spoilt.remove(spoilt)
        if found is not None and not spoilt & {key_id, _maker_of(found), None}:
            self._remember(key_id, found)
        return found

    async def _stored(self, key_id: str) -> KnownKey | None:
        found: Record | None = await self._keys.find_one({"_id": key_id})
        if found is None:
            return None
        users = self._engine.storage.collection(UserDocument)
        made_by = _key_of(found["made_by"])
        maker = None if made_by is None else await users.find_one({"_id": made_by}, _MAKERS)
        return KnownKey(found, maker)

    def _remember(self, key_id: str, found: KnownKey) -> None:
        self._forget([key_id])
        self._known[key_id] = found
        maker = _maker_of(found)
        if maker is not None:
            self._made.setdefault(maker, set()).add(key_id)
        if len(self._known) > _MOST_KNOWN:
            self._forget([next(iter(self._known))])

    def _forget(self, key_ids: Iterable[str]) -> None:
        for key_id in key_ids:
            found = self._known.pop(key_id, None)
            maker = None if found is None else _maker_of(found)
            if maker is not None:
                self._made[maker].discard(key_id)
                if not self._made[maker]:
                    del self._made[maker]

    async def _note(self, found: Record, now: datetime) -> None:
        """Write down that a key is in use, once a minute at most of all processes."""
        found["used_at"] = now
        await self._keys.update_one(
            {
                "_id": found["_id"],
                "$or": [{"used_at": None}, {"used_at": {"$lt": now - _NOTED}}],
            },
            {"$set": {"used_at": now}},
        )

    def _hear(self, changes: Sequence[Change]) -> None:
        keys = self._spoil(changes)
        self._forget(keys)

    def _hear_of_makers(self, changes: Sequence[Change]) -> None:
        for maker in self._spoil(changes):
            self._forget(list(self._made.get(maker, ())))

    def _spoil(self, changes: Sequence[Change]) -> set[Any]:
        """What changed: of no use any more to who reads it at this moment."""
        keys = {change.key for change in changes}
        for spoilt in self._spoilt:
            spoilt.update(keys)
        if None in keys:
            self._known.clear()
            self._made.clear()
        return keys

    @property
    def _keys(self) -> Any:
        return self._engine.storage.collection(ApiKeyDocument)


async def viewer_of_key(context: Context, key: str) -> Viewer:
    """The service account that a key stands for. Raises UnauthenticatedError.

    UnauthenticatedError too where its maker is gone, suspended, or on another seller's staff.
    """
    known = await api_keys_of(context).find(key)
    found = known.key
    return Viewer(
        role=SERVICE,
        permissions=frozenset(found["permissions"]) & await _may(context, known),
        user=str(found["account"]),
        seller=found["seller"],
    )


async def _may(context: Context, known: KnownKey) -> frozenset[str]:
    """What may be at most: what its maker may at this moment."""
    if known.key["made_by"] is None:
        return frozenset(roles_of(context).permissions)  # a plugin may be gone
    maker = known.maker
    if maker is None or maker["state"] != "active":
        raise UnauthenticatedError("whoever made the API key has no account here now")
    if known.key["seller"] not in {None, maker["seller"]}:
        raise UnauthenticatedError("whoever made the API key has left its seller")
    roles: Sequence[str] = maker["roles"]
    if requiring.is_needed(context, roles) and not requiring.is_enrolled(maker):
        roles = ()
    return await permissions_of(context, roles)


def _maker_of(known: KnownKey) -> ObjectId | None:
    return _key_of(known.key["made_by"])


def _key_of(user: str | None) -> ObjectId | None:
    return ObjectId(user) if ObjectId.is_valid(user or "") else None


def api_keys_of(context: Context) -> ApiKeys:
    """The API keys of the context's engine."""
    return context.engine.own(ApiKeys, context.engine)
