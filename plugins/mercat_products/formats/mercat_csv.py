r"""Mercat CSV: one line a variant; the lines of a product stand together.

    slug,name,description,brand,status,seller,type,attributes,tags,categories,seo_title,
    seo_description,media,media_alt,metadata,private_metadata,old_slugs,
    sku,variant_name,barcode,options,price,currency,compare_at,breaks,available,
    tax_class,weight,length,width,height,variant_media,variant_media_alt,
    on_hand,low_at,backorders,backorder_limit,
    name:de,description:de,slug:de

Of these `slug`, `name` and `sku` must be there, in any order. The columns of the first two lines
and of the last are the product's and are taken from its first line; its other lines may repeat them
or leave them empty. A product that is named again further down is a product of its own.

* `tags`, `categories`, `old_slugs`, `media` and `media_alt` are lists: `new|sale`. Categories are
  paths: `Food > Tea|Gifts`. The n-th `media_alt` describes the n-th `media`; `variant_media` and
  `variant_media_alt` are a variant's own pictures in the same way.
* `options`, `attributes`, `metadata` and `private_metadata` are pairs: `Size=M|Colour=red`. An
  attribute with several choices stands there once for each: `fit=slim|fit=tall`.
* `price`, `currency`, `compare_at` and `breaks` are lists too, one entry a currency: `4.50|3.90`,
  `EUR|GBP`. Without a currency a price is in the shop's own. `breaks` are quantities with what one
  costs from there on: `3:4.00 10:3.50`.
* `name:`, `description:` and `slug:` with one of the shop's other locales are a translation. Empty
  cells fall back; `<!-- -->` is a description that is empty and doesn't.
* `on_hand`, `low_at`, `backorders` (`deny` or `allow`) and `backorder_limit` are the variant's
  stock; without an `on_hand` nothing is said of it.
* `weight` is in grams; `length`, `width` and `height` are in millimetres, all three or none.
* A `|`, `=` or `\` that is meant is written `\|`, `\=`, `\\`.
* An apostrophe before `=`, `+`, `-` or `@` at the beginning of a cell is not part of its text: it
  keeps spreadsheets from running the cell.
* An empty cell is an absent value; `available` is `true` where it is empty, `status` is `active`.
  What has no column stays as it is in the shop.

A bad line costs its own variant and the rest of the product stays, unless the bad value is one of
the product's own. After a line that can't be read at all, lines with an empty slug are rejected as
well, up to the next slug, because their product isn't certain.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO

from mercat.context import Context
from mercat.errors import InvalidError
from mercat.exporting import Written
from mercat.importing import Rejected, Row
from mercat.reading.lines import lines, opening
from mercat.reading.tables import Cells, headings, plain, read_table
from mercat_products.formats import cells as cell
from mercat_products.formats.mercat_csv_lines import (
    COLUMNS,
    SIDES,
    TRANSLATED,
    csv_head,
    csv_lines,
)
from mercat_products.formats.products import assembled, column, each, grouped, pictures
from mercat_products.records import ProductRecord
from mercat_products.rows import ProductRow

_REQUIRED = ("slug", "name", "sku")
_TERMS = ("low_at", "backorders", "backorder_limit")


class MercatCsv:
    name = "csv"
    title = "Mercat CSV"

    def matches(self, path: Path, head: bytes) -> bool:
        del path
        return headings(head).issuperset(_REQUIRED)

    def read(self, stream: BinaryIO) -> Iterator[Row[ProductRecord] | Rejected]:
        source = lines(stream, opening(stream))
        rows = read_table(source, plain(*COLUMNS), required=_REQUIRED, further=_translated)
        for group in grouped(map(_as_meant, rows), column("slug", "name")):
            if isinstance(group, Rejected):
                yield group
            else:
                yield from _product(group)

    def head(self, context: Context) -> bytes:
        return csv_head(context.shop.all_locales[1:])

    def written(self, row: ProductRow, context: Context) -> Written:
        return csv_lines(row.values, context.shop.all_locales[1:])


def _translated(heading: str) -> str | None:
    """The name of a translation's column: `Slug: de-AT` is `slug:de-AT`."""
    name, mark, locale = heading.partition(":")
    if not mark or name.strip().lower() not in TRANSLATED or not locale.strip():
        return None
    return f"{name.strip().lower()}:{locale.strip()}"


def _as_meant(row: Row[Cells] | Rejected) -> Row[Cells] | Rejected:
    return row if isinstance(row, Rejected) else Row(row.where, cell.unescaped(row.value))


def _product(group: list[Row[Cells]]) -> Iterator[Row[ProductRecord] | Rejected]:
    first = group[0]
    try:
        product, media = _fields(first.value, _PRODUCT), _media(first)
        product |= _translations(first.value)
    except InvalidError as error:
        yield Rejected(first.where, str(error))
        return
    variants = each(group, lambda cells: _fields(cells, _VARIANT))
    if media is None:
        yield from assembled(first.where, product, variants, None)
    else:
        yield from assembled(first.where, product, variants, pictures(media))


def _fields(
    cells: Cells, readers: Mapping[str, tuple[str, Callable[[Cells], object]]]
) -> dict[str, object]:
    """The values that there are columns for; each is known by the first of its columns."""
    return {
        name: read(cells) for name, (its_column, read) in readers.items() if its_column in cells
    }


