"""Adding, changing and removing what is set up; who may is decided by the services."""

import secrets
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from pymongo import ReturnDocument

from mercat.context import Context
from mercat.errors import NotFoundError, StaleError
from mercat.storage import Record, Session
from mercat.storage.pages import reserve_numbers
from mercat_orders.configured.errors import InSettingsError, KeyTakenError, TooManyKeptError
from mercat_orders.configured.memory import Kept

MOST = 250
MOST_OF_SELLER = 50
_KEY_BYTES = 5


async def add(context: Context, kept: Kept[Any], key: str | None, values: Record) -> Record:
    """Store one, under a key made for it where none is given.

    Raises KeyTakenError, TooManyKeptError.
    """
    if key in kept.fixed:
        raise KeyTakenError(f"'{key}' stands in engine.toml; give another key", field=("key",))
    now = datetime.now(UTC)

    async def work(session: Session) -> Record:
        # Whoever adds one writes this counter, so that of two at once one looks again.
        await reserve_numbers(context.storage, kept.collection(context).name, 1, session)
        sellers = await _sellers(context, kept, session)
        _check_room(kept, sellers, values.get("seller"))
        if key in sellers:
            raise KeyTakenError(f"there is a {kept.noun} '{key}' already", field=("key",))
        name = key or _free_key({*sellers, *kept.fixed})
        record = {"_id": name, **values, "created_at": now, "updated_at": now, "version": 1}
        await kept.collection(context).insert_one(record, session=session)
        return record

    try:
        return await context.storage.transaction(work)
    finally:
        kept.spoil()


async def change(
    context: Context, kept: Kept[Any], seen: Record, version: int | None, values: Mapping[str, Any]
) -> Record:
    """Write some values of a stored one. Raises NotFoundError, StaleError."""
    try:
        changed: Record | None = await kept.collection(context).find_one_and_update(
            _condition(seen, version),
            {"$set": {**values, "updated_at": datetime.now(UTC)}, "$inc": {"version": 1}},
            return_document=ReturnDocument.AFTER,
        )
    finally:
        kept.spoil()
    if changed is None:
        raise await _missed(context, kept, seen)
    return changed


async def remove(context: Context, kept: Kept[Any], seen: Record, version: int | None) -> None:
    """Remove a stored one for good. Raises NotFoundError, StaleError."""
    try:
        result = await kept.collection(context).delete_one(_condition(seen, version))
    finally:
        kept.spoil()
    if not result.deleted_count:
        raise await _missed(context, kept, seen)


def missing(kept: Kept[Any]) -> NotFoundError:
    return NotFoundError(f"there is no such {kept.noun}", field=("id",))


def in_settings(kept: Kept[Any]) -> InSettingsError:
    return InSettingsError(
        f"this {kept.noun} stands in engine.toml; change it there", field=("id",)
    )


def _condition(seen: Record, version: int | None) -> Record:
    """The one that was seen, not another that got its key since; in that version, if any."""
    same = {"_id": seen["_id"], "created_at": seen["created_at"]}
    return same if version is None else {**same, "version": version}


async def _missed(context: Context, kept: Kept[Any], seen: Record) -> NotFoundError | StaleError:
    if await kept.collection(context).find_one(_condition(seen, None)) is None:
        return missing(kept)
    return StaleError(f"somebody else changed the {kept.noun}; read it again", field=("version",))


async def _sellers(context: Context, kept: Kept[Any], session: Session) -> dict[str, str | None]:
    """Whose those are that are stored, by their keys."""
    found = kept.collection(context).find({}, {"seller": 1}, session=session)
    return {each["_id"]: each.get("seller") async for each in found}


def _check_room(kept: Kept[Any], sellers: Mapping[str, str | None], seller: str | None) -> None:
    if len(sellers) >= MOST:
        raise TooManyKeptError(f"a shop has {MOST} {kept.noun}s at most")
    if seller is not None and list(sellers.values()).count(seller) >= MOST_OF_SELLER:
        raise TooManyKeptError(f"a seller has {MOST_OF_SELLER} {kept.noun}s at most")


def _free_key(taken: Collection[str]) -> str:
    while (key := secrets.token_hex(_KEY_BYTES)) in taken:
        continue
    return key
