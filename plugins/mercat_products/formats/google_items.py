"""A product as items of Google Merchant Center's feed: one a variant that can be bought.

Only active products are written, and of them the variants with a price in the shop's own currency.
The slug is the `item_group_id`, unless the variants differ by options that the feed has no place
for: they are items by themselves then. Descriptions are text, cut at Google's 5,000 characters, and
titles at 150. `link` is the metadata's `link`; without it, as without a picture with an http(s)
URL, Google wants the address from another source. The first category is the `product_type`.
https://support.google.com/merchants/answer/7052112
"""

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
    "shipping_weight",
)
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
    items, notes = [], []
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
        "item_group_id": _group(row),
        "product_type": next(iter(row.get("categories", ())), ""),
    }


def _group(row: dict[str, Any]) -> str:
    names = [name.casefold() for name in row["variants"][0]["options"]]
    columns = {_NAMES.get(name) for name in names}
    if len(row["variants"]) > 1 and (None in columns or len(columns) < len(names)):
        return ""
    slug: str = row["slug"]
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
    options = variant["options"].items()
    barcode, weight = variant["barcode"] or "", variant["weight"]
    return {
        "id": variant["sku"],
        "title": _title(row, variant),
        **_pictures([*variant["media"], *row["media"]]),
        "availability": "in_stock" if variant["available"] else "out_of_stock",
        **_prices(price),
        "gtin": barcode if barcode.isdecimal() and len(barcode) in _GTIN_LENGTHS else "",
        **{_NAMES[name.casefold()]: value for name, value in options if name.casefold() in _NAMES},
        "shipping_weight": "" if weight is None else f"{weight} g",
    }, ""


def _title(row: dict[str, Any], variant: dict[str, Any]) -> str:
    """The product's name, with the options where the feed doesn't say them otherwise."""
    values = () if _group(row) else variant["options"].values()
    return " ".join([row["name"], *values])[:_LONGEST_TITLE]


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
