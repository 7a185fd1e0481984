"""A product as the lines of Shopify's product CSV, under the headings that all its versions take.

What Shopify has no place for stays behind: other currencies than the shop's own, price breaks,
attributes, categories but the first (it becomes the `Type`, because `Product Category` takes names
of Shopify's own taxonomy only), a variant's pictures but the first, metadata, translations and old
slugs, a stock's threshold and how many more than are on hand may be sold. Commas in tags become
spaces. A variant that isn't offered has a tracked quantity of 0. A product with more than three
options can't be written. Cells are escaped as in Mercat's CSV.
https://help.shopify.com/en/manual/products/import-export/using-csv
"""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from mercat.exporting import Written
from mercat.texts import harmless
from mercat_products.formats.cells import table

_COLUMNS = (
    *("Handle", "Title", "Body (HTML)", "Vendor", "Product Category", "Type", "Tags", "Published"),
    *(f"Option{n} {what}" for n in (1, 2, 3) for what in ("Name", "Value")),
    *("Variant SKU", "Variant Grams", "Variant Inventory Tracker", "Variant Inventory Qty"),
    *("Variant Inventory Policy", "Variant Fulfillment Service", "Variant Price"),
    *("Variant Compare At Price", "Variant Requires Shipping", "Variant Taxable"),
    *("Variant Barcode", "Image Src", "Image Position", "Image Alt Text", "Gift Card"),
    *("SEO Title", "SEO Description", "Variant Image", "Variant Weight Unit", "Status"),
)
_MOST_OPTIONS = 3
Line = dict[str, str]


def shopify_head() -> bytes:
    return table(_COLUMNS, [dict(zip(_COLUMNS, _COLUMNS, strict=True))])


def shopify_lines(row: dict[str, Any], currency: str) -> Written:
    """The lines of a product: its variants, and beside and below them its pictures."""
    names = list(row["variants"][0]["options"])
    if len(names) > _MOST_OPTIONS:
        return Written(b"", (f"{row['slug']}: left out, as Shopify takes 3 options at most",))
    lines = _lines(row, names, currency)
    escaped = ({name: harmless(text) for name, text in line.items()} for line in lines)
    return Written(table(_COLUMNS, escaped), tuple(_notes(row)))


def _notes(row: dict[str, Any]) -> Iterator[str]:
    shown = [*row["media"], *(one for variant in row["variants"] for one in variant["media"][:1])]
    if not all(_is_absolute(one["url"]) for one in shown):
        yield f"{row['slug']}: Shopify fetches pictures by http(s) URLs only"
    for variant in row["variants"]:
        if len(variant["media"]) > 1:
            yield f"{row['slug']}: '{variant['sku']}' keeps the first of its pictures only"
        if variant.get("stock", {}).get("on_hand") and not variant["available"]:
            yield f"{row['slug']}: '{variant['sku']}' isn't offered, so its quantity becomes 0"


def _lines(row: dict[str, Any], names: list[str], currency: str) -> Iterator[Line]:
    pairs = zip_longest(row["variants"], row["media"])
    for place, (variant, picture) in enumerate(pairs, 1):
        yield {
            "Handle": row["slug"],
            **(_product(row, names) if place == 1 else {}),
            **(_variant(variant, currency) if variant else {}),
            **(_picture(picture, place) if picture else {}),
        }


def _product(row: dict[str, Any], names: list[str]) -> Line:
    return {
        "Title": row["name"],
        "Body (HTML)": row["description"],
        "Vendor": row["brand"] or "",
        "Type": next(iter(row.get("categories", ())), ""),
        "Tags": ", ".join(" ".join(tag.replace(",", " ").split()) for tag in row["tags"]),
        "Published": str(row["status"] == "active").lower(),
        **{f"Option{n} Name": name for n, name in enumerate(names or ["Title"], 1)},
        "Gift Card": "false",
        "SEO Title": row["seo"]["title"],
        "SEO Description": row["seo"]["description"],
        "Status": "draft" if row["status"] == "withheld" else row["status"],
    }


def _variant(variant: dict[str, Any], currency: str) -> Line:
    values = list(variant["options"].values()) or ["Default Title"]
    prices: list[dict[str, Any]] = variant["prices"]
    price = next((one for one in prices if one["currency"] == currency), {})
    weight, media = variant["weight"], variant["media"]
    return {
        **{f"Option{n} Value": value for n, value in enumerate(values, 1)},
        "Variant SKU": variant["sku"],
        "Variant Grams": "" if weight is None else str(weight),
        **_stock(variant),
        "Variant Fulfillment Service": "manual",
        "Variant Price": price.get("amount", ""),
        "Variant Compare At Price": price.get("compare_at") or "",
        "Variant Requires Shipping": "true",
        "Variant Taxable": "true",
        "Variant Barcode": variant["barcode"] or "",
        "Variant Image": media[0]["url"] if media else "",
        "Variant Weight Unit": "" if weight is None else "g",
    }


def _stock(variant: dict[str, Any]) -> Line:
    stock = variant.get("stock") if variant["available"] else {"on_hand": 0, "backorders": "deny"}
    if stock is None:
        return {"Variant Inventory Policy": "deny"}
    return {
        "Variant Inventory Tracker": "shopify",
        "Variant Inventory Qty": str(stock["on_hand"]),
        "Variant Inventory Policy": "continue" if stock["backorders"] == "allow" else "deny",
    }


def _picture(picture: dict[str, str], place: int) -> Line:
    return {
        "Image Src": picture["url"],
        "Image Position": str(place),
        "Image Alt Text": picture["alt"],
    }


def _is_absolute(url: str) -> bool:
    return url.startswith(("http://", "https://"))
