"""Importing products: batches of records become inserts and updates in one transaction each."""

import asyncio
import hashlib
from collections.abc import Container, Mapping, Sequence

from pymongo.errors import BulkWriteError

from mercat import catalog
from mercat.catalog import Placement
from mercat.context import Context
from mercat.errors import InvalidError, NotFoundError
from mercat.importing import Importer, Rejected, Row, Tally
from mercat.storage import Record, Session
from mercat.storage.lookups import find_by
from mercat.storage.pages import reserve_numbers
from mercat_media.service import count_uses
from mercat_media.settings import MediaSettings
from mercat_products.changes import (
    Change,
    MovedError,
    Placed,
    digest_of,
    new_old_addresses,
    operation,
    path_of,
    reason_of,
    sentence,
)
from mercat_products.checked import Types, checked, importing, left_out, type_of
from mercat_products.documents import COUNTER, ProductDocument
from mercat_products.editing.pictures import pictures_of
from mercat_products.editing.writing import leave_addresses
from mercat_products.formats import FORMATS
from mercat_products.product_types.documents import ProductTypeDocument
from mercat_products.product_types.service import TypeChangedError, touch_type, types_by_id
from mercat_products.records import ProductRecord
from mercat_products.rows import address_of, shown
from mercat_products.stock.counts import count_rows
from mercat_products.unsold import UnsoldPrices

_ATTEMPTS = 4
_CHECKED_AT_ONCE = 25


class ProductLoad:
    """One import. Products are known again by their slug, variants by their SKU.

    One batch is checked while the one before it is written. Two batches have no product in common;
    SKUs, which they may have in common, are looked at only when the one before is written.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._shop = importing(context.shop)
        self._start = context.settings(MediaSettings).public_url
        self._products = context.storage.collection(ProductDocument)
        self._seen: set[bytes] = set()  # eight bytes a product: a file's second use of a slug
        self._unsold = UnsoldPrices(context.shop.all_currencies)
        self._checking = asyncio.Lock()
        self._writing = asyncio.Lock()

    async def batch(self, rows: Sequence[Row[ProductRecord]]) -> Tally:
        tally = Tally()
        rows = [row for row in rows if self._is_first(row, tally)]
        async with self._checking:
            changes = await self._check(rows, tally)
            await self._writing.acquire()  # while nobody else can, so that the file's order holds
        try:
            await self._take(changes, tally)
            self._unsold.hear(rows, tally.rejected)
            said = ((one.where, left_out(one.placed.row.value)) for one in changes)
            tally.notes += [Rejected(where, reason) for where, reason in said if reason]
            await count_rows(self._context, rows, {one.where for one in changes}, tally)
        finally:
            self._writing.release()
        return tally

    async def _check(self, rows: Sequence[Row[ProductRecord]], tally: Tally) -> list[Change]:
        """What has to be written of a batch; all of it that an earlier one doesn't matter to."""
        placements = await self._place(rows, tally)
        known = await self._digests(rows)
        waiting = []
        for row, placement in zip(rows, placements, strict=True):
            placed = Placed(row, placement, digest_of(row.value, placement, self._shop.currency))
            if known.get(row.value.slug) == placed.digest:
                tally.unchanged += 1
            else:
                waiting.append(placed)
        return await self._changes(waiting, known, tally)

    async def finish(self) -> Tally:
        return Tally(notes=self._unsold.notes())

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
        paths = [tuple(path_of(text) for text in row.value.categories) for row in rows]
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

    async def _changes(
        self, placed: Sequence[Placed], known: Container[str], tally: Tally
    ) -> list[Change]:
        """The rows that differ from what is stored; only the slugs in `known` are looked up."""
        slugs = [slug for one in placed if (slug := one.row.value.slug) in known]
        stored = {record["slug"]: record async for record in find_by(self._products, "slug", slugs)}
        types = await self._types([one.row.value for one in placed], stored)
        changes = []
        for count, one in enumerate(placed):
            if count % _CHECKED_AT_ONCE == 0:
                await asyncio.sleep(0)  # the batch that is being written goes on
            before = stored.get(one.row.value.slug)
            try:
                change = self._change(one, types, before)
            except InvalidError as error:
                tally.rejected.append(Rejected(one.row.where, sentence(error)))
                continue
            if before is not None and shown(change.values) == shown(before):
                tally.unchanged += 1
            else:
                changes.append(change)
        await self._number([change.values for change in changes if change.stored is None])
        return changes

    async def _number(self, new: Sequence[Record]) -> None:
        numbers = await reserve_numbers(self._context.storage, COUNTER, len(new)) if new else ()
        for values, number in zip(new, numbers, strict=True):
            values["number"] = number

    async def _take(self, changes: list[Change], tally: Tally, attempt: int = 1) -> None:
        """Write all whose SKUs are nobody else's."""
        changes = await self._without_taken_skus(changes, tally)
        if changes:
            await self._write(changes, tally, attempt)

    def _change(self, placed: Placed, types: Types, stored: Record | None) -> Change:
        record, placement = placed.row.value, placed.placement
        own = {address_of(one, self._start): one for one in pictures_of(stored) if "folder" in one}
        of_type = type_of(record, types, stored)
        values = checked(record, self._shop, of_type, stored, own)
        if placement is not None:
            values["placed_in"] = list(placement.direct)
            values["listed_in"] = list(placement.listed_in)
        values["imported"] = placed.digest
        return Change(placed, values, stored, of_type)

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

    async def _without_taken_skus(self, changes: list[Change], tally: Tally) -> list[Change]:
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

    async def _write(self, changes: list[Change], tally: Tally, attempt: int) -> None:
        """Write all in one transaction or, where somebody is in the way, look again one by one."""
        new = sum(change.stored is None for change in changes)
        try:
            await self._commit(changes)
        except (BulkWriteError, NotFoundError, MovedError, TypeChangedError) as error:
            if attempt == _ATTEMPTS:
                tally.rejected += [Rejected(change.where, reason_of(error)) for change in changes]
                return
            following = attempt + (len(changes) == 1)
            for change in changes:
                slug = change.values["slug"]
                again = await self._changes([change.placed], {slug}, tally)
                await self._take(again, tally, following)
            return
        tally.created += new
        tally.updated += len(changes) - new

    async def _commit(self, changes: Sequence[Change]) -> None:
        prepared = [operation(change) for change in changes]
        ids = [str(key) for key, _ in prepared]
        types = {(one["_id"], one["version"]): one for change in changes if (one := change.of_type)}
        left = [address for change in changes for address in new_old_addresses(change)]
        updates = sum(change.stored is not None for change in changes)

        async def write(session: Session) -> None:
            for of_type in types.values():
                await touch_type(self._context, of_type, session)
            await leave_addresses(self._context, session, [key for key, _ in prepared], left)
            for change in changes:
                before, after = pictures_of(change.stored), pictures_of(change.values)
                await count_uses(self._context, session, before=before, after=after)
            result = await self._products.bulk_write(
                [operation for _, operation in prepared], session=session
            )
            if result.matched_count != updates:
                raise MovedError
            await self._context.engine.outbox.add(
                session, catalog.products_saved, self._context, ids
            )

        await self._context.storage.transaction(write)


async def _open(context: Context) -> ProductLoad:
    return ProductLoad(context)


PRODUCTS = Importer(
    noun="products",
    description="Import products with their variants, prices and categories.",
    formats=FORMATS,
    open=_open,
    batches_at_once=2,
)
