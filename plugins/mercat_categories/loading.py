"""Importing the category tree: parents before children, whatever their order in the file.

Categories are known again by their key. One that a product's import made from a path is taken over
by the first row with its path. The tree of a file is held in memory: some hundred bytes a category.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from mercat.context import Context
from mercat.errors import InvalidError
from mercat.importing import Importer, Rejected, Row, Tally
from mercat.storage import Record
from mercat.storage.pages import reserve_numbers
from mercat_categories.changing import change_tree
from mercat_categories.creating import NewCategory, create_all
from mercat_categories.documents import COUNTER
from mercat_categories.exporting import image_of
from mercat_categories.forest import SEPARATOR, Forest
from mercat_categories.formats import FORMATS
from mercat_categories.memory import newest_forest
from mercat_categories.records import CategoryRecord
from mercat_categories.settings import CategorySettings
from mercat_categories.texts import notes_of, texts_of
from mercat_categories.updating import Placed, update_all
from mercat_media.settings import MediaSettings

_CHUNK = 1_000


class CategoryLoad:
    """One import of a tree."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._rows: dict[str, Row[CategoryRecord]] = {}
        self._numbers: dict[str, int] = {}

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
        known = dict((await newest_forest(self._context)).by_key)
        await self._number([key for key in self._rows if key not in known])
        for level in self._levels(known, tally):
            for start in range(0, len(level), _CHUNK):
                await self._write(level[start : start + _CHUNK], known, tally)
        return tally

    async def _number(self, new: Sequence[str]) -> None:
        """Have new categories in the file's order, whichever of them are made first."""
        if new:
            numbers = await reserve_numbers(self._context.storage, COUNTER, len(new))
            self._numbers = dict(zip(new, numbers, strict=True))

    def _note_missing_children(self, tally: Tally) -> None:
        for row in self._rows.values():
            missing = [key for key in row.value.children if key not in self._rows]
            tally.notes += [
                Rejected(row.where, f"it names the child '{key}', which is not in the file")
                for key in missing
            ]

    def _levels(self, known: dict[str, Record], tally: Tally) -> list[list[Placed]]:
        """The file's categories level by level; those in a cycle or too deep are rejected."""
        children: dict[str | None, list[Row[CategoryRecord]]] = {}
        for row in self._rows.values():
            children.setdefault(self._parent_key(row, known, tally), []).append(row)
        level = [
            Placed(row.where, row.value, None, (row.value.name,)) for row in children.pop(None, [])
        ]
        for key in [key for key in children if key in known and key not in self._rows]:
            above = tuple(known[key]["path"].split(SEPARATOR))
            level += [
                Placed(row.where, row.value, key, (*above, row.value.name))
                for row in children.pop(key)
            ]
        levels = []
        while level:
            levels.append(level)
            level = [
                Placed(row.where, row.value, placed.record.key, (*placed.names, row.value.name))
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
        self, placed: Sequence[Placed], known: dict[str, Record], tally: Tally
    ) -> None:
        most = self._context.settings(CategorySettings).max_depth
        rejected = []
        for item in placed:
            if len(item.names) > most:
                reason = f"the tree may have at most {most} levels"
                rejected.append(Rejected(item.where, reason))
            elif item.parent is not None and item.parent not in known:
                rejected.append(Rejected(item.where, "its parent was rejected"))
        tally.rejected += rejected
        where = {row.where for row in rejected}
        forest = await newest_forest(self._context)
        placed = list(self._checked([p for p in placed if p.where not in where], forest, tally))
        outcome = await change_tree(self._context, partial(update_all, placed))
        tally.add(outcome.tally)
        known |= outcome.known
        new = [_new(item) for item in placed if item.where in outcome.missing]
        made = await create_all(self._context, new)
        known |= made
        tally.created += len(made)
        tally.rejected += [
            Rejected(item.where, "the category above it is gone, or lies too deep now")
            for item in placed
            if item.where in outcome.missing and item.record.key not in made
        ]

    def _checked(self, placed: Sequence[Placed], forest: Forest, tally: Tally) -> Iterator[Placed]:
        """The categories with what is to be stored of them; those that can't be are rejected."""
        start = self._context.settings(MediaSettings).public_url
        for item in placed:
            try:
                texts = texts_of(item.record, self._context.shop)
            except InvalidError as error:
                at = ".".join(error.field or ())
                tally.rejected.append(Rejected(item.where, f"{at}: {error}"))
                continue
            tally.notes += [
                Rejected(item.where, note) for note in notes_of(item.record, self._context.shop)
            ]
            stored = forest.by_key.get(item.record.key)
            if stored and texts.get("image") == image_of(stored, start):
                texts.pop("image", None)  # one of the shop's own stays that
            number = self._numbers.get(item.record.key)
            yield replace(item, texts=texts, number=number)


def _new(item: Placed) -> NewCategory:
    record = item.record
    return NewCategory(
        record.key,
        item.names,
        item.parent,
        record.slug,
        item.number,
        item.texts,
        record.old_slugs,
        record.former_paths,
    )


async def _open(context: Context) -> CategoryLoad:
    return CategoryLoad(context)


CATEGORIES = Importer(
    noun="categories",
    description="Import the category tree.",
    formats=FORMATS,
    open=_open,
)
