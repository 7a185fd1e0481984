"""Where the values of a column stand in the answer, worked out only when somebody asks.

A plan runs a field for all objects of its place at once. Paths are needed for errors and for
resolvers that look at `info.path`, which is seldom.
"""

from collections.abc import Sequence
from typing import NamedTuple

from graphql.pyutils import Path


class Place(NamedTuple):
    """One place: its path, and the same path as numbers that sort as the answer is written."""

    path: Path | None
    order: tuple[int, ...]


class Places:
    """The place of each value of a column; this one is the root's.

    `depth` counts the keys and the indices that lead to any of them.
    """

    __slots__ = ("_known", "depth")

    def __init__(self, depth: int = 0) -> None:
        self.depth = depth
        self._known: list[Place] | None = None

    def __getitem__(self, index: int) -> Place:
        if self._known is None:
            self._known = self._make()
        return self._known[index]

    def all(self) -> list[Place]:
        if self._known is None:
            self._known = self._make()
        return self._known

    def _make(self) -> list[Place]:
        return [Place(None, ())]


class FieldPlaces(Places):
    """A field of each of some objects; `number` is its own among the fields selected there."""

    __slots__ = ("_key", "_number", "_parents", "_type_name")

    def __init__(self, parents: Places, key: str, type_name: str, number: int) -> None:
        self.depth = parents.depth + 1  # not by the parent class: there are many of these
        self._known = None
        self._parents = parents
        self._key = key
        self._type_name = type_name
        self._number = number

    def _make(self) -> list[Place]:
        key, type_name, number = self._key, self._type_name, self._number
        return [
            Place(Path(path, key, type_name), (*order, number))
            for path, order in self._parents.all()
        ]


class ItemPlaces(Places):
    """The items of lists of those lengths, one list after the other."""

    __slots__ = ("_lengths", "_lists")

    def __init__(self, lists: Places, lengths: Sequence[int]) -> None:
        self.depth = lists.depth + 1
        self._known = None
        self._lists = lists
        self._lengths = lengths

    def _make(self) -> list[Place]:
        return [
            Place(Path(path, index, None), (*order, index))
            for (path, order), length in zip(self._lists.all(), self._lengths, strict=True)
            for index in range(length)
        ]


class ChosenPlaces(Places):
    """Some places out of a column, by their indices."""

    __slots__ = ("_column", "_indices")

    def __init__(self, column: Places, indices: Sequence[int]) -> None:
        super().__init__(column.depth)
        self._column = column
        self._indices = indices

    def _make(self) -> list[Place]:
        column = self._column.all()
        return [column[index] for index in self._indices]


ROOT = Places()
