"""Importing products: batches of records become inserts and updates in one transaction each."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bson import ObjectId
from pymongo import InsertOne, UpdateOne
from pymongo.errors import BulkWriteError

from mercat import catalog
from mercat.catalog import Placement
from mercat.context import Context
from mercat.errors import InvalidError, NotFoundError
from mercat.importing import Importer, Rejected, Row, Tally
from mercat.reading.values import clipped
from mercat.storage import Record, Session
from mercat.storage.lookups import find_by
from mercat.storage.pages import reserve_numbers
from mercat_media.service import count_uses
from mercat_media.settings import MediaSettings
from mercat_products.checked import Types, checked, importing, type_of
from mercat_products.documents import COUNTER, ProductDocument
from mercat_products.editing.pictures import pictures_of
from mercat_products.formats import FORMATS
from mercat_products.product_types.documents import ProductTypeDocument
from mercat_products.product_types.service import touch_type, types_by_id
from mercat_products.records import ProductRecord
from mercat_products.rows import address_of, shown

_DUPLICATE_KEY = 11000
_ATTEMPTS = 4
_KEPT = ("_id", "number", "created_at", "updated_at", "version")


class _MovedError(Exception):
    """Somebody else changed one of the products since they were read."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """A row, where the other plugins put it, and what is known of it again."""

    row: Row[ProductRecord]
    placement: Placement | None
    digest: str


@dataclass(slots=True)
class _Change:
    """A row that is to be written: the product as it will be, and as it is where it is stored."""

    placed: _Placed
    values: Record
    stored: Record | None

    @property
    def where(self) -> str:
        return self.placed.row.where


class ProductLoad:
    """One import. Products are known again by their slug, variants by their SKU."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._shop = importing(context.shop)
        self._start = context.settings(MediaSettings).public_url
        self._products = context.storage.collection(ProductDocument)
        self._seen: set[bytes] = set()  # eight bytes a product: a file's second use of a slug

    async def batch(self, rows: Sequence[Row[ProductRecord]]) -> Tally:
        tally = Tally()
        rows = [row for row in rows if self._is_first(row, tally)]
        placements = await self._place(rows, tally)
        known = await self._digests(rows)
        waiting = []
        for row, placement in zip(rows, placements, strict=True):
            placed = _Placed(row, placement, _digest(row.value, placement, self._shop.currency))
            if known.get(row.value.slug) == placed.digest:
                tally.unchanged += 1
            else:
                waiting.append(placed)
        await self._take(waiting, tally)
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
        """Where the other plugins put each product; None where nobody does, or no row says it."""
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
            if "categories" in row.value.model_fields_set
            else None
            for row, found in zip(rows, zip(*answers, strict=True), strict=True)
        ]

    async def _digests(self, rows: Sequence[Row[ProductRecord]]) -> dict[str, str | None]:
        """The digests of what was imported last, by slug."""
        slugs = [row.value.slug for row in rows]
        cursor = find_by(self._products, "slug", slugs, {"slug": 1, "imported": 1})
        return {record["slug"]: record.get("imported") async for record in cursor}

    async def _take(self, placed: Sequence[_Placed], tally: Tally, attempt: int = 1) -> None:
        """Write rows that differ from what is stored."""
        slugs = [one.row.value.slug for one in placed]
        stored = {record["slug"]: record async for record in find_by(self._products, "slug", slugs)}
        types = await self._types([one.row.value for one in placed], stored)
        changes = []
        for one in placed:
            known = stored.get(one.row.value.slug)
            try:
                values = self._values(one, types, known)
            except InvalidError as error:
                tally.rejected.append(Rejected(one.row.where, _sentence(error)))
                continue
            if known is not None and shown(values) == shown(known):
                tally.unchanged += 1
            else:
                changes.append(_Change(one, values, known))
        changes = await self._without_taken_skus(changes, tally)
        if changes:
            await self._write(changes, tally, attempt)

    def _values(self, placed: _Placed, types: Types, stored: Record | None) -> Record:
        record, placement = placed.row.value, placed.placement
        own = {address_of(one, self._start): one for one in pictures_of(stored) if "folder" in one}
        values = checked(record, self._shop, type_of(record, types, stored), stored, own)
        if placement is not None:
            values["placed_in"] = list(placement.direct)
            values["listed_in"] = list(placement.listed_in)
        values["imported"] = placed.digest
        return values

    async def _types(self, records: Sequence[ProductRecord], stored: Mapping[str, Record]) -> Types:
        """The product types that these need, by name and by id."""
        names = {record.type for record in records if record.type}
        kept = {
            stored[record.slug].get("type_id")
            for record in records
            if record.slug in stored and "attributes" in record.model_fields_set
        }
        collection = self._context.storage.collection(ProductTypeDocument)
        named = {one["name"]: one async for one in find_by(collection, "name", names)}
        return Types(named, await types_by_id(self._context, kept))

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

    async def _write(self, changes: list[_Change], tally: Tally, attempt: int) -> None:
        """Write all in one transaction or, where somebody is in the way, look again one by one."""
        new = [change for change in changes if change.stored is None]
        numbers = await reserve_numbers(self._context.storage, COUNTER, len(new)) if new else ()
        for change, number in zip(new, numbers, strict=True):
            change.values["number"] = number
        try:
            await self._commit(changes)
        except (BulkWriteError, NotFoundError, _MovedError) as error:
            if attempt == _ATTEMPTS:
                tally.rejected += [Rejected(change.where, _reason(error)) for change in changes]
                return
            following = attempt + (len(changes) == 1)
            for change in changes:
                await self._take([change.placed], tally, following)
            return
        tally.created += len(new)
        tally.updated += len(changes) - len(new)

    async def _commit(self, changes: Sequence[_Change]) -> None:
        prepared = [_operation(change) for change in changes]
        ids = [str(key) for key, _ in prepared]
        types = {key for change in changes if (key := change.values.get("type_id")) is not None}
        updates = sum(change.stored is not None for change in changes)

        async def write(session: Session) -> None:
            for key in types:
                await touch_type(self._context, key, session)
            for change in changes:
                before, after = pictures_of(change.stored), pictures_of(change.values)
                await count_uses(self._context, session, before=before, after=after)
            result = await self._products.bulk_write(
                [operation for _, operation in prepared], session=session
            )
            if result.matched_count != updates:
                raise _MovedError
            await self._context.engine.outbox.add(
                session, catalog.products_saved, self._context, ids
            )

        await self._context.storage.transaction(write)


