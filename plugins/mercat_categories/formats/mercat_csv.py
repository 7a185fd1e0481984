r"""Mercat CSV: one category a line.

    key,name,parent,slug,description,position,seo_title,seo_description,image,image_alt,
    old_slugs,former_paths,name:de,description:de,slug:de

`key` and `name` must be there, in any order; an empty cell is an absent value. `old_slugs` and
`former_paths` are lists: `tea|teas`; a `|`, `=` or `\` that is meant is written `\|`, `\=`, `\\`.
`name:`, `description:` and `slug:` with one of the shop's other locales are a translation: empty
cells fall back, `<!-- -->` is a description that is empty and doesn't. An apostrophe before `=`,
`+`, `-` or `@` at the beginning of a cell is not part of its text.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from mercat.context import Context
from mercat.exporting import Written
from mercat.importing import Rejected, Row
from mercat.reading.lines import lines, opening
from mercat.reading.tables import Cells, headings, plain, read_table
from mercat.reading.values import validated
from mercat.texts import harmless
from mercat_categories.records import CategoryRecord
from mercat_products.formats import cells as cell

COLUMNS = (
    *("key", "name", "parent", "slug", "description", "position", "seo_title", "seo_description"),
    *("image", "image_alt", "old_slugs", "former_paths"),
)
_PLAIN = ("key", "name", "parent", "slug", "description", "position")
_LISTS = ("old_slugs", "former_paths")
_TRANSLATED = ("name", "description", "slug")
_REQUIRED = ("key", "name")
_EMPTY = "<!-- -->"


class MercatCsv:
    name = "csv"
    title = "Mercat CSV"

    def matches(self, path: Path, head: bytes) -> bool:
        del path
        return headings(head).issuperset(_REQUIRED)

    def read(self, stream: BinaryIO) -> Iterator[Row[CategoryRecord] | Rejected]:
        source = lines(stream, opening(stream))
        for row in read_table(source, plain(*COLUMNS), required=_REQUIRED, further=_translated):
            if isinstance(row, Rejected):
                yield row
            else:
                yield validated(CategoryRecord, row.where, _values(cell.unescaped(row.value)))

    def head(self, context: Context) -> bytes:
        columns = _columns(context)
        return cell.table(columns, [dict(zip(columns, columns, strict=True))])

    def written(self, row: CategoryRecord, context: Context) -> Written:
        cells = {name: harmless(text) for name, text in _cells(row).items()}
        return Written(cell.table(_columns(context), [cells]))


def _columns(context: Context) -> list[str]:
    others = context.shop.all_locales[1:]
    return [*COLUMNS, *(f"{name}:{locale}" for locale in others for name in _TRANSLATED)]


def _translated(heading: str) -> str | None:
    """The name of a translation's column: `Slug: de-AT` is `slug:de-AT`."""
    name, mark, locale = heading.partition(":")
    is_known = mark and locale.strip() and name.strip().lower() in _TRANSLATED
    return f"{name.strip().lower()}:{locale.strip()}" if is_known else None


# Reading


def _values(cells: Cells) -> dict[str, Any]:
    # Name and key stay even where they are empty, so that the reason names them.
    found: dict[str, Any] = {
        name: cells[name] for name in _PLAIN if cells.get(name) or name in _REQUIRED
    }
    found |= {name: cell.split(cells[name]) for name in _LISTS if cells.get(name)}
    title, summary = cells.get("seo_title", ""), cells.get("seo_description", "")
    if title or summary:
        found["seo"] = {"title": title, "description": summary}
    if cells.get("image"):
        found["image"] = {"url": cells["image"], "alt": cells.get("image_alt", "")}
    if translations := _translations(cells):
        found["translations"] = translations
    return found


def _translations(cells: Cells) -> list[dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for heading, text in cells.items():
        name, mark, locale = heading.partition(":")
        if mark and text:
            found.setdefault(locale, {"locale": locale})[name] = text
    return list(found.values())


# Writing


def _cells(row: CategoryRecord) -> dict[str, str]:
    values: Mapping[str, Any] = row.model_dump()
    seo, image = values["seo"] or {}, values["image"] or {}
    found = {name: str(values[name]) for name in _PLAIN if values[name] is not None}
    found |= {name: cell.listed(values[name]) for name in _LISTS}
    found |= {f"seo_{name}": seo.get(name, "") for name in ("title", "description")}
    found |= {"image": image.get("url", ""), "image_alt": image.get("alt", "")}
    for one in values["translations"] or ():
        for name in _TRANSLATED:
            found[f"{name}:{one['locale']}"] = _said(name, one[name])
    return found


def _said(name: str, value: str | None) -> str:
    return _EMPTY if name == "description" and value == "" else value or ""
