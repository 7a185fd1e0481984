r"""What the cells of a table hold: lists, pairs, and text that no spreadsheet takes for a formula.

A list is written `new|sale`, pairs are written `Size=M|Colour=red`. A `|`, `=` or `\` that is meant
is written with a `\` before it.

Spreadsheets run a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return. Such a cell
gets an apostrophe before it, and so does one that already has apostrophes before such a character:
taking one away again gives every text back.
https://owasp.org/www-community/attacks/CSV_Injection
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping

from mercat.reading.tables import Cells

_PIECES = re.compile(r"\\.|[^\\|=]+|.", re.DOTALL)
_MARKS = re.compile(r"[\\|=]")
_ESCAPED = re.compile(r"'+[=+\-@\t\r]")


def cut(text: str, mark: str) -> list[str]:
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


def plain(entry: str) -> str:
    """An entry as it is meant."""
    return re.sub(r"\\(.)", r"\1", entry, flags=re.DOTALL).strip()


def split(cell: str) -> list[str]:
    """The entries of a list."""
    return [plain(entry) for entry in cut(cell, "|")]


def listed(values: Iterable[str | None]) -> str:
    """A list as a cell: what `split` gives back, None as an empty entry."""
    return "|".join(_marked(value or "") for value in values)


def paired(pairs: Iterable[tuple[str, str]]) -> str:
    """Pairs as a cell."""
    return "|".join(f"{_marked(key)}={_marked(value)}" for key, value in pairs)


def _marked(entry: str) -> str:
    return _MARKS.sub(r"\\\g<0>", entry)


def unescaped(cells: Cells) -> Cells:
    """The cells as they were before `harmless`."""
    return {name: cell[1:] if _ESCAPED.match(cell) else cell for name, cell in cells.items()}


def table(columns: Iterable[str], rows: Iterable[Mapping[str, str]], delimiter: str = ",") -> bytes:
    """Rows as the lines of a table; what a row has no cell for is empty."""
    names = list(columns)
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\r\n")
    writer.writerows([row.get(name, "") for name in names] for row in rows)
    return file.getvalue().encode()
