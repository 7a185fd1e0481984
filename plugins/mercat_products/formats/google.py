"""Google Merchant Center's product feed as tab-separated text: one line a variant.

Adjacent lines with one `item_group_id` become one product; a line without it is a product by
itself. The slug is made from that id (or the item's), not from the title, because ids stay when
titles change; an id that comes back further down makes a product of its own, `<id>-2`.

`id` is the SKU and `gtin` the barcode. `sale_price`, where there is one, is the price, and `price`
what it is compared with; a sale limited by `sale_price_effective_date` is left out, because prices
here have no dates. `product_type` is the category, or else `google_product_category` where that is
a path and not a number. `link` goes into the metadata, a `product_detail` of the section `Options`
is an option. A bad line costs its own variant.
https://support.google.com/merchants/answer/7052112
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mercat.context import Context
from mercat.errors import InvalidError
from mercat.exporting import Written
from mercat.importing import Rejected, Row
from mercat.reading.lines import lines, opening
from mercat.reading.tables import Cells, headings, plain, read_table
from mercat.reading.values import clipped
from mercat.slugs import UniqueSlugs
from mercat_products.formats.google_items import OPTIONS, SECTION, google_head, google_items
from mercat_products.formats.products import (
    assembled,
    category_path,
    each,
    each_once,
    grouped,
    pictures,
)
from mercat_products.records import ProductRecord
from mercat_products.rows import ProductRow

_COLUMNS = (
    *("id", "title", "description", "link", "image_link", "additional_image_link", "availability"),
    *("price", "sale_price", "sale_price_effective_date", "brand", "gtin", "item_group_id"),
    *("product_type", "google_product_category", "product_detail", "shipping_weight", *OPTIONS),
)
_LONGEST_LINK = 500  # what a metadata value holds
_PIECES = re.compile(r"\\.|[^\\,:]+|.")
_PAIR = 2
_REQUIRED = ("id", "title", "price")
_AVAILABLE = {
    **dict.fromkeys(("", "in stock", "preorder", "backorder"), True),
    **dict.fromkeys(("out of stock", "discontinued"), False),
}


class GoogleFeed:
    name = "google"
    title = "Google Merchant feed (TSV)"

    def matches(self, path: Path, head: bytes) -> bool:
        del path
        return headings(head, "\t").issuperset(_REQUIRED)

    def read(self, stream: BinaryIO) -> Iterator[Row[ProductRecord] | Rejected]:
        source = lines(stream, opening(stream))
        rows = read_table(source, plain(*_COLUMNS), required=_REQUIRED, delimiter="\t")
        slugs = UniqueSlugs()
        for group in grouped(rows, _product_of):
            if isinstance(group, Rejected):
                yield group
            else:
                yield from _product(group, slugs)

    def head(self, context: Context) -> bytes:
        del context
        return google_head()

    def written(self, row: ProductRow, context: Context) -> Written:
        return google_items(row, context.shop.currency)


def _product_of(line: Row[Cells]) -> str:
    group = line.value.get("item_group_id")
    return f"group {group}" if group else line.where


def _product(
    group: list[Row[Cells]], slugs: UniqueSlugs
) -> Iterator[Row[ProductRecord] | Rejected]:
    first = group[0].value
    name = first["title"]
    product = {
        "slug": slugs.take(first.get("item_group_id") or first["id"]),
        "name": name,
        "description": first.get("description", ""),
        "brand": first.get("brand") or None,
        "categories": _categories(first),
        "metadata": _metadata(first),
    }
    variants = each(group, lambda cells: _variant(cells, name))
    media = pictures(
        each_once((line.where, url, "") for line in group for url in _links(line.value))
    )
    yield from assembled(group[0].where, product, variants, media)


def _variant(cells: Cells, name: str) -> dict[str, object]:
    weight = _weight(cells.get("shipping_weight", ""))
    return {
        "sku": cells["id"],
        "name": "" if cells["title"] == name else cells["title"],
        "barcode": cells.get("gtin") or None,
        "options": _options(cells),
        "prices": _prices(cells),
        "available": _available(cells.get("availability", "")),
        **({} if weight is None else {"weight": weight}),
    }


def _options(cells: Cells) -> dict[str, str]:
    found = {said: cells[key] for key, said in OPTIONS.items() if cells.get(key)}
    for detail in _cut(cells.get("product_detail", ""), ","):
        section, *pair = map(_plain, _cut(detail, ":"))
        if section == SECTION and len(pair) == _PAIR and all(pair):
            found.setdefault(pair[0], pair[1])
    return found


def _cut(text: str, mark: str) -> list[str]:
    r"""Cut at every mark that no `\` takes back."""
    entries = [""]
    for piece in _PIECES.findall(text):
        if piece == mark:
            entries.append("")
        else:
            entries[-1] += piece
    return entries


def _plain(entry: str) -> str:
    return re.sub(r"\\(.)", r"\1", entry).strip()


def _weight(said: str) -> int | None:
    """Grams; None where nothing is said, or in another unit."""
    amount, _, unit = said.partition(" ")
    return int(amount) if unit == "g" and amount.isdecimal() else None


def _available(said: str) -> bool:
    try:
        return _AVAILABLE[said.lower().replace("_", " ")]
    except KeyError:
        raise InvalidError(f"availability: '{clipped(said, 40)}' is not known") from None


def _prices(cells: Cells) -> list[dict[str, str | None]]:
    if not cells["price"]:
        return []
    amount, currency = _price("price", cells["price"])
    price = {"amount": amount, "currency": currency}
    if not cells.get("sale_price") or cells.get("sale_price_effective_date"):
        return [price]
    sale, sale_currency = _price("sale_price", cells["sale_price"])
    if sale_currency != currency:
        raise InvalidError("sale_price: its currency is not the price's")
    return [{**price, "amount": sale, "compare_at": amount}]


def _price(name: str, text: str) -> tuple[str, str | None]:
    amount, *currency = text.split()
    if len(currency) > 1:
        raise InvalidError(f"{name}: write it as `12.50 EUR`")
    return amount, currency[0].upper() if currency else None


def _categories(cells: Cells) -> tuple[str, ...]:
    given = cells.get("product_type") or cells.get("google_product_category", "")
    return () if given.isdigit() else category_path(given)


def _links(cells: Cells) -> list[str]:
    # A comma inside an address is written %2C in these feeds.
    more = cells.get("additional_image_link", "").split(",")
    return [cells.get("image_link", ""), *map(str.strip, more)]


def _metadata(cells: Cells) -> dict[str, str]:
    link = cells.get("link", "")
    return {"link": link} if 0 < len(link) <= _LONGEST_LINK else {}
