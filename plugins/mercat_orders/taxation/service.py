"""Seeing and changing tax zones; who may is decided here."""

from collections.abc import Mapping, Sequence
from typing import Any

from mercat.auth import Subject, allowed, check_allowed
from mercat.context import Context
from mercat.storage import Record
from mercat_orders.configured import writing
from mercat_orders.configured.checking import key as checked_key
from mercat_orders.configured.entries import Entry
from mercat_orders.permissions import MANAGE_TAXES
from mercat_orders.taxation.checking import checked, checked_new
from mercat_orders.taxation.memory import kept_zones, to_zone
from mercat_orders.taxation.zones import TaxZone

Zone = Entry[TaxZone]

_ZONES = Subject("TaxZone")


async def list_zones(context: Context) -> list[Zone]:
    """All of them: those of engine.toml, then the others in the order in which they were added."""
    await check_allowed(context, MANAGE_TAXES, _ZONES)
    kept = kept_zones(context)
    return [*map(Entry, kept.fixed.values()), *map(_entry, await kept.records(context))]


async def zones_by_key(context: Context, keys: Sequence[str]) -> dict[str, Zone]:
    """The zones with these keys; none for who may not see them."""
    if not await allowed(context, MANAGE_TAXES, _ZONES):
        return {}
    kept = kept_zones(context)
    stored = kept.collection(context).find({"_id": {"$in": list(keys)}})
    found = {each["_id"]: _entry(each) async for each in stored}
    return found | {key: Entry(kept.fixed[key]) for key in keys if key in kept.fixed}


async def create_zone(context: Context, given: Mapping[str, Any]) -> Zone:
    """Add a zone. Raises InvalidError, KeyTakenError, TooManyKeptError."""
    await check_allowed(context, MANAGE_TAXES, _ZONES)
    key = checked_key(given["key"], ("key",)) if "key" in given else None
    values = checked_new({name: value for name, value in given.items() if name != "key"})
    return _entry(await writing.add(context, kept_zones(context), key, values))


async def update_zone(
    context: Context, key: str, version: int | None, given: Mapping[str, Any]
) -> Zone:
    """Change what is given of a zone.

    Raises InvalidError, NotFoundError, StaleError, InSettingsError.
    """
    stored = await _editable(context, key)
    values = checked(given)
    return _entry(await writing.change(context, kept_zones(context), stored, version, values))


async def delete_zone(context: Context, key: str, version: int | None) -> None:
    """Remove a zone. Raises NotFoundError, StaleError, InSettingsError."""
    stored = await _editable(context, key)
    await writing.remove(context, kept_zones(context), stored, version)


async def _editable(context: Context, key: str) -> Record:
    await check_allowed(context, MANAGE_TAXES, _ZONES)
    kept = kept_zones(context)
    if key in kept.fixed:
        raise writing.in_settings(kept)
    stored = await kept.collection(context).find_one({"_id": key})
    if stored is None:
        raise writing.missing(kept)
    return stored


def _entry(record: Record) -> Zone:
    return Entry.of(to_zone(record), record)
