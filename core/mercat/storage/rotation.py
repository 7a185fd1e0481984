"""New data keys for what is sealed, and a new master key for the data keys."""

import itertools
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bson.binary import Binary
from pymongo import UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError

from mercat.context import Context
from mercat.settings import Settings
from mercat.storage import Record, Storage
from mercat.storage.encryption import (
    DataKey,
    Encryption,
    EncryptionKeyDocument,
    UnreadableError,
    check_masters,
    driver_of,
    encryption_of,
    told,
)
from mercat.storage.master_keys import local_master_key, master_keys_of
from mercat.storage.sealed_fields import (
    SealedCollectionDocument,
    key_of,
    remembered,
    sealed_in,
)

Progress = Callable[[int, int], None]
"""Called with how many documents were looked at, and about how many there are."""

KEPT_FOR = timedelta(hours=1)
"""How long a data key is kept that nothing uses: longer than any work with what it has sealed."""
_BATCH = 500
_PASSES = 5  # other processes seal with an older key for up to LOOK_SECONDS

_logger = logging.getLogger(__name__)


@dataclass
class Pass:
    """What one look at all that is sealed found, in documents; `keys` are of unreadable values."""

    looked_at: int = 0
    stale: int = 0
    changed: int = 0
    unreadable: int = 0
    keys: set[Binary] = field(default_factory=set)


@dataclass(frozen=True)
class Rotation:
    """What a rotation did: the key that seals now, how many documents were sealed anew.

    `left` could not be changed because others changed them all the time, `unreadable` not because
    they were tampered with or their key is gone.
    """

    key: DataKey
    changed: int
    left: int
    unreadable: int
    keys: frozenset[Binary]


def _quiet(_looked_at: int, _total: int) -> None:
    """For those whom nobody watches."""


async def rotate(context: Context, progress: Progress = _quiet) -> Rotation:
    """Make a new data key and seal everything anew with it.

    Goes on with a rotation that broke off, instead of making another key. Safe to break off, and
    while others write: each document is changed only where it still has what was read.
    """
    encryption = encryption_of(context)
    newest = await encryption.newest_key()
    if not await _is_unfinished(context, newest):
        await encryption.make_key(newest.number + 1)
    return await _seal_anew(context, progress)


async def finish_rotation(context: Context) -> None:
    """Finish what broke off, and remove data keys that nothing has used for an hour."""
    keys = await encryption_of(context).keys()
    if len(keys) < 2:  # noqa: PLR2004  one that seals, and one that has
        return
    done = await _seal_anew(context, _quiet)
    if done.left or await _sealed_anew_since(context, datetime.now(UTC) - KEPT_FOR):
        return
    for key, after in itertools.pairwise(keys):
        if after.made_at + KEPT_FOR < datetime.now(UTC) and key.id not in done.keys:
            await context.storage.collection(EncryptionKeyDocument).delete_one({"_id": key.id})
            _logger.info("the data key %s is removed: nothing uses it", key.name)


async def rewrap(
    storage: Storage, settings: Settings, old: bytes | None = None, *, own: bool = False
) -> int:
    """Wrap every data key with the master key of the settings; returns how many there are.

    `old` are the 96 bytes of the one before, where that was the shop's own; `own` prefers the
    shop's own to that of a key management service. Safe to break off and to repeat. Raises
    BootError where a data key is wrapped with one that isn't there.
    """
    masters = sorted(
        master_keys_of(settings), key=lambda master: own and not master.provider.startswith("local")
    )
    known = masters if old is None else [*masters, local_master_key(old)]
    await check_masters(storage, known)
    driver = driver_of(storage, known)
    try:
        done = await told(driver.rewrap_many_data_key({}, masters[0].provider, masters[0].key))
    finally:
        await driver.close()
    return 0 if done.bulk_write_result is None else done.bulk_write_result.matched_count


