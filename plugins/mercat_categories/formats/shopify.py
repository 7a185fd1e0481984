"""Shopify's product taxonomy as JSON: verticals, each with its categories and their parents' ids.

{"verticals": [{"categories": [{"id": "ap-1", "name": "Live Animals", "parent_id": "ap"}]}]}
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel

from mercat.importing import Rejected, Row
from mercat.reading.items import array_items
from mercat.reading.lines import has_key, opens_with
from mercat.reading.values import validated
from mercat_categories.formats.nodes import place
from mercat_categories.records import CategoryRecord, Key, Name

_CATEGORIES = 4  # brackets around a category: {"verticals": [{"categories": [
_ADDRESS = "gid://shopify/TaxonomyCategory/"


class _Category(BaseModel):
    id: Key
    name: Name
    parent_id: Key | None = None


class ShopifyTaxonomy:
    name = "shopify"
    title = "Shopify's taxonomy (JSON)"

    def matches(self, path: Path, head: bytes) -> bool:
        del path
        return opens_with(head, "{") and has_key(head, "verticals")

    def read(self, stream: BinaryIO) -> Iterator[Row[CategoryRecord] | Rejected]:
        for row in array_items(stream, depth=_CATEGORIES):
            yield row if isinstance(row, Rejected) else _record(row)


def _record(row: Row[object]) -> Row[CategoryRecord] | Rejected:
    made = validated(_Category, place(row), row.value)
    if isinstance(made, Rejected):
        return made
    category = made.value
    parent = category.parent_id and category.parent_id.removeprefix(_ADDRESS)
    value = {"key": category.id.removeprefix(_ADDRESS), "name": category.name, "parent": parent}
    return validated(CategoryRecord, made.where, value)
