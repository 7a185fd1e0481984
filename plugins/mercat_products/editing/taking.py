"""Which slug or SKU of a product somebody else has."""

from typing import Any

from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.storage import Record
from mercat.storage.lookups import find_by
from mercat_products.documents import ProductDocument
from mercat_products.errors import SkuTakenError, SlugTakenError
from mercat_products.values import address_field


async def taken(
    context: Context, error: DuplicateKeyError, record: Record
) -> SlugTakenError | SkuTakenError:
    """What the database refused a product for, with its place; it may be free again by now."""
    if "sku" in str((error.details or {}).get("keyPattern") or error):
        return await _taken_sku(context, record)
    for address in await _others(context, "addresses", record["addresses"], record):
        if address in record["addresses"]:
            field = address_field(address, record["slug"], record.get("translations", ()))
            return SlugTakenError(f"another product has the slug '{address}'", field=field)
    return SlugTakenError("another product has this slug", field=("slug",))


async def _taken_sku(context: Context, record: Record) -> SkuTakenError:
    skus = {variant["sku"]: str(i) for i, variant in enumerate(record["variants"])}
    for variant in await _others(context, "variants.sku", list(skus), record):
        if (sku := variant["sku"]) in skus:
            field = ("variants", skus[sku], "sku")
            return SkuTakenError(f"another variant has the SKU '{sku}'", field=field, sku=sku)
    return SkuTakenError("another variant has one of these SKUs", field=("variants",))


async def _others(context: Context, path: str, wanted: list[str], record: Record) -> list[Any]:
    """What other products have there, where something of it is wanted."""
    name = path.partition(".")[0]
    found = find_by(context.storage.collection(ProductDocument), path, wanted, {name: 1})
    return [
        one async for other in found if other["_id"] != record["_id"] for one in other.get(name, ())
    ]
