"""The whole tree in memory, as it was at one version."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from bson import ObjectId

from mercat.storage import Record
from mercat.storage.pages import Page, PageRequest
from mercat_products.values import addresses

SEPARATOR = " > "
BY_PATH = "path:"  # the key of a category that was made because a product named it


def path_of(names: Iterable[str]) -> str:
    """How a category is found by its names, whatever their case."""
    return SEPARATOR.join(name.strip().casefold() for name in names)


def addresses_of(record: Record) -> list[str]:
    """Where it is found: by its slug, and by those of its translations."""
    return addresses(record["slug"], record.get("translations") or ())


def old_addresses_of(record: Record) -> list[str]:
    """Where it was found; those of translations were once stored behind their locale."""
    return [address.rpartition("/")[2] for address in record.get("old_addresses") or ()]


@dataclass(frozen=True)
class Forest:
    """All categories by their ids; never changed, so that whoever holds one sees one tree.

    `done` are the last changes that were made.
    """

    version: int
    records: Mapping[ObjectId, Record]
    done: frozenset[ObjectId]

    def get(self, key: ObjectId) -> Record | None:
        """The category with that id, or that which the one with that id became part of."""
        return self.records.get(key) or self.records.get(self._heirs.get(key, key))

    def find(self, slug: str) -> Record | None:
        """The category with that slug in any locale, or else that had it."""
        key = self.owners.get(slug) or self.former_owners.get(slug)
        return None if key is None else self.records[key]

    def listing(self, placed_in: Iterable[ObjectId]) -> tuple[list[ObjectId], list[ObjectId]]:
        """What it means to be put in these: the categories that are left, and those that list."""
        records = [record for key in placed_in if (record := self.get(key))]
        placed = dict.fromkeys(record["_id"] for record in records)
        above = dict.fromkeys(key for record in records for key in record["ancestors"])
        return list(placed), list(placed | above)

    def page(self, request: PageRequest, *, roots: bool) -> Page:
        """One page of the categories, in the order in which they were added."""
        records = self._roots if roots else self.numbered
        numbers = self._root_numbers if roots else self._numbers
        if request.backward:
            stop = len(records) if request.cursor is None else bisect_left(numbers, request.cursor)
            start = max(stop - request.count, 0)
        else:
            start = 0 if request.cursor is None else bisect_right(numbers, request.cursor)
            stop = min(start + request.count, len(records))
        given = request.cursor is not None
        return Page(
            list(records[start:stop]),
            has_next=given if request.backward else stop < len(records),
            has_previous=start > 0 if request.backward else given,
        )

    def count(self, *, roots: bool) -> int:
        return len(self._roots if roots else self.records)

    @cached_property
    def children(self) -> dict[ObjectId | None, list[Record]]:
        """The children of each category, by position and name; those of None are the roots."""
        found: dict[ObjectId | None, list[Record]] = {}
        for record in self.records.values():
            found.setdefault(record["parent_id"], []).append(record)
        for records in found.values():
            records.sort(key=lambda record: (record["position"], record["name"], record["number"]))
        return found

    @cached_property
    def in_order(self) -> Sequence[Record]:
        """Each category before those below it, siblings by position and name."""
        found: list[Record] = []
        waiting = self.children.get(None, [])[::-1]
        while waiting:
            record = waiting.pop()
            found.append(record)
            waiting += self.children.get(record["_id"], [])[::-1]
        return found

    @cached_property
    def numbered(self) -> Sequence[Record]:
        return sorted(self.records.values(), key=lambda record: record["number"])

    @cached_property
    def by_key(self) -> dict[str, Record]:
        return {record["key"]: record for record in self.records.values()}

    @cached_property
    def by_path(self) -> dict[str, Record]:
        """Of several with one path the oldest; one that has it now before one that had it."""
        found: dict[str, Record] = {}
        for record in self.numbered:
            found.setdefault(record["path"], record)
        for record in self.numbered:
            for path in record.get("former_paths", ()):
                found.setdefault(path, record)
        return found

    @cached_property
    def owners(self) -> dict[str, ObjectId]:
        """Who has an address."""
        return {
            address: key for key, record in self.records.items() for address in addresses_of(record)
        }

    @cached_property
    def former_owners(self) -> dict[str, ObjectId]:
        """Who had an address."""
        return {
            address: key
            for key, record in self.records.items()
            for address in old_addresses_of(record)
        }

    @cached_property
    def _heirs(self) -> dict[ObjectId, ObjectId]:
        return {
            merged: key
            for key, record in self.records.items()
            for merged in record.get("merged_ids", ())
        }

    @cached_property
    def _roots(self) -> Sequence[Record]:
        return [record for record in self.numbered if record["parent_id"] is None]

    @cached_property
    def _numbers(self) -> Sequence[int]:
        return [record["number"] for record in self.numbered]

    @cached_property
    def _root_numbers(self) -> Sequence[int]:
        return [record["number"] for record in self._roots]