def _operation(change: _Change) -> tuple[ObjectId, InsertOne[Record] | UpdateOne]:
    now = datetime.now(UTC)
    stored = change.stored
    if stored is None:
        key = ObjectId()
        times = {"created_at": now, "updated_at": now, "version": 1}
        return key, InsertOne({**change.values, "_id": key, **times})
    values = {
        name: value
        for name, value in change.values.items()
        if name not in _KEPT and (name not in stored or stored[name] != value)
    }
    where = {"_id": stored["_id"], "version": stored["version"]}
    return stored["_id"], UpdateOne(
        where, {"$set": {**values, "updated_at": now}, "$inc": {"version": 1}}
    )


def _digest(record: ProductRecord, placement: Placement | None, currency: str) -> str:
    """What a row says, in the shop's own currency."""
    direct = () if placement is None else placement.direct
    said = record.model_dump_json(exclude_unset=True)
    return hashlib.sha256(f"{currency} {said} {direct}".encode()).hexdigest()


def _path(text: str) -> tuple[str, ...]:
    return tuple(name for part in text.split(" > ") if (name := part.strip()))


def _sentence(error: InvalidError) -> str:
    """What is wrong and with which field, under the record's own names."""
    field = ".".join(error.field or ())
    named = re.sub(r"(?<=[a-z])[A-Z]", lambda found: f"_{found[0].lower()}", field)
    return clipped(f"{named}: {error}" if named else str(error))


def _reason(error: BulkWriteError | NotFoundError | _MovedError) -> str:
    if not isinstance(error, BulkWriteError):
        return str(error) or "somebody else keeps changing the product; import it again"
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