async def _seal_anew(context: Context, progress: Progress) -> Rotation:
    changed = 0
    for _ in range(_PASSES):
        newest = await encryption_of(context).newest_key()
        found = await _pass(context, newest, progress)
        changed += found.changed
        if found.stale == found.unreadable:
            break
    left = max(found.stale - found.changed - found.unreadable, 0)
    return Rotation(newest, changed, left, found.unreadable, frozenset(found.keys))


async def _pass(context: Context, newest: DataKey, progress: Progress) -> Pass:
    found, total = Pass(), await _total(context.storage)
    async for collection, paths, records in _batches(context.storage):
        stale = {
            record["_id"]: values for record in records if (values := _stale(record, paths, newest))
        }
        found.stale += len(stale)
        if stale:
            await _seal_batch(context, collection, stale, found)
        found.looked_at += len(records)
        progress(found.looked_at, max(total, found.looked_at))
    return found


async def _seal_batch(
    context: Context,
    collection: AsyncCollection[Record],
    stale: dict[Any, dict[str, Binary]],
    found: Pass,
) -> None:
    """Seal some documents' values anew; those that others change meanwhile stay as they are."""
    encryption, updates = encryption_of(context), []
    for key, values in stale.items():
        sealed = await _sealed_anew(encryption, values)
        if len(sealed) < len(values):
            found.unreadable += 1
            found.keys |= {key_of(values[place]) for place in values.keys() - sealed.keys()}
            _logger.warning("a sealed value of %s %s can't be read", collection.name, key)
        if sealed:
            read = {place: values[place] for place in sealed}
            updates.append(UpdateOne({"_id": key, **read}, {"$set": sealed}))
    if not updates:
        return
    await context.storage.collection(SealedCollectionDocument).update_one(
        {"_id": collection.name}, {"$set": {"sealed_anew_at": datetime.now(UTC)}}
    )
    found.changed += await _written(collection, updates)


async def _sealed_anew(encryption: Encryption, values: dict[str, Binary]) -> dict[str, Binary]:
    """The values that can be read, sealed with the newest key."""
    sealed = {}
    for place, value in values.items():
        try:
            sealed[place] = await encryption.seal(await encryption.unseal(value))
        except UnreadableError:
            continue
    return sealed


async def _written(collection: AsyncCollection[Record], updates: list[UpdateOne]) -> int:
    try:
        return (await collection.bulk_write(updates, ordered=False)).matched_count
    except BulkWriteError as error:  # a transaction was in the way of some; the next pass does them
        matched: int = error.details["nMatched"]
        return matched


async def _is_unfinished(context: Context, newest: DataKey) -> bool:
    """Whether something that can be read is still sealed with an older key."""
    encryption = encryption_of(context)
    if (await encryption.keys())[0].number == newest.number:
        return False
    async for _, paths, records in _batches(context.storage):
        for record in records:
            if await _sealed_anew(encryption, _stale(record, paths, newest)):
                return True
    return False


async def _sealed_anew_since(context: Context, moment: datetime) -> bool:
    found = await remembered(context.storage)
    return any(each.get("sealed_anew_at", moment) > moment for each in found)


def _stale(record: Record, paths: list[str], newest: DataKey) -> dict[str, Binary]:
    found = sealed_in(record, paths)
    return {place: value for place, value in found.items() if key_of(value) != newest.id}


async def _total(storage: Storage) -> int:
    names = [each["_id"] for each in await remembered(storage)]
    return sum([await storage.database[name].estimated_document_count() for name in names])


async def _batches(
    storage: Storage,
) -> AsyncIterator[tuple[AsyncCollection[Record], list[str], list[Record]]]:
    """All documents that may hold sealed values, with these fields only, in the order of ids."""
    for each in await remembered(storage):
        collection = storage.database[each["_id"]]
        fields = {path.split(".")[0]: 1 for path in each["paths"]}
        wanted: Record = {}
        while records := await _read(collection, wanted, fields):
            yield collection, each["paths"], records
            wanted = {"_id": {"$gt": records[-1]["_id"]}}


async def _read(
    collection: AsyncCollection[Record], wanted: Record, fields: dict[str, int]
) -> list[Record]:
    return await collection.find(wanted, fields).sort("_id", 1).limit(_BATCH).to_list()