def _translations(cells: Cells) -> dict[str, object]:
    """What there are columns for, by locale."""
    found: dict[str, dict[str, str | None]] = {}
    for heading, text in cells.items():
        name, mark, locale = heading.partition(":")
        if mark:
            found.setdefault(locale, {"locale": locale})[name] = text or None
    return {"translations": list(found.values())} if found else {}


def _stock(cells: Cells) -> dict[str, str] | None:
    said = {name: cells[name] for name in _TERMS if cells.get(name)}
    if not cells["on_hand"]:
        if said:
            raise InvalidError(f"on_hand: it is empty, and {next(iter(said))} is not")
        return None
    if "backorders" in said:
        said["backorders"] = said["backorders"].lower()
    return {"on_hand": cells["on_hand"], **said}


def _media(line: Row[Cells]) -> list[tuple[str, str, str]] | None:
    if "media" not in line.value:
        return None
    return [(line.where, url, alt) for url, alt in _shown(line.value, "media")]


def _variant_media(cells: Cells) -> list[dict[str, str]]:
    return [{"url": url, "alt": alt} for url, alt in _shown(cells, "variant_media")]


def _shown(cells: Cells, name: str) -> list[tuple[str, str]]:
    urls, texts = (cell.split(cells.get(key, "")) for key in (name, f"{name}_alt"))
    if len(texts) > len(urls):
        raise InvalidError(f"{name}_alt: it describes more media than there are")
    return list(zip_longest(urls, texts, fillvalue=""))


def _prices(cells: Cells) -> list[dict[str, object]]:
    amounts, currencies, before, breaks = (
        cell.split(cells.get(name, "")) for name in ("price", "currency", "compare_at", "breaks")
    )
    if max(len(currencies), len(before), len(breaks)) > len(amounts):
        raise InvalidError("price: it has fewer entries than currency, compare_at or breaks")
    rows = zip_longest(amounts, currencies, before, breaks, fillvalue="")
    return [
        {"amount": a, "currency": c or None, "compare_at": b or None, "breaks": _breaks(steps)}
        for a, c, b, steps in rows
    ]


def _breaks(entry: str) -> list[dict[str, str]]:
    found = []
    for step in entry.split():
        quantity, mark, amount = step.partition(":")
        if not mark:
            raise InvalidError("breaks: write them as `3:4.00 10:3.50`")
        found.append({"quantity": quantity, "amount": amount})
    return found


def _dimensions(cells: Cells) -> dict[str, str] | None:
    found = {side: cells.get(side, "") for side in SIDES}
    if not any(found.values()):
        return None
    if not all(found.values()):
        raise InvalidError("length: length, width and height belong together")
    return found


def _pairs(name: str) -> Callable[[Cells], dict[str, str]]:
    def read(cells: Cells) -> dict[str, str]:
        pairs: dict[str, str] = {}
        for key, value in _entries(name, cells):
            if key in pairs:
                raise InvalidError(f"{name}: a name stands twice")
            pairs[key] = value
        return pairs

    return read


def _attributes(cells: Cells) -> dict[str, str | list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in _entries("attributes", cells):
        found.setdefault(key, []).append(value)
    return {key: values[0] if len(values) == 1 else values for key, values in found.items()}


def _entries(name: str, cells: Cells) -> Iterator[tuple[str, str]]:
    for entry in cell.cut(cells[name], "|"):
        key, *value = cell.cut(entry, "=")
        if len(value) != 1:
            raise InvalidError(f"{name}: write it as `Size=M|Colour=red`")
        yield cell.plain(key), cell.plain(value[0])


def _text(name: str) -> Callable[[Cells], str]:
    return lambda cells: cells[name]


def _optional(name: str) -> Callable[[Cells], str | None]:
    return lambda cells: cells[name] or None


def _list(name: str) -> Callable[[Cells], list[str]]:
    return lambda cells: cell.split(cells[name])


def _seo(cells: Cells) -> dict[str, str]:
    title, summary = cells.get("seo_title", ""), cells.get("seo_description", "")
    return {"title": title, "description": summary}


_PRODUCT: dict[str, tuple[str, Callable[[Cells], object]]] = {
    **{name: (name, _text(name)) for name in ("slug", "name", "description")},
    **{name: (name, _optional(name)) for name in ("brand", "seller", "type")},
    **{name: (name, _list(name)) for name in ("tags", "categories", "old_slugs")},
    **{name: (name, _pairs(name)) for name in ("metadata", "private_metadata")},
    "status": ("status", lambda cells: cells["status"].lower() or "active"),
    "attributes": ("attributes", _attributes),
    "seo": ("seo_title", _seo),
}
_VARIANT: dict[str, tuple[str, Callable[[Cells], object]]] = {
    "sku": ("sku", _text("sku")),
    "name": ("variant_name", _text("variant_name")),
    **{name: (name, _optional(name)) for name in ("barcode", "tax_class", "weight")},
    "options": ("options", _pairs("options")),
    "prices": ("price", _prices),
    "available": ("available", lambda cells: cells["available"] or True),
    "dimensions": ("length", _dimensions),
    "media": ("variant_media", _variant_media),
    "stock": ("on_hand", _stock),
}
