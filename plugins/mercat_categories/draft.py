"""A change of the tree before it is written: worked out in memory, where nobody is in the way."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import bson
from bson import CodecOptions, ObjectId
from pymongo import DeleteOne, InsertOne, UpdateOne

from mercat.errors import NotFoundError, StaleError
from mercat.storage import Record
from mercat_categories.errors import (
    CycleError,
    ParentNotFoundError,
    SlugTakenError,
    TooDeepError,
)
from mercat_categories.forest import (
    SEPARATOR,
    Forest,
    addresses_of,
    old_addresses_of,
    path_of,
)
from mercat_products.values import address_field, addresses

_MOST_FORMER_PATHS = 20
_MOST_OLD_ADDRESSES = 50
_AS_READ: CodecOptions[Record] = CodecOptions(tz_aware=True, tzinfo=UTC)


class Draft:
    """Changes on top of a tree. `relisted` are categories whose products have to follow."""

    def __init__(self, forest: Forest, most_levels: int) -> None:
        self.forest = forest
        self.added: list[ObjectId] = []
        self.removed: list[ObjectId] = []
        self.relisted: dict[ObjectId, None] = {}
        self._most_levels = most_levels
        self._records: dict[ObjectId, Record] = {}
        self._children: dict[ObjectId | None, dict[ObjectId, None]] = {}
        self._edited: set[ObjectId] = set()
        self._written: dict[ObjectId, Record] = {}
        self._owners = dict(forest.owners)
        self._former_owners = dict(forest.former_owners)

    def get(self, key: ObjectId | None) -> Record | None:
        """The category as it will be."""
        if key is None or key in self.removed:
            return None
        return self._records.get(key) or self.forest.records.get(key)

    def found(self, key: ObjectId, version: int | None, field: str = "id") -> Record:
        """The category, at that version. Raises NotFoundError, StaleError."""
        record = self.get(key)
        if record is None:
            raise NotFoundError("there is no such category", field=(field,))
        if version is not None and version != record["version"]:
            raise StaleError("somebody else changed it; read it again", field=("version",))
        return record

    def parent(self, key: ObjectId | None) -> Record | None:
        """The category that others are to be put below. Raises ParentNotFoundError."""
        found = self.get(key)
        if key is not None and found is None:
            raise ParentNotFoundError("there is no such category", field=("parent",))
        return found

    def children(self, key: ObjectId | None) -> list[ObjectId]:
        return list(self._below(key))

    def add(self, record: Record) -> Record:
        """Add a new category, below its `parent_id`; its slug must be free."""
        key = record["_id"]
        self._check_all(record["addresses"], record)
        self._below(record["parent_id"])[key] = None
        self._records[key] = record
        self.added.append(key)
        self._settle(record)
        for address in record["addresses"]:
            self._take(key, address)
        return record

    def edit(self, key: ObjectId, /, **values: Any) -> Record:
        """Change a category; what lies in its place in the tree follows by `move` and `rename`."""
        record = self._change(key, **values)
        self._edited.add(key)
        return record

    def rename(self, key: ObjectId, name: str) -> None:
        """Give it a name; the paths of those below it follow."""
        self._settle_below(self.edit(key, name=name))

    def readdress(self, key: ObjectId, slug: str, translations: Sequence[Record]) -> None:
        """Give it slugs; those that it had still find it. Raises SlugTakenError."""
        had = addresses_of(self.found(key, None))
        wanted = addresses(slug, translations)
        self._check_all(wanted, {"_id": key, "slug": slug, "translations": translations})
        for address in had:
            self._owners.pop(address, None)
        for address in wanted:
            self._take(key, address)
        lost = [address for address in had if address not in wanted]
        self.edit(key, slug=slug, translations=list(translations), addresses=wanted)
        self._keep_old(key, lost)

    def move(self, key: ObjectId, parent: Record | None) -> None:
        """Put it, with all below it, below another or at the top. Raises CycleError."""
        record = self.found(key, None)
        wanted = parent["_id"] if parent else None
        if parent and key in (wanted, *parent["ancestors"]):
            raise CycleError("a category can't lie below itself", field=("parent",))
        if record["parent_id"] == wanted:
            return
        del self._below(record["parent_id"])[key]
        self._below(wanted)[key] = None
        self._settle_below(self.edit(key, parent_id=wanted))
        self.relisted[key] = None

    def remove(self, key: ObjectId) -> None:
        """Take out a category that has nothing below it; its addresses are free again."""
        record = self.found(key, None)
        del self._below(record["parent_id"])[key]
        self._free(record)
        self.removed.append(key)
        self._records.pop(key, None)
        self.relisted[key] = None

    def merge(self, key: ObjectId, target: ObjectId) -> None:
        """Remove a category, so that whatever found it finds the target."""
        source = self.found(key, None)
        into = self.found(target, None)
        self.remove(key)
        paths = [source["path"], *source.get("former_paths", ()), *into.get("former_paths", ())]
        merged = [*into.get("merged_ids", ()), key, *source.get("merged_ids", ())]
        self.edit(target, merged_ids=merged, former_paths=_former(paths, into["path"]))
        self._keep_old(target, [*addresses_of(source), *old_addresses_of(source)])

    def remember(self, key: ObjectId, addresses: Iterable[str]) -> None:
        """Have it found by addresses that it had, where they lead to no other category."""
        own = [one for one in addresses if self._former_owners.get(one, key) == key]
        self._change(key)
        self._keep_old(key, own)

    def is_free(self, slug: str) -> bool:
        return slug not in self._owners

    def check_depth(self, parent: Record | None) -> None:
        """Raise TooDeepError where a child of `parent` would lie too deep."""
        if (len(parent["ancestors"]) + 2 if parent else 1) > self._most_levels:
            most = self._most_levels
            raise TooDeepError(f"the tree may have at most {most} levels", field=("parent",))

    def images(self) -> tuple[list[Record], list[Record]]:
        """What the categories that change have shown, and what they show from now on."""
        changed = [*self._records, *self.removed]
        before = (self.forest.records.get(key, {}).get("image") for key in changed)
        after = (record.get("image") for record in self._records.values())
        return [one for one in before if one], [one for one in after if one]

    def writes(self) -> list[InsertOne[Record] | UpdateOne | DeleteOne]:
        """What has to be written, stamped with the tree's next version."""
        stamp = {"tree_version": self.forest.version + 1}
        self._written = {}
        now = datetime.now(UTC)
        found: list[InsertOne[Record] | UpdateOne | DeleteOne] = []
        found += [DeleteOne({"_id": key}) for key in self.removed if key in self.forest.records]
        for key, record in self._records.items():
            stored = self.forest.records.get(key)
            if stored is None:
                self._written[key] = {**record, **stamp}
                found.append(InsertOne(self._written[key]))
                continue
            changed = {
                name: value for name, value in record.items() if stored.get(name, ...) != value
            }
            if changed and key in self._edited:
                record["updated_at"], record["version"] = now, stored["version"] + 1
                changed |= {"updated_at": now, "version": record["version"]}
            if changed:
                self._written[key] = {**record, **stamp}
                found.append(UpdateOne({"_id": key}, {"$set": {**changed, **stamp}}))
        return found

    def result(self) -> Forest:
        """The tree as it is once the `writes` are: just as it would be read."""
        records = dict(self.forest.records)
        for key, record in self._written.items():
            records[key] = bson.decode(bson.encode(record), _AS_READ)
        for key in self.removed:
            records.pop(key, None)
        return Forest(self.forest.version + 1, records, frozenset())

    def _change(self, key: ObjectId, /, **values: Any) -> Record:
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = dict(self.forest.records[key])
        record.update(values)
        return record

    def _below(self, key: ObjectId | None) -> dict[ObjectId, None]:
        if key not in self._children:
            found = self.forest.children.get(key, ())
            self._children[key] = {record["_id"]: None for record in found}
        return self._children[key]

    def _settle_below(self, record: Record) -> None:
        """Work out anew where a category and all below it are. Raises TooDeepError."""
        waiting = [record["_id"]]
        while waiting:
            key = waiting.pop()
            self._settle(self._change(key))
            waiting += self._below(key)

    def _settle(self, record: Record) -> None:
        parent = self.get(record["parent_id"])
        self.check_depth(parent)
        folded = path_of([record["name"]])
        path = f"{parent['path']}{SEPARATOR}{folded}" if parent else folded
        if record.get("path", path) != path:
            former = [record["path"], *record.get("former_paths", ())]
            record["former_paths"] = _former(former, path)
        record["path"] = path
        record["ancestors"] = [*parent["ancestors"], parent["_id"]] if parent else []

    def _take(self, key: ObjectId, address: str) -> None:
        """Have an address; whoever had it before loses it."""
        self._owners[address] = key
        former = self._former_owners.pop(address, None)
        if former is not None and (record := self.get(former)):
            kept = [other for other in old_addresses_of(record) if other != address]
            self._change(former, old_addresses=kept)

    def _check_all(self, wanted: Iterable[str], record: Record) -> None:
        for address in wanted:
            if self._owners.get(address, record["_id"]) != record["_id"]:
                field = address_field(address, record["slug"], record.get("translations", ()))
                raise SlugTakenError("another category has this slug", field=field)

    def _keep_old(self, key: ObjectId, addresses: Iterable[str]) -> None:
        record = self._records[key]
        lost = [address for address in addresses if address not in self._owners]
        kept = [*dict.fromkeys([*lost, *old_addresses_of(record)])]
        self._change(key, old_addresses=kept[:_MOST_OLD_ADDRESSES])
        self._former_owners |= dict.fromkeys(kept[:_MOST_OLD_ADDRESSES], key)

    def _free(self, record: Record) -> None:
        for address in addresses_of(record):
            self._owners.pop(address, None)
        for address in old_addresses_of(record):
            self._former_owners.pop(address, None)


def _former(paths: Sequence[str], current: str) -> list[str]:
    found = dict.fromkeys(path for path in paths if path != current)
    return list(found)[:_MOST_FORMER_PATHS]
