"""Where imported products belong: categories by their paths, made where they are missing."""

from collections.abc import Sequence

from pymongo.errors import DuplicateKeyError

from mercat.catalog import Placement
from mercat.context import Context
from mercat.slugs import slugify
from mercat.storage import Record
from mercat.storage.pages import reserve_numbers
from mercat_categories.documents import COUNTER
from mercat_categories.errors import TooDeepError
from mercat_categories.service import (
    BY_PATH,
    SEPARATOR,
    check_depth,
    collection,
    new_record,
    path_of,
)

Path = tuple[str, ...]


async def placements(context: Context, products: Sequence[tuple[Path, ...]]) -> list[Placement]:
    """One Placement for each product, in order; missing categories are made on the way."""
    wanted = {path for paths in products for path in paths if path}
    known = await _by_path(context, {path_of(path) for path in wanted})
    problems: dict[Path, str] = {}
    for path in sorted(wanted):
        try:
            await _ensure(context, path, known)
        except TooDeepError as error:
            problems[path] = f"not placed in '{SEPARATOR.join(path)}': {error}"
    return [_placement(paths, known, problems) for paths in products]


def _placement(
    paths: tuple[Path, ...], known: dict[str, Record], problems: dict[Path, str]
) -> Placement:
    found = [known[path_of(path)] for path in paths if path and path not in problems]
    direct = dict.fromkeys(record["_id"] for record in found)
    above = dict.fromkeys(key for record in found for key in record["ancestors"])
    problem = "; ".join(problems[path] for path in paths if path in problems)
    return Placement(tuple(direct), tuple(direct | above), problem or None)


async def _by_path(context: Context, paths: set[str]) -> dict[str, Record]:
    """The category of each path; of several with one path the oldest."""
    found: dict[str, Record] = {}
    async for record in collection(context).find({"path": {"$in": list(paths)}}):
        other = found.get(record["path"])
        if other is None or record["number"] < other["number"]:
            found[record["path"]] = record
    return found


async def _ensure(context: Context, path: Path, known: dict[str, Record]) -> Record:
    folded = path_of(path)
    if folded not in known:
        known |= await _by_path(context, {folded})
    if folded not in known:
        parent = await _ensure(context, path[:-1], known) if len(path) > 1 else None
        check_depth(context, parent)
        known[folded] = await _create(context, path, parent)
    return known[folded]


async def _create(context: Context, path: Path, parent: Record | None) -> Record:
    """Make the category unless another process just did: its key is its path, and unique."""
    key = BY_PATH + path_of(path)
    (number,) = await reserve_numbers(context.storage, COUNTER, 1)
    for slug in slug_candidates(path, number):
        record = new_record(key=key, number=number, name=path[-1], slug=slug, parent=parent)
        try:
            result = await collection(context).insert_one(dict(record))
        except DuplicateKeyError:
            twin: Record | None = await collection(context).find_one({"key": key})
            if twin is not None:
                return twin
        else:
            return {"_id": result.inserted_id, **record}
    raise AssertionError("a slug with a category's own number is free")


def slug_candidates(path: Path, number: int) -> list[str]:
    """Slugs for a category from the shortest: its name, its whole path, that with its number."""
    short = slugify(path[-1]) or "category"
    full = slugify(" ".join(path)) or "category"
    return [short, full, f"{full}-{number}"]
