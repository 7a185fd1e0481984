"""Mercat CSV: one category a line, with the columns key,name,parent,slug,description,position.

`key` and `name` must be there, in any order; an empty cell is an absent value.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mercat.importing import Rejected, Row
from mercat.reading.lines import lines, opening
from mercat.reading.tables import headings, plain, read_table
from mercat.reading.values import validated
from mercat_categories.records import CategoryRecord

COLUMNS = ("key", "name", "parent", "slug", "description", "position")
_REQUIRED = ("key", "name")


class MercatCsv:
    name = "csv"
    title = "Mercat CSV"

    def matches(self, path: Path, head: bytes) -> bool:
        del path
        return headings(head).issuperset(_REQUIRED)

    def read(self, stream: BinaryIO) -> Iterator[Row[CategoryRecord] | Rejected]:
        source = lines(stream, opening(stream))
        for row in read_table(source, plain(*COLUMNS), required=_REQUIRED):
            if isinstance(row, Rejected):
                yield row
                continue
            # Name and key stay even where they are empty, so that the reason names them.
            cells = {k: v for k, v in row.value.items() if v or k in _REQUIRED}
            yield validated(CategoryRecord, row.where, cells)
