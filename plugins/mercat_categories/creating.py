"""Making many categories at once, for imports: one write a level of the tree."""

from collections.abc import Sequence
from dataclasses import dataclass

from bson import ObjectId
from pymongo import InsertOne
from pymongo.errors import BulkWriteError

from mercat.context import Context
from mercat.slugs import slugify
from mercat.storage import Record
from mercat.storage.lookups import find_by
from mercat.storage.pages import reserve_numbers
from mercat_categories.documents import COUNTER
from mercat_categories.service import collection, new_record


@dataclass(frozen=True, slots=True)
class NewCategory:
    """A category to be made; `names` are those from the root down to its own."""

    key: str
    names: tuple[str, ...]
    parent: Record | None
    slug: str | None = None
    description: str = ""
    position: int = 0


async def create_all(context: Context, new: Sequence[NewCategory]) -> dict[str, Record]:
    """Make categories whose parents exist; returns them by key.

    One that another process makes at the same time, known by its key, is taken as it is.
    """
    if not new:
        return {}
    numbers = await reserve_numbers(context.storage, COUNTER, len(new))
    slugs = await _free_slugs(context, new, numbers)
    records = {
        item.key: {
            "_id": ObjectId(),
            **new_record(
                key=item.key,
                number=number,
                name=item.names[-1],
                slug=slug,
                parent=item.parent,
                description=item.description,
                position=item.position,
            ),
        }
        for item, number, slug in zip(new, numbers, slugs, strict=True)
    }
    try:
        await collection(context).bulk_write(
            [InsertOne(record) for record in records.values()], ordered=False
        )
    except BulkWriteError:
        return await _settle(context, new)
    return records


async def _settle(context: Context, new: Sequence[NewCategory]) -> dict[str, Record]:
    """After a race: read what exists now, and make what still doesn't, one by one."""
    cursor = find_by(collection(context), "key", [item.key for item in new])
    found: dict[str, Record] = {record["key"]: record async for record in cursor}
    missing = [item for item in new if item.key not in found]
    if len(missing) == len(new) == 1:
        raise AssertionError(f"a category with the free slug {new[0].names} can be made")
    for item in missing:
        found |= await create_all(context, [item])
    return found


async def _free_slugs(context: Context, new: Sequence[NewCategory], numbers: range) -> list[str]:
    candidates = [
        ([item.slug] if item.slug else []) + _slug_candidates(item.names, number)
        for item, number in zip(new, numbers, strict=True)
    ]
    every = {slug for found in candidates for slug in found}
    cursor = find_by(collection(context), "slug", every, {"slug": 1})
    taken = {record["slug"] async for record in cursor}
    chosen = []
    for found in candidates:
        slug = next(slug for slug in found if slug not in taken)
        taken.add(slug)
        chosen.append(slug)
    return chosen


def _slug_candidates(names: tuple[str, ...], number: int) -> list[str]:
    """Slugs from the shortest: the name, the whole path, that with the category's number."""
    short = slugify(names[-1]) or "category"
    full = slugify(" ".join(names)) or "category"
    return [short, full, f"{full[:180]}-{number}"]
