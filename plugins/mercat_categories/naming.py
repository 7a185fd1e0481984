"""The paths of categories, as exports of products name them."""

from collections.abc import Sequence

from bson import ObjectId

from mercat.context import Context
from mercat_categories.memory import newest_forest


async def paths_of(context: Context, keys: Sequence[ObjectId]) -> dict[ObjectId, tuple[str, ...]]:
    """The names from the root to each category that there is."""
    forest = await newest_forest(context)
    return {
        key: (*(forest.records[above]["name"] for above in record["ancestors"]), record["name"])
        for key in keys
        if (record := forest.get(key)) is not None
    }
