"""Product types as JSON Lines, one a line, in the record's own JSON."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import orjson

from mercat.context import Context
from mercat.exporting import Written
from mercat.importing import Rejected, Row
from mercat.reading.lines import has_key, json_lines, opening, opens_with
from mercat.reading.values import validated
from mercat_products.product_types.records import ProductTypeRecord


class TypeJsonLines:
    """`{"name": "Shoes", "attributes": [{"key": "heel", "name": "Heel", "kind": "number"}]}`."""

    name = "jsonl"
    title = "Mercat JSON Lines"

    def matches(self, path: Path, head: bytes) -> bool:
        del path
        return opens_with(head, "{") and has_key(head, "name") and not has_key(head, "variants")

    def read(self, stream: BinaryIO) -> Iterator[Row[ProductTypeRecord] | Rejected]:
        for row in json_lines(stream, opening(stream)):
            if isinstance(row, Rejected):
                yield row
            else:
                yield validated(ProductTypeRecord, row.where, row.value)

    def head(self, context: Context) -> bytes:
        del context
        return b""

    def written(self, row: ProductTypeRecord, context: Context) -> Written:
        del context
        return Written(orjson.dumps(row.model_dump()) + b"\n")
