"""JSON Lines of all of them, and tables of groups and coupons."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Generic, TypeVar

from pydantic import BaseModel

from mercat.importing import Rejected, Row
from mercat.reading.lines import has_key, json_lines, lines, opening, opens_with
from mercat.reading.tables import Cells, headings, plain, read_table
from mercat.reading.values import validated
from mercat_products.formats import cells as cell

M = TypeVar("M", bound=BaseModel)


class JsonLines(Generic[M]):
    """One record a line."""

    name = "jsonl"
    title = "Mercat JSON Lines"

    def __init__(self, model: type[M], key: str) -> None:
        self._model = model
        self._key = key

    def matches(self, path: Path, head: bytes) -> bool:
        del path
        return opens_with(head, "{") and has_key(head, self._key)

    def read(self, stream: BinaryIO) -> Iterator[Row[M] | Rejected]:
        for row in json_lines(stream, opening(stream)):
            yield row if isinstance(row, Rejected) else validated(self._model, row.where, row.value)


class Table(Generic[M]):
    """Comma-separated values (RFC 4180), one record a line; an empty cell is a value left out."""

    name = "csv"
    title = "Mercat CSV"

    def __init__(
        self,
        model: type[M],
        columns: Sequence[str],
        required: Sequence[str],
        values: Callable[[Cells], dict[str, Any]],
    ) -> None:
        self._model = model
        self._columns = columns
        self._required = required
        self._values = values

    def matches(self, path: Path, head: bytes) -> bool:
        del path
        return headings(head).issuperset(one.replace("_", " ") for one in self._required)

    def read(self, stream: BinaryIO) -> Iterator[Row[M] | Rejected]:
        source = lines(stream, opening(stream))
        for row in read_table(source, plain(*self._columns), required=self._required):
            if isinstance(row, Rejected):
                yield row
            else:
                given = self._values(cell.unescaped(row.value))
                yield validated(self._model, row.where, given)


def one_of(*names: str, listed: str) -> Callable[[Cells], dict[str, Any]]:
    """Cells as values: those that have something in them, and a list, of entries between `|`."""

    def values(cells: Cells) -> dict[str, Any]:
        found: dict[str, Any] = {name: cells[name] for name in names if cells.get(name)}
        return {**found, listed: cell.split(cells.get(listed, ""))}

    return values
