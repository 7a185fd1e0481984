"""Importing products: batches of records become inserts and updates in one transaction each."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from bson import ObjectId
from pymongo import InsertOne, UpdateOne
from pymongo.errors import BulkWriteError

from mercat import catalog
from mercat.catalog import Placement
from mercat.context import Context
from mercat.errors import InvalidError
from mercat.importing import Importer, Rejected, Row, Tally
from mercat.money import parse_amount
from mercat.storage import Record, Session
from mercat.storage.lookups import find_by
from mercat.storage.pages import reserve_numbers
from mercat_products.documents import COUNTER, ProductDocument
from mercat_products.formats import FORMATS
from mercat_products.records import PriceRecord, ProductRecord

_DUPLICATE_KEY = 11000


@dataclass(slots=True)
class _Change:
    """A row that is to be written: a whole new product, or what changes of a stored one."""

    where: str
    values: Record
    stored: Record | None


class ProductLoad:
    """One import. Products are known again by their slug, variants by their SKU."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._products = context.storage.collection(ProductDocument)
        self._seen: set[bytes] = set()  # eight bytes a product: a file's second use of a slug

    async def batch(self, rows: Sequence[Row[ProductRecord]]) -> Tally:
        tally = Tally()
        rows = [row for row in rows if self._is_first(row, tally)]
        placements = await self._place(rows, tally)
        stored = await self._stored(rows)
        changes = []
        for row, placement in zip(rows, placements, strict=True):
            try:
                values = _values(row.value, placement, self._context.shop.currency)
            except InvalidError as error:
                tally.rejected.append(Rejected(row.where, str(error)))
                continue
            known = stored.get(row.value.slug)
            if known is not None and known.get("imported") == values["imported"]:
                tally.unchanged += 1
            else:
                changes.append(_Change(row.where, values, known))
        changes = await self._without_taken_skus(changes, tally)
        await self._write(changes, tally)
        return tally

    async def finish(self) -> Tally:
        return Tally()

    def _is_first(self, row: Row[ProductRecord], tally: Tally) -> bool:
        digest = hashlib.blake2b(row.value.slug.encode(), digest_size=8).digest()
        if digest in self._seen:
            reason = f"the slug '{row.value.slug}' stands earlier in this file"
            tally.rejected.append(Rejected(row.where, reason))
            return False
        self._seen.add(digest)
        return True

    async def _place(
        self, rows: Sequence[Row[ProductRecord]], tally: Tally
    ) -> Sequence[Placement | None]:
        """Where the other plugins put each product; None for all where nobody knows of groups."""
        paths = [tuple(_path(text) for text in row.value.categories) for row in rows]
        answers = await self._context.hooks.collect(
            catalog.product_placements, self._context, paths
        )
        if not answers:
            return [None] * len(rows)
        for answer in answers:
            tally.notes += [
                Rejected(row.where, placement.problem)
                for row, placement in zip(rows, answer, strict=True)
                if placement.problem
            ]
        return [
            Placement(
                tuple(key for placement in found for key in placement.direct),
                tuple(key for placement in found for key in placement.listed_in),
            )
            for found in zip(*answers, strict=True)
        ]

    async def _stored(self, rows: Sequence[Row[ProductRecord]]) -> dict[str, Record]:
        cursor = find_by(
            self._products,
            "slug",
            [row.value.slug for row in rows],
            {"slug": 1, "imported": 1, "version": 1, "variants.id": 1, "variants.sku": 1},
        )
        return {record["slug"]: record async for record in cursor}

    async def _without_taken_skus(self, changes: list[_Change], tally: Tally) -> list[_Change]:
        skus = [variant["sku"] for change in changes for variant in change.values["variants"]]
        owners: dict[str, str] = {}
        taken = find_by(self._products, "variants.sku", skus, {"slug": 1, "variants.sku": 1})
        async for record in taken:
            owners |= {variant["sku"]: record["slug"] for variant in record["variants"]}
        kept = []
        for change in changes:
            slug = change.values["slug"]
            for variant in change.values["variants"]:
                if owners.setdefault(variant["sku"], slug) != slug:
                    reason = f"the SKU '{variant['sku']}' belongs to '{owners[variant['sku']]}'"
                    tally.rejected.append(Rejected(change.where, reason))
                    break
            else:
                kept.append(change)
        return kept

    async def _write(self, changes: list[_Change], tally: Tally) -> None:
        """Write all in one transaction or, where another writer is in the way, one by one."""
        if not changes:
            return
        new = [change for change in changes if change.stored is None]
        numbers = await reserve_numbers(self._context.storage, COUNTER, len(new)) if new else ()
        for change, number in zip(new, numbers, strict=True):
            change.values["number"] = number
        try:
            await self._commit(changes)
        except BulkWriteError as error:
            if len(changes) == 1:
                tally.rejected.append(Rejected(changes[0].where, _reason(error)))
                return
            for change in changes:
                await self._write([change], tally)
            return
        tally.created += len(new)
        tally.updated += len(changes) - len(new)

    async def _commit(self, changes: Sequence[_Change]) -> None:
        prepared = [_operation(change) for change in changes]
        ids = [str(key) for key, _ in prepared]

        async def write(session: Session) -> None:
            await self._products.bulk_write(
                [operation for _, operation in prepared], session=session
            )
            await self._context.engine.outbox.add(
                session, catalog.products_saved, self._context, ids
            )

        await self._context.storage.transaction(write)


