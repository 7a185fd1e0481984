"""Importing the category tree: parents before children, whatever their order in the file.

Categories are known again by their key. One that a product's import made from a path is taken over
by the first row with its path. The tree of a file is held in memory: some hundred bytes a category.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pymongo import UpdateOne

from mercat.context import Context
from mercat.importing import Importer, Rejected, Row, Tally
from mercat.storage import Record
from mercat.storage.lookups import find_by
from mercat_categories.creating import NewCategory, create_all
from mercat_categories.formats import FORMATS
from mercat_categories.records import CategoryRecord
from mercat_categories.service import BY_PATH, SEPARATOR, collection, path_of
from mercat_categories.settings import CategorySettings

_CHUNK = 500


@dataclass(slots=True)
class _Placed:
    """A category of the file in its place in the tree."""

    where: str
    record: CategoryRecord
    names: tuple[str, ...]


class CategoryLoad:
    """One import of a tree."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._rows: dict[str, Row[CategoryRecord]] = {}

    async def batch(self, rows: Sequence[Row[CategoryRecord]]) -> Tally:
        tally = Tally()
        for row in rows:
            first = self._rows.setdefault(row.value.key, row)
            if first is not row:
                reason = f"the key '{row.value.key}' stands already at {first.where}"
                tally.rejected.append(Rejected(row.where, reason))
        return tally

    async def finish(self) -> Tally:
        tally = Tally()
        self._note_missing_children(tally)
        known = await self._known({row.value.parent for row in self._rows.values()} - {None})
        for level in self._levels(known, tally):
            for start in range(0, len(level), _CHUNK):
                await self._write(level[start : start + _CHUNK], known, tally)
        return tally

    def _note_missing_children(self, tally: Tally) -> None:
        for row in self._rows.values():
            missing = [key for key in row.value.children if key not in self._rows]
            tally.notes += [
                Rejected(row.where, f"it names the child '{key}', which is not in the file")
                for key in missing
            ]

    async def _known(self, keys: set[str | None]) -> dict[str, Record]:
        """Stored categories by their key."""
        cursor = find_by(collection(self._context), "key", keys - {None})
        return {record["key"]: record async for record in cursor}

    def _levels(self, known: dict[str, Record], tally: Tally) -> list[list[_Placed]]:
        """The file's categories level by level; those in a cycle or too deep are rejected."""
        children: dict[str | None, list[Row[CategoryRecord]]] = {}
        for row in self._rows.values():
            children.setdefault(self._parent_key(row, known, tally), []).append(row)
        level = [_Placed(row.where, row.value, (row.value.name,)) for row in children.pop(None, [])]
        for key in [key for key in children if key in known and key not in self._rows]:
            above = tuple(known[key]["path"].split(SEPARATOR))
            level += [
                _Placed(row.where, row.value, (*above, row.value.name)) for row in children.pop(key)
            ]
        levels = []
        while level:
            levels.append(level)
            level = [
                _Placed(row.where, row.value, (*placed.names, row.value.name))
                for placed in level
                for row in children.pop(placed.record.key, [])
            ]
        tally.rejected += [
            Rejected(row.where, f"it is its own ancestor: '{row.value.key}' is part of a cycle")
            for rows in children.values()
            for row in rows
        ]
        return levels

    def _parent_key(
        self, row: Row[CategoryRecord], known: dict[str, Record], tally: Tally
    ) -> str | None:
        parent = row.value.parent
        if parent is None or parent in self._rows or parent in known:
            return parent
        reason = f"its parent '{parent}' is neither in the file nor in the shop; it became a root"
        tally.notes.append(Rejected(row.where, reason))
        return None

    async def _write(
        self, placed: Sequence[_Placed], known: dict[str, Record], tally: Tally
    ) -> None:
        most = self._context.settings(CategorySettings).max_depth
        stored = await self._stored(placed)
        new: list[NewCategory] = []
        changes: list[UpdateOne] = []
        for item in placed:
            parent = known.get(item.record.parent or "")
            if len(item.names) > most:
                reason = f"the tree may have at most {most} levels"
                tally.rejected.append(Rejected(item.where, reason))
                continue
            if item.record.parent in self._rows and parent is None:
                tally.rejected.append(Rejected(item.where, "its parent was rejected"))
                continue
            record = stored.get(item.record.key) or stored.get(BY_PATH + path_of(item.names))
            if record is None:
                new.append(_new(item, parent))
            else:
                known[item.record.key] = record
                self._update(item, parent, record, changes, tally)
        if changes:
            await collection(self._context).bulk_write(changes, ordered=False)
        known |= await create_all(self._context, new)
        tally.created += len(new)

    async def _stored(self, placed: Sequence[_Placed]) -> dict[str, Record]:
        keys: set[str | None] = {item.record.key for item in placed}
        return await self._known(keys | {BY_PATH + path_of(item.names) for item in placed})

    def _update(
        self,
        item: _Placed,
        parent: Record | None,
        record: Record,
        changes: list[UpdateOne],
        tally: Tally,
    ) -> None:
        if record["parent_id"] != (parent["_id"] if parent else None):
            reason = "it stands below another parent in the shop; an import moves no category"
            tally.rejected.append(Rejected(item.where, reason))
            return
        wanted = {
            "key": item.record.key,
            "name": item.record.name,
            "description": item.record.description,
            "position": item.record.position,
        }
        if item.record.slug is not None:
            wanted["slug"] = item.record.slug
        if all(record[name] == value for name, value in wanted.items()):
            tally.unchanged += 1
            return
        if item.record.name != record["name"]:
            tally.notes.append(
                Rejected(item.where, f"it was '{record['name']}'; products find it by either name")
            )
        changes.append(
            UpdateOne(
                {"_id": record["_id"]},
                {"$set": {**wanted, "updated_at": datetime.now(UTC)}, "$inc": {"version": 1}},
            )
        )
        tally.updated += 1


def _new(item: _Placed, parent: Record | None) -> NewCategory:
    record = item.record
    return NewCategory(
        record.key, item.names, parent, record.slug, record.description, record.position
    )


async def _open(context: Context) -> CategoryLoad:
    return CategoryLoad(context)


CATEGORIES = Importer(
    noun="categories",
    description="Import the category tree.",
    formats=FORMATS,
    open=_open,
)
