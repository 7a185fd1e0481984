"""Stocks as a file has them: what differs is adjusted, and stands in the history."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bson import ObjectId

from mercat.context import Context
from mercat.errors import DomainError
from mercat.importing import Rejected, Row, Tally
from mercat.storage import Record
from mercat.storage.lookups import find_by
from mercat_products.records import ProductRecord, StockRecord
from mercat_products.stock.adjusting import Adjustment, Policy, adjust, set_policy
from mercat_products.stock.documents import Backorders
from mercat_products.stock.service import stocks_by_variant
from mercat_products.stock.signals import products
from mercat_products.stock.starting import NewStock, start_all

REASON = "IMPORTED"
_AT_ONCE = 50
_STARTED_AT_ONCE = 250
_SHOWN = {"slug": 1, "seller": 1, "variants.id": 1, "variants.sku": 1, "variants.in_stock": 1}
_BACKORDERS: Mapping[str | None, Backorders] = {"deny": "DENY", "allow": "ALLOW"}


@dataclass(frozen=True, slots=True)
class _Count:
    """What a row says of the stock of one variant; `product` and `stored` are what is stored."""

    where: str
    product: Record
    stored: Record
    said: StockRecord

    @property
    def variant(self) -> ObjectId:
        key: ObjectId = self.stored["id"]
        return key


async def count_rows(
    context: Context,
    rows: Sequence[Row[ProductRecord]],
    written: Collection[str],
    tally: Tally,
) -> None:
    """Make the stocks of products that were taken what their rows say, where they say it.

    `written` are the places of rows that the tally counts already as created or updated. What
    can't be, as more is reserved, becomes a note. Repeating changes nothing.
    """
    rejected = {one.where for one in tally.rejected}
    saying = [row for row in rows if row.where not in rejected and _says_something(row.value)]
    if not saying:
        return
    counts = await _counts(context, saying)
    changed: set[str] = set()
    counts = await _without_new(context, counts, changed)
    notes = await _set_on_hand(context, counts, changed)
    notes += await _set_terms(context, counts, changed)
    tally.notes += notes
    only_here = len(changed.difference(written))
    tally.updated += only_here
    tally.unchanged -= only_here


def _says_something(record: ProductRecord) -> bool:
    return any(variant.stock is not None for variant in record.variants)


async def _counts(context: Context, rows: Sequence[Row[ProductRecord]]) -> list[_Count]:
    slugs = [row.value.slug for row in rows]
    found = {
        (product["slug"], variant["sku"]): (product, variant)
        async for product in find_by(products(context), "slug", slugs, _SHOWN)
        for variant in product["variants"]
    }
    return [
        _Count(row.where, *stored, variant.stock)
        for row in rows
        for variant in row.value.variants
        if variant.stock is not None
        and (stored := found.get((row.value.slug, variant.sku))) is not None
    ]


async def _without_new(
    context: Context, counts: Sequence[_Count], changed: set[str]
) -> list[_Count]:
    """Start the stocks that aren't there; returns the others."""
    stored = await stocks_by_variant(context, [count.variant for count in counts])
    others = [count for count in counts if count.variant in stored]
    new = [count for count in counts if count.variant not in stored]
    for start in range(0, len(new), _STARTED_AT_ONCE):
        chunk = new[start : start + _STARTED_AT_ONCE]
        if await start_all(context, [_new(count) for count in chunk], REASON):
            changed.update(count.where for count in chunk)
        else:  # somebody else has begun to count one of them
            others += chunk
    return others


def _new(count: _Count) -> NewStock:
    return NewStock(
        variant=count.variant,
        product=count.product["_id"],
        seller=count.product.get("seller"),
        sku=count.stored["sku"],
        shown=count.stored.get("in_stock", True),
        on_hand=count.said.on_hand,
        low_at=count.said.low_at,
        backorders=_BACKORDERS.get(count.said.backorders, "DENY"),
        limit=count.said.backorder_limit,
    )


async def _set_on_hand(
    context: Context, counts: Sequence[_Count], changed: set[str]
) -> list[Rejected]:
    stored = await stocks_by_variant(context, [count.variant for count in counts])
    other = [
        count
        for count in counts
        if count.variant not in stored or stored[count.variant]["on_hand"] != count.said.on_hand
    ]
    notes: list[Rejected] = []
    for start in range(0, len(other), _AT_ONCE):
        notes += await _adjust(context, other[start : start + _AT_ONCE], changed)
    return notes


async def _adjust(context: Context, counts: Sequence[_Count], changed: set[str]) -> list[Rejected]:
    """Adjust all or, where one can't be, each by itself."""
    lines = [Adjustment(count.variant, set_to=count.said.on_hand) for count in counts]
    try:
        await adjust(context, lines, reason=REASON, note="", key=None)
    except DomainError as error:
        if len(counts) == 1:
            return [_note(counts[0], error)]
        return [note for count in counts for note in await _adjust(context, [count], changed)]
    changed.update(count.where for count in counts)
    return []


async def _set_terms(
    context: Context, counts: Sequence[_Count], changed: set[str]
) -> list[Rejected]:
    """Set thresholds and backorders where they differ."""
    stored = await stocks_by_variant(context, [count.variant for count in counts])
    notes = []
    for count in counts:
        stock = stored.get(count.variant)
        if stock is None or _is_sold_so(stock, count.said):
            continue
        said = count.said
        policy = Policy(said.low_at, _BACKORDERS.get(said.backorders), said.backorder_limit)
        try:
            await set_policy(context, count.variant, policy, None)
        except DomainError as error:
            notes.append(_note(count, error))
        else:
            changed.add(count.where)
    return notes


def _is_sold_so(stock: Record, said: StockRecord) -> bool:
    """Whether a stock is sold as a file says, as far as it says it."""
    if said.low_at not in {None, stock["low_at"]}:
        return False
    if said.backorders is None:
        return True
    wanted = _BACKORDERS[said.backorders], said.backorder_limit
    return wanted == (stock["backorders"], stock["backorder_limit"])


def _note(count: _Count, error: DomainError) -> Rejected:
    return Rejected(count.where, f"the stock of '{count.stored['sku']}' stays as it is: {error}")
