"""Where imported products belong: categories by their paths, made where they are missing."""

from collections.abc import Sequence

from mercat.catalog import Placement
from mercat.context import Context
from mercat.storage import Record
from mercat.storage.lookups import find_by
from mercat_categories.creating import NewCategory, create_all
from mercat_categories.service import BY_PATH, SEPARATOR, collection, path_of
from mercat_categories.settings import CategorySettings

Path = tuple[str, ...]


async def placements(context: Context, products: Sequence[tuple[Path, ...]]) -> list[Placement]:
    """One Placement for each product, in order; missing categories are made on the way."""
    most = context.settings(CategorySettings).max_depth
    paths = {path for found in products for path in found if 0 < len(path) <= most}
    known = await _by_path(context, {path_of(path) for path in paths})
    await _create_missing(context, paths, known)
    return [_placement(found, known, most) for found in products]


def _placement(paths: tuple[Path, ...], known: dict[str, Record], most: int) -> Placement:
    found = [known[path_of(path)] for path in paths if 0 < len(path) <= most]
    direct = dict.fromkeys(record["_id"] for record in found)
    above = dict.fromkeys(key for record in found for key in record["ancestors"])
    too_deep = [SEPARATOR.join(path) for path in paths if len(path) > most]
    problem = f"the tree may have at most {most} levels, so it is not in {', '.join(too_deep)}"
    return Placement(tuple(direct), tuple(direct | above), problem if too_deep else None)


async def _by_path(context: Context, paths: set[str]) -> dict[str, Record]:
    """The category of each path; of several with one path the oldest."""
    found: dict[str, Record] = {}
    async for record in find_by(collection(context), "path", paths):
        other = found.get(record["path"])
        if other is None or record["number"] < other["number"]:
            found[record["path"]] = record
    return found


async def _create_missing(context: Context, paths: set[Path], known: dict[str, Record]) -> None:
    """Make what is missing of the paths and of those above them, from the roots down."""
    missing: dict[int, dict[str, Path]] = {}
    for path in sorted(paths):
        if path_of(path) in known:
            continue
        for depth in range(1, len(path) + 1):
            missing.setdefault(depth, {}).setdefault(path_of(path[:depth]), path[:depth])
    for depth in sorted(missing):
        level = missing[depth]
        known |= await _by_path(context, level.keys() - known.keys())
        new = [
            NewCategory(BY_PATH + folded, path, known[path_of(path[:-1])] if depth > 1 else None)
            for folded, path in level.items()
            if folded not in known
        ]
        for record in (await create_all(context, new)).values():
            known[record["path"]] = record
