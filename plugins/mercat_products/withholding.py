"""Taking the products of sellers that are suspended out of the shop, and putting them back."""

from collections.abc import Collection, Sequence
from typing import Any

from bson import ObjectId

from mercat import auth, catalog
from mercat.context import Context
from mercat.storage import Record, Session
from mercat.storage.lookups import find_by
from mercat_products.documents import ProductDocument

_AT_ONCE = 200


async def follow_seller(context: Context, seller: str) -> None:
    """Make all products of a seller what its state asks for; safe to repeat.

    The state is asked for again in the end: of two that do this at once, the one that began with an
    older state then finds that it was wrong.
    """
    while True:
        withheld = seller in await _suspended(context, [seller])
        while keys := await _wrong(context, seller, withheld=withheld):
            await _write(context, keys, withheld=withheld)
        if (seller in await _suspended(context, [seller])) == withheld:
            return


async def follow_saved(context: Context, products: Sequence[str]) -> None:
    """Make products that were saved what their sellers' states ask for; safe to repeat."""
    if not context.hooks.implementations(auth.suspended_sellers.__name__):
        return
    wanted = {"seller": 1, "status": 1}
    keys = list(map(ObjectId, products))
    found = [each async for each in find_by(_products(context), "_id", keys, wanted)]
    sellers = {each["seller"] for each in found if each.get("seller")}
    suspended = await _suspended(context, sellers) if sellers else ()
    for withheld in (True, False):
        wrong = [
            each["_id"]
            for each in found
            if (each.get("seller") in suspended) == withheld
            and each["status"] == _before(withheld=withheld)
        ]
        if wrong:
            await _write(context, wrong, withheld=withheld)


async def _suspended(context: Context, sellers: Collection[str]) -> Collection[str]:
    """Those of the sellers that are suspended now, as any plugin says."""
    answers = await context.hooks.collect(auth.suspended_sellers, context, sorted(sellers))
    return {seller for answer in answers for seller in answer}


def _before(*, withheld: bool) -> str:
    """The status of those that are to change."""
    return "active" if withheld else "withheld"


async def _wrong(context: Context, seller: str, *, withheld: bool) -> list[ObjectId]:
    condition = {"seller": seller, "status": _before(withheld=withheld)}
    cursor = _products(context).find(condition, {"_id": 1}).limit(_AT_ONCE)
    return [record["_id"] for record in await cursor.to_list()]


async def _write(context: Context, keys: Sequence[ObjectId], *, withheld: bool) -> None:
    condition: Record = {"_id": {"$in": list(keys)}, "status": _before(withheld=withheld)}
    change = {"$set": {"status": _before(withheld=not withheld)}}
    ids = [str(key) for key in keys]

    async def work(session: Session) -> None:
        await _products(context).update_many(condition, change, session=session)
        await context.engine.outbox.add(session, catalog.products_saved, context, ids)

    await context.storage.transaction(work)


def _products(context: Context) -> Any:
    return context.storage.collection(ProductDocument)
