"""Mercat JSON Lines: one product a line, in the product record's own JSON."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import orjson

from mercat.context import Context
from mercat.exporting import Written
from mercat.importing import Rejected, Row
from mercat.reading.lines import LONGEST, has_key, json_lines, opening, opens_with
from mercat.reading.values import validated
from mercat_products.records import ProductRecord
from mercat_products.rows import ProductRow


class MercatJsonLines:
    """`{"slug": "tea", "name": "Tea", "variants": [{"sku": "TEA", "prices": [{"amount": 4}]}]}`."""

    name = "jsonl"
    title = "Mercat JSON Lines"

    def matches(self, path: Path, head: bytes) -> bool:
        del path
        # A long description may push the variants out of the head.
        return (
            opens_with(head, "{")
            and has_key(head, "slug")
            and (has_key(head, "variants") or not has_key(head, "price"))
        )

    def read(self, stream: BinaryIO) -> Iterator[Row[ProductRecord] | Rejected]:
        for row in json_lines(stream, opening(stream)):
            yield (
                row if isinstance(row, Rejected) else validated(ProductRecord, row.where, row.value)
            )

    def head(self, context: Context) -> bytes:
        del context
        return b""

    def written(self, row: ProductRow, context: Context) -> Written:
        del context
        data = orjson.dumps(row.values) + b"\n"
        if len(data) < LONGEST:
            return Written(data)
        return Written(
            data, (f"{row.values['slug']}: its line is longer than the 16 MiB that imports take",)
        )
