"""Category nodes as JSON, an array or one a line, with their paths from the root.

    {"id": "c2", "name": "Tea",
     "path": [{"id": "c1", "name": "Food"}, {"id": "c2", "name": "Tea"}],
     "subCategories": [{"id": "c3", "name": "Green tea"}]}

The parent is the last but one of the path, which ends with the node itself.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, Field

from mercat.importing import Rejected, Row
from mercat.reading.items import json_values
from mercat.reading.lines import has_key, opens_with
from mercat.reading.values import clipped, validated
from mercat_categories.records import CategoryRecord, Key, Name

_LONGEST_ID = 60


class _Reference(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)

    id: Key


class _Node(_Reference):
    name: Name
    path: tuple[_Reference, ...] = ()
    children: tuple[_Reference, ...] = Field((), alias="subCategories")

    @property
    def parent(self) -> str | None:
        above = [step.id for step in self.path]
        if above and above[-1] == self.id:
            above.pop()
        return above[-1] if above else None


class Nodes:
    name = "nodes"
    title = "JSON or JSON Lines of nodes with their paths"

    def matches(self, path: Path, head: bytes) -> bool:
        del path
        return opens_with(head, "[", "{") and has_key(head, "id", "path")

    def read(self, stream: BinaryIO) -> Iterator[Row[CategoryRecord] | Rejected]:
        for row in json_values(stream):
            yield row if isinstance(row, Rejected) else _record(row)


def place(row: Row[object]) -> str:
    """Return the id that a node has in its file, or else where it stands there."""
    its = row.value.get("id") if isinstance(row.value, dict) else None
    return f"node {clipped(str(its), _LONGEST_ID)}" if isinstance(its, str | int) else row.where


def _record(row: Row[object]) -> Row[CategoryRecord] | Rejected:
    made = validated(_Node, place(row), row.value)
    if isinstance(made, Rejected):
        return made
    node = made.value
    children = tuple(child.id for child in node.children)
    value = {"key": node.id, "name": node.name, "parent": node.parent, "children": children}
    return validated(CategoryRecord, made.where, value)
