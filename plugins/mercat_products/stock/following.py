"""Keeping stocks and products in step after products were saved."""

from collections.abc import Sequence

from bson import ObjectId

from mercat.context import Context
from mercat.storage.lookups import find_by
from mercat_products.stock import signals
from mercat_products.stock.ledger import stocks

_NAMES = {"seller": 1, "variants.id": 1, "variants.sku": 1, "variants.in_stock": 1}


async def follow_products(context: Context, product_ids: Sequence[str]) -> None:
    """Take over sellers and SKUs, and write again what is in stock; safe to repeat.

    The stocks of variants that are gone go too, unless units are reserved; their history stays.
    """
    ids = [ObjectId(key) for key in product_ids if ObjectId.is_valid(key)]
    found = {
        product["_id"]: product
        async for product in find_by(signals.products(context), "_id", ids, _NAMES)
    }
    async for stock in find_by(stocks(context), "product", list(found), {"held": 0}):
        product = found[stock["product"]]
        variant = next((v for v in product["variants"] if v["id"] == stock["_id"]), None)
        if variant is None:
            await _drop(context, [stock["_id"]])
            continue
        now = {"seller": product.get("seller"), "sku": variant["sku"]}
        if {name: stock[name] for name in now} != now:
            await stocks(context).update_one({"_id": stock["_id"]}, {"$set": now})
        if variant.get("in_stock", True) is not (stock["sellable"] > 0):
            await signals.remark(context, stock["_id"])


async def follow_removals(context: Context, variant_ids: Sequence[str]) -> None:
    """Count no longer what was removed for good; its history stays."""
    await _drop(context, [ObjectId(key) for key in variant_ids if ObjectId.is_valid(key)])


async def _drop(context: Context, variants: Sequence[ObjectId]) -> None:
    for variant in variants:
        await stocks(context).delete_one({"_id": variant, "reserved": 0})
