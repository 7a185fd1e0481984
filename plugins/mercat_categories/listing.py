"""Which products a category lists and counts, made right after the products or the tree changed.

A product's `listed_in` follows from its `placed_in` and the tree. Whoever writes either also writes
an event in the same transaction that has the product looked at again. So the last look at it comes
after the last change, and finds nothing to do.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from bson import ObjectId
from pymongo import DeleteOne, InsertOne, UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError

from mercat import catalog
from mercat.context import Context
from mercat.storage import Record, Session
from mercat_categories.changing import categories, counts
from mercat_categories.documents import ListingDocument
from mercat_categories.forest import Forest
from mercat_categories.memory import memory_of, newest_forest
from mercat_products.documents import ProductDocument

_AT_ONCE = 200
_ASKED_AT_ONCE = 50  # SecantusDB compares each document with the whole list
_MOST_ATTEMPTS = 5
_DUPLICATE_KEY = 11000
_FIELDS = {"number": 1, "status": 1, "placed_in": 1, "listed_in": 1}


Place = Callable[[Record, Forest], Sequence[ObjectId]]


def as_placed(product: Record, _forest: Forest) -> Sequence[ObjectId]:
    """The categories that a product is in already."""
    found: Sequence[ObjectId] = product.get("placed_in", ())
    return found


async def settle(
    context: Context, products: Sequence[ObjectId], place: Place = as_placed
) -> list[ObjectId]:
    """Make the products' `listed_in` right, and the counts that they are in; safe to repeat.

    `place` says which categories each product is to be in. Returns those that were written. Raises
    what `place` raises: nothing of up to 200 products is written then.
    """
    changed: list[ObjectId] = []
    for start in range(0, len(products), _AT_ONCE):
        changed += await _settle_some(context, products[start : start + _AT_ONCE], place)
    return changed


async def _settle_some(
    context: Context, products: Sequence[ObjectId], place: Place
) -> list[ObjectId]:
    for attempt in range(_MOST_ATTEMPTS):
        async with memory_of(context).settling:  # the counts at the top are everybody's
            forest = await newest_forest(context)

            async def write(session: Session, forest: Forest = forest) -> list[ObjectId]:
                return await _Settlement(context, forest, place, session).make(products)

            try:
                return await context.storage.transaction(write)
            except BulkWriteError as error:
                # Another process took up the same product or category for the first time.
                if attempt == _MOST_ATTEMPTS - 1 or not _is_first_meeting(error):
                    raise
    raise AssertionError("the last attempt returns or raises")


def _is_first_meeting(error: BulkWriteError) -> bool:
    return {found["code"] for found in error.details["writeErrors"]} == {_DUPLICATE_KEY}


class _Settlement:
    """What one transaction reads and writes."""

    def __init__(self, context: Context, forest: Forest, place: Place, session: Session) -> None:
        self._context = context
        self._forest = forest
        self._place = place
        self._session = session
        self._products: list[UpdateOne] = []
        self._listings: list[InsertOne[Record] | UpdateOne | DeleteOne] = []
        self._direct: Counter[ObjectId] = Counter()
        self._total: Counter[ObjectId] = Counter()
        self._changed: list[ObjectId] = []

    async def make(self, keys: Sequence[ObjectId]) -> list[ObjectId]:
        storage = self._context.storage
        products = await self._read(storage.collection(ProductDocument), keys, _FIELDS)
        counted = await self._read(listings(self._context), keys, None)
        for key in dict.fromkeys(keys):
            self._settle(key, products.get(key), counted.get(key))
        await self._write(storage.collection(ProductDocument), self._products)
        await self._write(listings(self._context), self._listings)
        await self._write_counts()
        if self._changed:
            ids = [str(key) for key in self._changed]
            outbox = self._context.engine.outbox
            await outbox.add(self._session, catalog.products_saved, self._context, ids)
        return self._changed

    async def _read(
        self,
        collection: AsyncCollection[Record],
        keys: Sequence[ObjectId],
        projection: dict[str, int] | None,
    ) -> dict[ObjectId, Record]:
        found: dict[ObjectId, Record] = {}
        for start in range(0, len(keys), _ASKED_AT_ONCE):
            condition = {"_id": {"$in": list(keys[start : start + _ASKED_AT_ONCE])}}
            cursor = collection.find(condition, projection, session=self._session)
            found |= {record["_id"]: record for record in await cursor.to_list()}
        return found

    async def _write(self, collection: AsyncCollection[Record], writes: list[Any]) -> None:
        if writes:
            await collection.bulk_write(writes, session=self._session)

    def _settle(self, key: ObjectId, product: Record | None, counted: Record | None) -> None:
        placed: list[ObjectId] = []
        listed: list[ObjectId] = []
        if product is not None:
            placed, listed = self._forest.listing(self._place(product, self._forest))
            self._correct(product, placed, listed)
            if product["status"] != "active":
                placed, listed = [], []
        self._count(self._direct, placed, counted["placed"] if counted else ())
        self._count(self._total, listed, counted["listed"] if counted else ())
        if counted is None:
            if product is not None and listed:
                values = {"_id": key, "number": product["number"]}
                self._listings.append(InsertOne({**values, "placed": placed, "listed": listed}))
        elif not listed:
            self._listings.append(DeleteOne({"_id": key}))
        elif (placed, listed) != (counted["placed"], counted["listed"]):
            values = {"placed": placed, "listed": listed}
            self._listings.append(UpdateOne({"_id": key}, {"$set": values}))

    def _correct(self, product: Record, placed: list[ObjectId], listed: list[ObjectId]) -> None:
        had_placed, had_listed = product.get("placed_in", []), product.get("listed_in", [])
        if had_placed == placed and set(had_listed) == set(listed):
            return
        self._products.append(
            UpdateOne({"_id": product["_id"]}, {"$set": {"placed_in": placed, "listed_in": listed}})
        )
        self._changed.append(product["_id"])

    @staticmethod
    def _count(
        counts: Counter[ObjectId], now: Sequence[ObjectId], before: Sequence[ObjectId]
    ) -> None:
        counts.update(set(now) - set(before))
        counts.subtract(set(before) - set(now))

    async def _write_counts(self) -> None:
        changed = {*self._direct, *self._total}
        steps = {key: {"direct": self._direct[key], "total": self._total[key]} for key in changed}
        steps = {key: step for key, step in sorted(steps.items()) if any(step.values())}
        if not steps:
            return
        result = await counts(self._context).bulk_write(
            [UpdateOne({"_id": key}, {"$inc": step}) for key, step in steps.items()],
            session=self._session,
        )
        if result.matched_count < len(steps):
            await self._begin_counts(steps)

    async def _begin_counts(self, steps: dict[ObjectId, dict[str, int]]) -> None:
        """Count for categories from before there were counts; those that are gone have none."""
        counted = await self._read(counts(self._context), list(steps), {"_id": 1})
        missing = [key for key in steps if key not in counted]
        found = await self._read(categories(self._context), missing, {"_id": 1})
        if found:
            new = [{"_id": key, **steps[key]} for key in found]
            await counts(self._context).insert_many(new, session=self._session)


def listings(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(ListingDocument)
