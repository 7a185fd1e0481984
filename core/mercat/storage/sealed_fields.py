"""Where sealed values are stored: what plugins have ever declared, and how a record is walked."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from beanie import Document
from bson.binary import Binary
from pymongo.errors import DuplicateKeyError

from mercat.storage import Record, Storage

if TYPE_CHECKING:
    from mercat.lifecycle import SealedFields

SEALED_SUBTYPE = 6  # of BSON's binary values


class SealedCollectionDocument(Document):
    """A collection with its sealed fields; kept when the plugin is switched off."""

    id: str  # type: ignore[assignment]
    paths: list[str]
    sealed_anew_at: datetime | None = None

    class Settings:
        name = "sealed_collections"


async def remember(storage: Storage, declared: Iterable["SealedFields"]) -> None:
    """Have rotations find these fields from now on, also while their plugin is not enabled."""
    for each in declared:
        await _remember(storage, storage.collection(each.document).name, set(each.fields))


async def _remember(storage: Storage, name: str, paths: set[str]) -> None:
    known = storage.collection(SealedCollectionDocument)
    while not await known.find_one({"_id": name, "paths": {"$all": sorted(paths)}}, {"_id": 1}):
        with contextlib.suppress(DuplicateKeyError):  # of two at once the other one made it
            await known.update_one(
                {"_id": name}, {"$addToSet": {"paths": {"$each": sorted(paths)}}}, upsert=True
            )


async def remembered(storage: Storage) -> list[Record]:
    """The collections that may hold sealed values: `_id` is the name, `paths` are the fields."""
    return await storage.collection(SealedCollectionDocument).find({}).sort("_id", 1).to_list()


def is_sealed(value: object) -> bool:
    """Whether a stored value is a sealed one."""
    return isinstance(value, Binary) and value.subtype == SEALED_SUBTYPE


def key_of(stored: Binary) -> Binary:
    """The id of the data key that a sealed value was sealed with.

    It stands in the 16 bytes after the first one, as MongoDB specifies BSON's binary subtype 6.
    """
    return Binary(bytes(stored[1:17]), 4)


def sealed_in(record: Record, paths: Iterable[str]) -> dict[str, Binary]:
    """The sealed values of a record by their places: `lines.0.note` is one in a list."""
    return {place: value for path in paths for place, value in _walk(record, path.split("."), "")}


def _walk(value: Any, path: Sequence[str], place: str) -> Iterator[tuple[str, Binary]]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, path, f"{place}.{index}")
    elif path and isinstance(value, Mapping):
        yield from _walk(value.get(path[0]), path[1:], f"{place}.{path[0]}".lstrip("."))
    elif not path and is_sealed(value):
        yield place, value
