"""Who sent a request with an API key: asked of the database once, and then known."""

import hmac
import time
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.errors import UnauthenticatedError
from mercat.storage import Record
from mercat.storage.changes import Change
from mercat_auth.api_keys.documents import ApiKeyDocument
from mercat_auth.api_keys.service import SERVICE
from mercat_auth.api_keys.texts import id_of
from mercat_auth.roles.service import roles_of
from mercat_auth.sealing import digest_of

_MOST_KNOWN = 1_000
_LATE_SECONDS = 0.8
_NOTED = timedelta(minutes=1)


class ApiKeys:
    """One engine's; what it knows is forgotten when the change feed tells of it.

    Where the feed is behind, the database is asked each time.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: OrderedDict[str, Record] = OrderedDict()
        self._spoilt: list[set[Any]] = []  # during each reading

    def listen(self) -> None:
        """Hear of keys that change."""
        self._engine.changes.listen(ApiKeyDocument, self._hear)

    async def find(self, key: str) -> Record:
        """What is stored of a key. Raises UnauthenticatedError for one that isn't good."""
        key_id = id_of(key)
        found = None if key_id is None else await self._look(key_id)
        now = datetime.now(UTC)
        if found is None or not hmac.compare_digest(found["digest"], digest_of(key)):
            raise UnauthenticatedError("this is no API key of the shop")
        if found["ended_at"] is not None or found["expires_at"] <= now:
            raise UnauthenticatedError("the API key has expired, or was revoked")
        if found["used_at"] is None or found["used_at"] < now - _NOTED:
            await self._note(found, now)
        return found

    async def _look(self, key_id: str) -> Record | None:
        is_late = time.monotonic() - self._engine.changes.told_until > _LATE_SECONDS
        found: Record | None = None if is_late else self._known.get(key_id)
        if found is not None:
            self._known.move_to_end(key_id)
            return found
        spoilt: set[Any] = set()
        self._spoilt.append(spoilt)
        try:
            found = await self._keys.find_one({"_id": key_id})
        finally:
            self._spoilt.remove(spoilt)
        if found is not None and not spoilt & {key_id, None}:
            self._known[key_id] = found
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        return found

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
        keys = {change.key for change in changes}
        for spoilt in self._spoilt:
            spoilt.update(keys)
        if None in keys:
            self._known.clear()
        for key in keys:
            self._known.pop(key, None)

    @property
    def _keys(self) -> Any:
        return self._engine.storage.collection(ApiKeyDocument)


async def viewer_of_key(context: Context, key: str) -> Viewer:
    """The service account that a key stands for. Raises UnauthenticatedError."""
    found = await api_keys_of(context).find(key)
    declared = roles_of(context).permissions.keys()  # a plugin may be gone
    return Viewer(
        role=SERVICE,
        permissions=frozenset(found["permissions"]) & declared,
        user=str(found["account"]),
        seller=found["seller"],
    )


def api_keys_of(context: Context) -> ApiKeys:
    """The API keys of the context's engine."""
    return context.engine.own(ApiKeys, context.engine)
