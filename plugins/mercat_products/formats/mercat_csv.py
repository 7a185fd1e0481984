r"""Mercat CSV: one line a variant; the lines of a product stand together.

    slug,name,description,brand,status,tags,categories,media,media_alt,
    sku,variant_name,barcode,options,price,currency,compare_at,available,metadata

Of these `slug`, `name` and `sku` must be there, in any order. The first nine columns and `metadata`
are the product's and are taken from its first line; its other lines may repeat them or leave them
empty. A product that is named again further down is a product of its own.

* `tags`, `categories`, `media` and `media_alt` are lists: `new|sale`. Categories are paths:
  `Food > Tea|Gifts`. The n-th `media_alt` describes the n-th `media`.
* `options` and `metadata` are pairs: `Size=M|Colour=red`.
* `price`, `currency` and `compare_at` are lists too, one entry a currency: `4.50|3.90`, `EUR|GBP`.
  Without a currency a price is in the shop's own.
* A `|`, `=` or `\` that is meant is written `\|`, `\=`, `\\`.
* An empty cell is an absent value; `available` is `true` where it is empty, `status` is `active`.

A bad line costs its own variant and the rest of the product stays, unless the bad value is one of
the product's own. After a line that can't be read at all, lines with an empty slug are rejected as
well, up to the next slug, because their product isn't certain.
"""

import re
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO

from mercat.errors import InvalidError
from mercat.importing import Rejected, Row
from mercat.reading.lines import lines, opening
from mercat.reading.tables import Cells, headings, plain, read_table
from mercat_products.formats.products import assembled, column, each, grouped, pictures
from mercat_products.records import ProductRecord

PRODUCT_COLUMNS = (
    *("slug", "name", "description", "brand", "status"),
    *("tags", "categories", "media", "media_alt", "metadata"),
)
VARIANT_COLUMNS = (
    *("sku", "variant_name", "barcode", "options"),
    *("price", "currency", "compare_at", "available"),
)
COLUMNS = PRODUCT_COLUMNS + VARIANT_COLUMNS
_REQUIRED = ("slug", "name", "sku")
_PIECES = re.compile(r"\\.|[^\\|=]+|.", re.DOTALL)


class MercatCsv:
    name = "csv"
    title = "Mercat CSV"

    def matches(self, path: Path, head: bytes) -> bool:
        del path
        return headings(head).issuperset(_REQUIRED)

    def read(self, stream: BinaryIO) -> Iterator[Row[ProductRecord] | Rejected]:
        rows = read_table(lines(stream, opening(stream)), plain(*COLUMNS), required=_REQUIRED)
        for group in grouped(rows, column("slug", "name")):
            if isinstance(group, Rejected):
                yield group
            else:
                yield from _product(group)


def _product(group: list[Row[Cells]]) -> Iterator[Row[ProductRecord] | Rejected]:
    first = group[0]
    try:
        product, media = _product_fields(first.value), _media(first)
    except InvalidError as error:
        yield Rejected(first.where, str(error))
        return
    yield from assembled(first.where, product, each(group, _variant_fields), pictures(media))


def _product_fields(cells: Cells) -> dict[str, object]:
    return {
        "slug": cells["slug"],
        "name": cells["name"],
        "description": cells.get("description", ""),
        "brand": cells.get("brand") or None,
        "status": cells.get("status", "").lower() or "active",
        "tags": _split(cells.get("tags", "")),
        "categories": _split(cells.get("categories", "")),
        "metadata": _pairs("metadata", cells.get("metadata", "")),
    }


def _media(line: Row[Cells]) -> list[tuple[str, str, str]]:
    urls, texts = (_split(line.value.get(name, "")) for name in ("media", "media_alt"))
    if len(texts) > len(urls):
        raise InvalidError("media_alt: it describes more media than there are")
    return [(line.where, url, alt) for url, alt in zip_longest(urls, texts, fillvalue="")]


def _variant_fields(cells: Cells) -> dict[str, object]:
    return {
        "sku": cells["sku"],
        "name": cells.get("variant_name", ""),
        "barcode": cells.get("barcode") or None,
        "options": _pairs("options", cells.get("options", "")),
        "prices": _prices(cells),
        "available": cells.get("available") or True,
    }


def _prices(cells: Cells) -> list[dict[str, str | None]]:
    amounts, currencies, before = (
        _split(cells.get(name, "")) for name in ("price", "currency", "compare_at")
    )
    if max(len(currencies), len(before)) > len(amounts):
        raise InvalidError("price: it has fewer entries than currency or compare_at")
    rows = zip_longest(amounts, currencies, before, fillvalue="")
    return [{"amount": a, "currency": c or None, "compare_at": b or None} for a, c, b in rows]


def _pairs(name: str, cell: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for entry in _cut(cell, "|"):
        key, *value = _cut(entry, "=")
        if len(value) != 1:
            raise InvalidError(f"{name}: write it as `Size=M|Colour=red`")
        if _plain(key) in pairs:
            raise InvalidError(f"{name}: a name stands twice")
        pairs[_plain(key)] = _plain(value[0])
    return pairs


def _split(cell: str) -> list[str]:
    return [_plain(entry) for entry in _cut(cell, "|")]


def _cut(text: str, mark: str) -> list[str]:
    """Cut at every mark that no backslash takes back; an empty text has no entries."""
    if not text:
        return []
    entries: list[list[str]] = [[]]
    for piece in _PIECES.findall(text):
        if piece == mark:
            entries.append([])
        else:
            entries[-1].append(piece)
    return ["".join(pieces) for pieces in entries]


def _plain(entry: str) -> str:
    return re.sub(r"\\(.)", r"\1", entry, flags=re.DOTALL).strip()
