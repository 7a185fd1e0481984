r"""A product as items of Google Merchant Center's feed: one a variant that can be bought.

Only active products are written, and of them the variants with a price in the shop's own currency.
The slug is the `item_group_id`. Options that the feed has no column for are `product_detail`s, as
`Options:Height:20 cm`; a `,`, `:` or `\` in them is written with a `\` before it. Descriptions are
text, cut at Google's 5,000 characters, and titles at 150. `link` is the metadata's `link`; without
it, as without a picture with an http(s) URL, Google wants the address from another source. The
first category is the `product_type`.
https://support.google.com/merchants/answer/7052112
"""

import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

from mercat.exporting import Written
from mercat_products.formats.cells import table
from mercat_products.formats.markup import text_of_html
from mercat_products.rows import ProductRow

OPTIONS = {"color": "Colour", "size": "Size", "material": "Material", "pattern": "Pattern"}
_NAMES = {
    **{said.casefold(): name for name, said in OPTIONS.items()},
    **{name: name for name in OPTIONS},
}
_COLUMNS = (
    *("id", "title", "description", "link", "image_link", "additional_image_link", "availability"),
    *("price", "sale_price", "brand", "gtin", "item_group_id", "product_type", *OPTIONS),
    *("product_detail", "shipping_weight"),
)
SECTION = "Options"
_MARKS = re.compile(r"[\\,:]")
_LONGEST_TITLE, _LONGEST_TEXT, _LONGEST_ID, _MOST_PICTURES = 150, 5_000, 50, 10
_GTIN_LENGTHS = (8, 12, 13, 14)
Item = dict[str, str]


def google_head() -> bytes:
    return table(_COLUMNS, [dict(zip(_COLUMNS, _COLUMNS, strict=True))], "\t")


def google_items(product: ProductRow, currency: str) -> Written:
    """The items of a product, and notes on the variants that are left out."""
    row = product.values
    if row["status"] != "active":
        return Written(b"")
    items, notes = [], list(_notes(row))
    shared = _shared(row)
    for variant in row["variants"]:
        item, problem = _item(row, variant, currency)
        if variant["sku"] in product.sold_out:
            item["availability"] = "out_of_stock"
        if problem:
            notes.append(f"{row['slug']}: '{variant['sku']}' is left out, as {problem}")
        else:
            items.append({**shared, **item})
    flat = ({name: " ".join(text.split()) for name, text in item.items()} for item in items)
    return Written(table(_COLUMNS, flat, "\t"), tuple(notes))


def _shared(row: dict[str, Any]) -> Item:
    return {
        "description": _text(row["description"] or row["name"])[:_LONGEST_TEXT],
        "link": row["metadata"].get("link", ""),
        "brand": row["brand"] or "",
        "item_group_id": _group(row["slug"]),
        "product_type": next(iter(row.get("categories", ())), ""),
    }


def _notes(row: dict[str, Any]) -> Iterator[str]:
    """What of the whole product the feed has no place for."""
    slug = row["slug"]
    if len(slug) > _LONGEST_ID:
        yield f"{slug}: its slug is longer than Google's ids, and cut at {_LONGEST_ID} characters"
    if len(row["name"]) > _LONGEST_TITLE:
        yield f"{slug}: its title is cut at {_LONGEST_TITLE} characters"
    details = [name for name, column in _columns(row["variants"][0]).items() if column is None]
    if details:
        names = ", ".join(f"'{name}'" for name in details)
        yield f"{slug}: Google has no column for the options {names}, so they are product details"


def _columns(variant: dict[str, Any]) -> dict[str, str | None]:
    """Where each option stands; None for those without a column of their own."""
    found: dict[str, str | None] = {}
    for name in variant["options"]:
        column = _NAMES.get(name.casefold())
        found[name] = None if column in found.values() else column
    return found


def _options(variant: dict[str, Any]) -> Item:
    item: Item = {}
    details = []
    for name, column in _columns(variant).items():
        value = variant["options"][name]
        if column is None:
            details.append(":".join(map(_marked, (SECTION, name, value))))
        else:
            item[column] = value
    return {**item, "product_detail": ",".join(details)}


def _marked(text: str) -> str:
    return _MARKS.sub(r"\\\g<0>", text)


def _group(slug: str) -> str:
    if len(slug) <= _LONGEST_ID:
        return slug
    ending = blake2b(slug.encode(), digest_size=4).hexdigest()
    return f"{slug[: _LONGEST_ID - len(ending) - 1].rstrip('-')}-{ending}"


def _item(row: dict[str, Any], variant: dict[str, Any], currency: str) -> tuple[Item, str]:
    """A variant, or why it can't be an item."""
    price = next((one for one in variant["prices"] if one["currency"] == currency), None)
    if price is None:
        return {}, f"it has no price in {currency}"
    if len(variant["sku"]) > _LONGEST_ID:
        return {}, f"Google's ids have {_LONGEST_ID} characters at most"
    barcode, weight = variant["barcode"] or "", variant["weight"]
    return {
        "id": variant["sku"],
        "title": row["name"][:_LONGEST_TITLE],
        **_pictures([*variant["media"], *row["media"]]),
        "availability": "in_stock" if variant["available"] else "out_of_stock",
        **_prices(price),
        "gtin": barcode if barcode.isdecimal() and len(barcode) in _GTIN_LENGTHS else "",
        **_options(variant),
        "shipping_weight": "" if weight is None else f"{weight} g",
    }, ""


def _prices(price: dict[str, Any]) -> Item:
    now, before = price["amount"], price["compare_at"]
    if before is None or float(before) <= float(now):
        return {"price": f"{now} {price['currency']}"}
    return {"price": f"{before} {price['currency']}", "sale_price": f"{now} {price['currency']}"}


def _pictures(media: list[dict[str, str]]) -> Item:
    urls = [one["url"].replace(",", "%2C") for one in media if one["url"].startswith("http")]
    first, *others = list(dict.fromkeys(urls)) or [""]
    return {"image_link": first, "additional_image_link": ",".join(others[:_MOST_PICTURES])}


def _text(html: str) -> str:
    try:
        return text_of_html(html)
    except ValueError:  # an entity that is no character
        return ""
