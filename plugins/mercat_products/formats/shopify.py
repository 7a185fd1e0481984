"""Shopify's product export, with the headings of today (`URL handle`) and of before (`Handle`).

The lines of one handle stand together: a line with an option, a SKU or a price is a variant, any
other adds a picture. The handle is the slug. A variant without a SKU gets one made from the handle
and its options; `Default Title` is no option. Of `Body (HTML)` what is harmless is kept. A product
that is not published, or unlisted, is a draft. `Product Category` is the category, or else `Type`;
where both are there, the type goes into the metadata. A price is in the shop's own currency. An
apostrophe before `=`, `+`, `-` or `@` at the beginning of a cell is not part of its text.

A quantity that an inventory tracker counts is what is on hand, one below 0 is none, and `continue`
is to sell more than that. `Variant Image` is the variant's own picture; what it shows is said where
the same address is one of the product's.

A bad line costs its own variant or picture and the rest of the product stays, unless the bad value
is one of the product's own, which its first line holds.
https://help.shopify.com/en/manual/products/import-export/using-csv
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from mercat.context import Context
from mercat.errors import InvalidError
from mercat.exporting import Written
from mercat.importing import Rejected, Row
from mercat.reading.lines import lines, opening
from mercat.reading.tables import Cells, headings, read_table
from mercat.slugs import slugify
from mercat_products.formats.cells import unescaped
from mercat_products.formats.products import (
    assembled,
    category_path,
    column,
    derived_sku,
    each,
    each_once,
    grouped,
    pictures,
)
from mercat_products.formats.shopify_lines import shopify_head, shopify_lines
from mercat_products.markup import sanitised
from mercat_products.records import ProductRecord
from mercat_products.rows import ProductRow

_HEADINGS = {
    "handle": ("handle", "url handle"),
    "title": ("title",),
    "description": ("body (html)", "description"),
    "vendor": ("vendor",),
    "category": ("product category", "standardized product type", "standard product type"),
    "type": ("type", "custom product type"),
    "tags": ("tags",),
    "published": ("published", "published on online store"),
    "status": ("status",),
    "sku": ("variant sku", "sku"),
    "barcode": ("variant barcode", "barcode"),
    "price": ("variant price", "price"),
    "compare_at": ("variant compare at price", "compare-at price"),
    "tracker": ("variant inventory tracker", "inventory tracker"),
    "quantity": ("variant inventory qty", "inventory quantity"),
    "oversell": ("variant inventory policy", "continue selling when out of stock"),
    "image": ("image src", "product image url"),
    "position": ("image position",),
    "alt": ("image alt text",),
    "weight": ("variant grams", "weight value (grams)"),
    "seo_title": ("seo title",),
    "seo_description": ("seo description",),
    "variant_image": ("variant image", "variant image url"),
    **{f"name{n}": (f"option{n} name",) for n in (1, 2, 3)},
    **{f"value{n}": (f"option{n} value",) for n in (1, 2, 3)},
}
_COLUMNS = {heading: name for name, said in _HEADINGS.items() for heading in said}
_STATUSES = {"": "active", "unlisted": "draft"}
_OVERSELL = {"continue": "allow", "true": "allow", "deny": "deny", "false": "deny"}
_WHOLE = re.compile("-?[0-9]+")
_DIGITS = 9
_HEAVIEST = 10**9
_APOSTROPHE = "'"  # Shopify writes it before numbers, for spreadsheets' sake
Lines = list[Row[Cells]]


class ShopifyCsv:
    name = "shopify"
    title = "Shopify product CSV"

    def matches(self, path: Path, head: bytes) -> bool:
        del path
        known = {_COLUMNS.get(heading) for heading in headings(head)}
        return known.issuperset(("handle", "title", "price"))

    def read(self, stream: BinaryIO) -> Iterator[Row[ProductRecord] | Rejected]:
        source = lines(stream, opening(stream))
        rows = read_table(source, _COLUMNS, required=("handle", "title", "price"))
        for group in grouped(map(_as_meant, rows), column("handle", "title")):
            if isinstance(group, Rejected):
                yield group
            else:
                yield from _product(group)

    def head(self, context: Context) -> bytes:
        del context
        return shopify_head()

    def written(self, row: ProductRow, context: Context) -> Written:
        return shopify_lines(row.values, context.shop.currency)


def _as_meant(row: Row[Cells] | Rejected) -> Row[Cells] | Rejected:
    return row if isinstance(row, Rejected) else Row(row.where, unescaped(row.value))


def _product(group: Lines) -> Iterator[Row[ProductRecord] | Rejected]:
    first = group[0]
    product = _fields(first.value)
    names = {f"value{n}": first.value.get(f"name{n}", "") for n in (1, 2, 3)}
    words = {line.value.get("image", ""): line.value.get("alt", "") for line in group}
    variants = each(
        _variants(group),
        lambda cells: _variant(cells, first.value["handle"], names) | _own_picture(cells, words),
    )
    yield from assembled(first.where, product, variants, pictures(each_once(_pictures(group))))


def _fields(cells: Cells) -> dict[str, object]:
    kind = cells.get("type", "")
    standard = _category(cells.get("category", ""))
    return {
        "slug": slugify(cells["handle"]),
        "name": cells["title"],
        "description": sanitised(cells.get("description", "")),
        "brand": cells.get("vendor") or None,
        "status": _status(cells),
        "tags": [tag.strip() for tag in cells.get("tags", "").split(",") if tag.strip()],
        "categories": standard or category_path(kind),
        "metadata": {"type": kind} if kind and standard else {},
        **_seo(cells),
    }


def _seo(cells: Cells) -> dict[str, object]:
    if "seo_title" not in cells:
        return {}
    return {"seo": {"title": cells["seo_title"], "description": cells.get("seo_description", "")}}


def _status(cells: Cells) -> str:
    said = cells.get("status", "").lower()
    status = _STATUSES.get(said, said)
    hidden = cells.get("published", "").lower() == "false"
    return "draft" if hidden and status == "active" else status


def _category(said: str) -> tuple[str, ...]:
    # Older exports give the taxonomy's number or address, which is no name anyone could read.
    return () if said.isdigit() or said.startswith("gid://") else category_path(said)


def _variants(group: Lines) -> Iterable[Row[Cells]]:
    first, *others = group
    yield first
    for line in others:
        if any(line.value.get(name) for name in ("value1", "sku", "price")):
            yield line


def _variant(cells: Cells, handle: str, names: dict[str, str]) -> dict[str, object]:
    options = _options(cells, names)
    price = {"amount": cells["price"], "compare_at": cells.get("compare_at") or None}
    return {
        "sku": cells.get("sku", "").removeprefix(_APOSTROPHE)
        or derived_sku(handle, *options.values()),
        "barcode": cells.get("barcode", "").removeprefix(_APOSTROPHE) or None,
        "options": options,
        "prices": (price,) if cells["price"] else (),
        **_stock(cells),
        **({"weight": round(float(cells["weight"]))} if _is_weighed(cells) else {}),
    }


def _is_weighed(cells: Cells) -> bool:
    """Whether it says a weight; Shopify writes 0 where nobody knows it."""
    try:
        return 0 < float(cells.get("weight") or 0) < _HEAVIEST
    except ValueError:
        raise InvalidError("weight: it is not a number of grams") from None


def _options(cells: Cells, names: dict[str, str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for place, name in names.items():
        value = cells.get(place, "")
        if value and (name.lower(), value.lower()) != ("title", "default title"):
            options[name or f"Option {place[-1]}"] = value
    return options


def _stock(cells: Cells) -> dict[str, object]:
    """What is counted; nothing where nobody counts it."""
    quantity = cells.get("quantity", "")
    if not quantity or cells.get("tracker") == "":
        return {}
    if len(quantity) > _DIGITS + 1 or not _WHOLE.fullmatch(quantity):
        raise InvalidError("inventory quantity: it is not a whole number")
    oversell = cells.get("oversell", "").lower()
    terms = {"backorders": _OVERSELL[oversell]} if oversell in _OVERSELL else {}
    return {"stock": {"on_hand": max(0, int(quantity)), **terms}}


def _own_picture(cells: Cells, words: Mapping[str, str]) -> dict[str, object]:
    if "variant_image" not in cells:
        return {}
    url = cells["variant_image"]
    return {"media": [{"url": url, "alt": words.get(url, "")}] if url else []}


def _pictures(group: Lines) -> Iterator[tuple[str, str, str]]:
    """Yield the product's pictures in their order."""
    for line in sorted(group, key=lambda line: _position(line.value)):
        yield line.where, line.value.get("image", ""), line.value.get("alt", "")


def _position(cells: Cells) -> int:
    position = cells.get("position", "")
    return int(position) if position.isdecimal() and len(position) < _DIGITS else 10**_DIGITS