def _operation(change: _Change) -> tuple[ObjectId, InsertOne[Record] | UpdateOne]:
    now = datetime.now(UTC)
    ids = {v["sku"]: v["id"] for v in change.stored["variants"]} if change.stored else {}
    values = {
        **change.values,
        "variants": [
            {"id": ids.get(variant["sku"]) or ObjectId(), **variant}
            for variant in change.values["variants"]
        ],
        "updated_at": now,
    }
    if change.stored is None:
        key = ObjectId()
        return key, InsertOne({"_id": key, **values, "created_at": now, "version": 1})
    key = change.stored["_id"]
    return key, UpdateOne({"_id": key}, {"$set": values, "$inc": {"version": 1}})


def _values(record: ProductRecord, placement: Placement | None, currency: str) -> Record:
    """What is stored of a record. Raises InvalidError for amounts and SKUs that can't be."""
    skus = [variant.sku for variant in record.variants]
    if len(set(skus)) != len(skus):
        raise InvalidError("two of its variants have the same SKU")
    values: dict[str, Any] = {
        "slug": record.slug,
        "name": record.name,
        "description": record.description,
        "brand": record.brand,
        "status": record.status,
        "tags": list(record.tags),
        "media": [{"url": media.url, "alt": media.alt} for media in record.media],
        "variants": [
            {
                "sku": variant.sku,
                "name": variant.name,
                "barcode": variant.barcode,
                "options": [{"name": n, "value": v} for n, v in variant.options.items()],
                "prices": [_price(price, currency) for price in variant.prices],
                "available": variant.available,
            }
            for variant in record.variants
        ],
        "metadata": record.metadata,
    }
    if placement is not None:
        values["placed_in"] = list(placement.direct)
        values["listed_in"] = list(placement.listed_in)
    values["imported"] = hashlib.sha256(orjson.dumps(values, default=str)).hexdigest()
    return values


def _price(price: PriceRecord, currency: str) -> Record:
    currency = price.currency or currency
    compare_at = price.compare_at
    return {
        "currency": currency,
        "amount": parse_amount(price.amount, currency).minor,
        "compare_at": None if compare_at is None else parse_amount(compare_at, currency).minor,
    }


def _path(text: str) -> tuple[str, ...]:
    return tuple(name for part in text.split(" > ") if (name := part.strip()))


def _reason(error: BulkWriteError) -> str:
    first = error.details["writeErrors"][0]
    if first["code"] == _DUPLICATE_KEY:
        value = ", ".join(str(found) for found in first.get("keyValue", {}).values())
        return f"another product has '{value}' already"
    return str(first["errmsg"])[:200]


async def _open(context: Context) -> ProductLoad:
    return ProductLoad(context)


PRODUCTS = Importer(
    noun="products",
    description="Import products with their variants, prices and categories.",
    formats=FORMATS,
    open=_open,
)
