"""Tables with a header line (CSV, TSV), row by row.

A row that can't be read is rejected by its first line, and reading goes on with the line after it:
a quote that is never closed costs its own line, not the rest of the file.
"""

import csv
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping

from mercat.errors import InvalidError
from mercat.importing import Rejected, Row
from mercat.reading.lines import LONGEST, flaw, text_of
from mercat.reading.values import clipped

Cells = Mapping[str, str]
# Going back over a broken row's lines costs their square; beyond this many they are given up.
_MOST_REREAD = 1000
_LONGEST_REASON = 120
_Line = Row[str] | Rejected

# Of the whole process, and too low for long texts; here rows are bounded before they are parsed.
csv.field_size_limit(max(csv.field_size_limit(), LONGEST))


class _UnreadableError(Exception):
    """The lines of a row can't be handed to the CSV reader."""


class _Feed:
    """Feeds the CSV reader, and keeps the lines of the row that it is reading."""

    def __init__(self, source: Iterator[_Line]) -> None:
        self._source = source
        self._again: deque[_Line] = deque()
        self.taken: list[_Line] = []
        self._size = 0

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._source)
        self.taken.append(line)
        if isinstance(line, Rejected):
            raise _UnreadableError(line.reason)
        self._size += len(line.value)
        if self._size > LONGEST:
            raise _UnreadableError("it is longer than 16 MiB")
        return line.value

    def begin(self) -> None:
        self.taken.clear()
        self._size = 0

    def flaw(self) -> str | None:
        texts = (line.value for line in self.taken if isinstance(line, Row))
        return next(filter(None, map(flaw, texts)), None)

    def reject(self, reason: str) -> Rejected:
        """Reject the row's first line, and read the others again."""
        first, *others = self.taken
        if len(others) < _MOST_REREAD:
            self._again.extendleft(reversed(others))
        elif others:
            reason += f"; given up as far as {others[-1].where}"
        return Rejected(first.where, reason)


def read_table(
    source: Iterator[_Line],
    columns: Mapping[str, str],
    *,
    required: Collection[str],
    delimiter: str = ",",
    further: Callable[[str], str | None] = lambda _heading: None,
) -> Iterator[Row[Cells] | Rejected]:
    """Yield the rows below the header line, each as the cells of the columns that are known.

    `columns` maps a heading in lower case to the name its cells get; `further` names those of any
    other heading, or None. A cell is stripped. Raises InvalidError where the header line can't be
    read, lacks a required column or has one twice.
    """
    feed = _Feed(source)
    reader = csv.reader(feed, delimiter=delimiter, strict=True)
    header = _header(feed, reader)
    places = _places(header, columns, required, further)
    while True:
        feed.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, _UnreadableError) as error:
            yield feed.reject(_reason(error))
            continue
        if reason := feed.flaw():
            yield Rejected(feed.taken[0].where, reason)
        elif not any(map(str.strip, cells)):
            continue
        elif len(cells) != len(header):
            yield feed.reject(f"it has {len(cells)} fields where the header has {len(header)}")
        else:
            yield Row(feed.taken[0].where, {k: cells[i].strip() for k, i in places.items()})


def _reason(error: Exception) -> str:
    said = str(error) if isinstance(error, _UnreadableError) else f"it is no table row: {error}"
    return clipped(said, _LONGEST_REASON)


def _header(feed: _Feed, reader: Iterator[list[str]]) -> list[str]:
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                return cells
            feed.begin()
    except (csv.Error, _UnreadableError) as error:
        raise InvalidError(f"the header line can't be read: {_reason(error)}") from None
    raise InvalidError("the file has no header line")


def _heading(cell: str) -> str:
    return " ".join(cell.lower().replace("_", " ").split())


def _places(
    header: list[str],
    columns: Mapping[str, str],
    required: Collection[str],
    further: Callable[[str], str | None],
) -> dict[str, int]:
    places: dict[str, int] = {}
    for place, cell in enumerate(header):
        heading = _heading(cell)
        name = columns.get(heading) or further(cell.strip())
        if name is None:
            continue
        if name in places:
            raise InvalidError(f"the column '{clipped(heading)}' stands twice in the header")
        places[name] = place
    for name in required:
        if name not in places:
            headings = " or ".join(f"'{heading}'" for heading, n in columns.items() if n == name)
            raise InvalidError(f"the header lacks the column {headings}")
    return places


def plain(*names: str) -> dict[str, str]:
    """Return the columns of a table whose headings are their names (`item_group_id`)."""
    return {_heading(name): name for name in names}


def headings(head: bytes, delimiter: str = ",") -> set[str]:
    """Return the headings in a file's head, in lower case; none where it begins with no table."""
    first = text_of(head).partition("\n")[0]
    try:
        cells = next(csv.reader([first], delimiter=delimiter), [])
    except csv.Error:
        return set()
    return {_heading(cell) for cell in cells}
