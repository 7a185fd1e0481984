"""Give each slug, translated or not, to one product in all locales."""

from pymongo.errors import DuplicateKeyError

from mercat import Context
from mercat.storage import Record
from mercat_products.editing.writing import numbered
from mercat_products.values import addresses

_AT_ONCE = 200
_WITH_LOCALE = {"$regex": "/"}


async def up(context: Context) -> None:
    """A translated slug that is another product's gets a number; nothing led to it for sure."""
    products = context.storage.database["products"]
    for field in ("addresses", "old_addresses"):
        while found := await products.find({field: _WITH_LOCALE}).limit(_AT_ONCE).to_list():
            for record in found:
                await _rewrite(context, record)


async def pending(context: Context) -> int:
    products = context.storage.database["products"]
    wanted = [{field: _WITH_LOCALE} for field in ("addresses", "old_addresses")]
    return await products.count_documents({"$or": wanted})


async def _rewrite(context: Context, record: Record) -> None:
    products = context.storage.database["products"]
    where = {"_id": record["_id"], "version": record["version"]}
    try:
        await products.update_one(where, {"$set": _values(record)})
    except DuplicateKeyError:
        translations = [
            {**one, "slug": one["slug"] and numbered(one["slug"], record["number"])}
            for one in record["translations"]
        ]
        renamed = _values({**record, "translations": translations})
        await products.update_one(where, {"$set": {**renamed, "translations": translations}})


def _values(record: Record) -> Record:
    old = [address.rpartition("/")[2] for address in record.get("old_addresses", ())]
    return {
        "addresses": addresses(record["slug"], record.get("translations", ())),
        "old_addresses": list(dict.fromkeys(old)),
    }
