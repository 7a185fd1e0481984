"""Reading the category tree for an export, in the order of the numbers."""

from collections.abc import AsyncIterator

from mercat.context import Context
from mercat.exporting import Batch, Exporter
from mercat.storage import Record
from mercat_categories.forest import Forest, old_addresses_of
from mercat_categories.formats import OUTPUT_FORMATS
from mercat_categories.memory import newest_forest
from mercat_categories.records import CategoryRecord
from mercat_media.renditions import address
from mercat_media.settings import MediaSettings
from mercat_products.records import MediaRecord, SeoRecord, TranslationRecord

_AT_ONCE = 500


async def read_categories(
    context: Context, _status: str | None = None
) -> AsyncIterator[Batch[CategoryRecord]]:
    """The rows of all categories, as the tree was at one moment."""
    forest = await newest_forest(context)
    public_url = context.settings(MediaSettings).public_url
    whole = len(forest.numbered)
    for start in range(0, whole, _AT_ONCE):
        records = forest.numbered[start : start + _AT_ONCE]
        rows = [_row(record, forest, public_url) for record in records]
        yield Batch(rows, start + len(rows), whole)


def _row(record: Record, forest: Forest, start: str | None) -> CategoryRecord:
    parent = forest.records.get(record["parent_id"])
    seo, translations = record.get("seo") or {}, record.get("translations") or ()
    image = image_of(record, start)
    return CategoryRecord.model_construct(
        key=record["key"],
        name=record["name"],
        parent=parent["key"] if parent else None,
        slug=record["slug"],
        description=record["description"].strip(),
        position=record["position"],
        seo=SeoRecord.model_construct(**seo) if any(seo.values()) else None,
        image=MediaRecord.model_construct(url=image["url"], alt=image["alt"]) if image else None,
        translations=tuple(map(_translation, translations)) or None,
        old_slugs=tuple(old_addresses_of(record)),
        former_paths=tuple(record.get("former_paths", ())),
    )


def _translation(stored: Record) -> TranslationRecord:
    words = stored["description"]
    stripped = {**stored, "description": words and words.strip()}
    return TranslationRecord.model_construct(**stripped)


def image_of(record: Record, start: str | None) -> dict[str, str] | None:
    """Where a category's image is, with its words; `start` is where the shop's own lie."""
    image = record.get("image")
    if image is None:
        return None
    return {"url": address(image, "original", "webp", start), "alt": image.get("alt") or ""}


EXPORTS = Exporter(
    noun="categories",
    description="Export the category tree.",
    formats=OUTPUT_FORMATS,
    read=read_categories,
)
