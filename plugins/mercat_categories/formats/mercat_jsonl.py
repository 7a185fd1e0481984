"""Mercat JSON Lines: one category a line, in the category record's own JSON."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import orjson

from mercat.context import Context
from mercat.exporting import Written
from mercat.importing import Rejected, Row
from mercat.reading.lines import has_key, json_lines, opening, opens_with
from mercat.reading.values import validated
from mercat_categories.records import CategoryRecord


class MercatJsonLines:
    """`{"key": "tea", "name": "Tea", "parent": "food"}`."""

    name = "jsonl"
    title = "Mercat JSON Lines"

    def matches(self, path: Path, head: bytes) -> bool:
        del path
        return opens_with(head, "{") and has_key(head, "key", "name")

    def read(self, stream: BinaryIO) -> Iterator[Row[CategoryRecord] | Rejected]:
        for row in json_lines(stream, opening(stream)):
            if isinstance(row, Rejected):
                yield row
            else:
                yield validated(CategoryRecord, row.where, row.value)

    def head(self, context: Context) -> bytes:
        del context
        return b""

    def written(self, row: CategoryRecord, context: Context) -> Written:
        del context
        return Written(orjson.dumps(row.model_dump(exclude_defaults=True)) + b"\n")
