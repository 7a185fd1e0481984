"""Where imported products belong: categories by their paths, made where they are missing."""

from collections.abc import Iterable, Mapping, Sequence

from mercat.catalog import Placement
from mercat.context import Context
from mercat.storage import Record
from mercat_categories.creating import NewCategory, create_all
from mercat_categories.forest import BY_PATH, SEPARATOR, path_of
from mercat_categories.memory import newest_forest
from mercat_categories.settings import CategorySettings

Path = tuple[str, ...]


async def placements(context: Context, products: Sequence[tuple[Path, ...]]) -> list[Placement]:
    """One Placement for each product, in order; missing categories are made on the way."""
    most = context.settings(CategorySettings).max_depth
    paths = {path_of(path): path for found in products for path in found if 0 < len(path) <= most}
    by_path = (await newest_forest(context)).by_path
    known = {folded: by_path[folded] for folded in paths.keys() & by_path.keys()}
    missing = {folded: path for folded, path in paths.items() if folded not in known}
    new = _missing(missing.values(), by_path)
    made = await create_all(context, new)
    for folded in missing:
        if BY_PATH + folded in made:
            known[folded] = made[BY_PATH + folded]
    return [_placement(found, known, most) for found in products]


def _placement(paths: tuple[Path, ...], known: Mapping[str, Record], most: int) -> Placement:
    paths = tuple(path for path in paths if path)
    found = [record for path in paths if (record := known.get(path_of(path)))]
    direct = dict.fromkeys(record["_id"] for record in found)
    above = dict.fromkeys(key for record in found for key in record["ancestors"])
    left_out = [SEPARATOR.join(path) for path in paths if path_of(path) not in known]
    problem = f"the tree may have at most {most} levels, so it is not in {', '.join(left_out)}"
    return Placement(tuple(direct), tuple(direct | above), problem if left_out else None)


def _missing(paths: Iterable[Path], by_path: Mapping[str, Record]) -> list[NewCategory]:
    """What is missing of the paths and of those above them, from the roots down."""
    found: dict[str, NewCategory] = {}
    for path in sorted(paths):
        parent: str | None = None
        for depth in range(1, len(path) + 1):
            folded = path_of(path[:depth])
            if folded in by_path:
                parent = by_path[folded]["key"]
                continue
            key = BY_PATH + folded
            found.setdefault(key, NewCategory(key, path[:depth], parent))
            parent = key
    return list(found.values())
