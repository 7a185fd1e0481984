"""Categories by the names that files have for them, and their paths as exports name them."""

from collections.abc import Sequence

from bson import ObjectId

from mercat.context import Context
from mercat_categories.forest import SEPARATOR, path_of
from mercat_categories.memory import newest_forest


async def paths_of(context: Context, keys: Sequence[ObjectId]) -> dict[ObjectId, tuple[str, ...]]:
    """The names from the root to each category that there is."""
    forest = await newest_forest(context)
    return {
        key: (*(forest.records[above]["name"] for above in record["ancestors"]), record["name"])
        for key in keys
        if (record := forest.get(key)) is not None
    }


async def keys_of(context: Context, names: Sequence[str]) -> dict[str, ObjectId]:
    """The ids of the categories with these keys, or else with these paths."""
    forest = await newest_forest(context)
    found: dict[str, ObjectId] = {}
    for name in names:
        path = path_of(name.split(SEPARATOR.strip()))
        record = forest.by_key.get(name) or forest.by_path.get(path)
        if record is not None:
            found[name] = record["_id"]
    return found
