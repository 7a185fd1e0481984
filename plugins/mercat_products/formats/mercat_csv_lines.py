"""A product as the lines of Mercat's CSV."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from mercat.exporting import Written
from mercat.texts import harmless
from mercat_products.formats import cells as cell

PRODUCT_COLUMNS = (
    *("slug", "name", "description", "brand", "status", "seller", "type", "attributes", "tags"),
    *("categories", "seo_title", "seo_description", "media", "media_alt"),
    *("metadata", "private_metadata", "old_slugs"),
)
VARIANT_COLUMNS = (
    *("sku", "variant_name", "barcode", "options"),
    *("price", "currency", "compare_at", "breaks", "available"),
    *("tax_class", "weight", "length", "width", "height", "variant_media", "variant_media_alt"),
)
STOCK_COLUMNS = ("on_hand", "low_at", "backorders", "backorder_limit")
COLUMNS = PRODUCT_COLUMNS + VARIANT_COLUMNS + STOCK_COLUMNS
TRANSLATED = ("name", "description", "slug")
SIDES = ("length", "width", "height")
EMPTY = "<!-- -->"
"""A description that is empty and yet doesn't fall back; as HTML it is nothing."""


def csv_head(locales: Sequence[str]) -> bytes:
    columns = _columns(tuple(locales))
    return cell.table(columns, [dict(zip(columns, columns, strict=True))])


def csv_lines(row: dict[str, Any], locales: Sequence[str]) -> Written:
    """The lines of a product, and notes on translations into what are no locales of the shop."""
    notes = [
        f"{row['slug']}: its translation is left out, as '{one['locale']}' is no locale of the shop"
        for one in row["translations"]
        if one["locale"] not in locales
    ]
    return Written(cell.table(_columns(tuple(locales)), _lines(row)), tuple(notes))


@lru_cache(maxsize=8)
def _columns(locales: tuple[str, ...]) -> tuple[str, ...]:
    return (*COLUMNS, *(f"{name}:{locale}" for locale in locales for name in TRANSLATED))


def _lines(row: dict[str, Any]) -> Iterator[dict[str, str]]:
    """The product's cells with its first variant, then the other variants below its slug."""
    above = {**_product_cells(row), **_translation_cells(row)}
    for variant in row["variants"]:
        found = {**above, **_variant_cells(variant)}
        yield {name: harmless(text) for name, text in found.items()}
        above = {"slug": row["slug"]}


def _product_cells(row: dict[str, Any]) -> dict[str, str]:
    return {
        **{name: row[name] for name in ("slug", "name", "description", "status")},
        **{name: row[name] or "" for name in ("brand", "seller", "type")},
        "attributes": cell.paired(
            (key, word) for key, value in row["attributes"].items() for word in _words(value)
        ),
        "tags": cell.listed(row["tags"]),
        "categories": cell.listed(row.get("categories", ())),
        "seo_title": row["seo"]["title"],
        "seo_description": row["seo"]["description"],
        "media": cell.listed(one["url"] for one in row["media"]),
        "media_alt": cell.listed(one["alt"] for one in row["media"]),
        "metadata": cell.paired(row["metadata"].items()),
        "private_metadata": cell.paired(row["private_metadata"].items()),
        "old_slugs": cell.listed(row["old_slugs"]),
    }


def _variant_cells(variant: dict[str, Any]) -> dict[str, str]:
    prices, sides = variant["prices"], variant["dimensions"] or {}
    weight = variant["weight"]
    return {
        "sku": variant["sku"],
        "variant_name": variant["name"],
        "barcode": variant["barcode"] or "",
        "options": cell.paired(variant["options"].items()),
        "price": cell.listed(price["amount"] for price in prices),
        "currency": cell.listed(price["currency"] for price in prices),
        "compare_at": cell.listed(price["compare_at"] for price in prices),
        "breaks": cell.listed(_steps(price["breaks"]) for price in prices),
        "available": str(variant["available"]).lower(),
        "tax_class": variant["tax_class"] or "",
        "weight": "" if weight is None else str(weight),
        **{side: str(sides[side]) if sides else "" for side in SIDES},
        "variant_media": cell.listed(one["url"] for one in variant["media"]),
        "variant_media_alt": cell.listed(one["alt"] for one in variant["media"]),
        **{name: _word(value) for name, value in variant.get("stock", {}).items()},
    }


def _translation_cells(row: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in row["translations"]:
        texts = {**one, "description": EMPTY if one["description"] == "" else one["description"]}
        found |= {f"{name}:{one['locale']}": _word(texts[name]) for name in TRANSLATED}
    return found


def _word(value: object) -> str:
    return "" if value is None else str(value)


def _steps(breaks: list[dict[str, Any]]) -> str:
    return " ".join(f"{one['quantity']}:{one['amount']}" for one in breaks)


def _words(value: object) -> list[str]:
    """A value in the words that its attribute's kind reads again."""
    if isinstance(value, list):
        return value or [""]
    return [str(value).lower() if isinstance(value, bool) else str(value)]
