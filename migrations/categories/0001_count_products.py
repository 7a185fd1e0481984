"""Count the products of each category, and list them again where they should be."""

from bson import ObjectId

from mercat import Context
from mercat_categories.listing import settle

_AT_ONCE = 200
_FIRST = ObjectId("0" * 24)


async def up(context: Context) -> None:
    products = context.storage.database["products"]
    last = _FIRST
    while True:
        cursor = products.find({"_id": {"$gt": last}}, {"_id": 1}).sort("_id", 1).limit(_AT_ONCE)
        found = [record["_id"] for record in await cursor.to_list()]
        if not found:
            return
        await settle(context, found)
        last = found[-1]
