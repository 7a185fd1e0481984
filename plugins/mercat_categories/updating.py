"""Bringing stored categories up to date with the rows of a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mercat.importing import Rejected, Tally
from mercat.storage import Record
from mercat_categories.draft import Draft
from mercat_categories.editing.service import apply
from mercat_categories.errors import SlugTakenError
from mercat_categories.forest import BY_PATH, old_addresses_of, path_of
from mercat_categories.records import CategoryRecord


@dataclass(frozen=True, slots=True)
class Placed:
    """A category of the file with its parent's key, and its names from the root.

    `texts` are what is stored of it besides its name and slug, checked; `number` is its own if it
    is new.
    """

    where: str
    record: CategoryRecord
    parent: str | None
    names: tuple[str, ...]
    number: int | None = None
    texts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Outcome:
    """What became of the rows: `known` are the stored ones by key, `missing` where others stand."""

    tally: Tally = field(default_factory=Tally)
    known: dict[str, Record] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)


def update_all(placed: Sequence[Placed], draft: Draft) -> Outcome:
    """Update those that are stored already."""
    outcome = Outcome()
    by_key = draft.forest.by_key
    for item in placed:
        record = by_key.get(item.record.key) or by_key.get(BY_PATH + path_of(item.names))
        if record is None:
            outcome.missing.add(item.where)
            continue
        outcome.known[item.record.key] = record
        parent = by_key.get(item.parent or "")
        if record["parent_id"] != (parent["_id"] if parent else None):
            reason = "it stands below another parent in the shop; an import moves no category"
            outcome.tally.rejected.append(Rejected(item.where, reason))
        else:
            _update(item, record, draft, outcome.tally)
    return outcome


def _update(item: Placed, record: Record, draft: Draft, tally: Tally) -> None:
    wanted: dict[str, Any] = {
        "key": item.record.key,
        "name": item.record.name,
        **item.texts,
    }
    missing = [one for one in item.record.old_slugs if one not in old_addresses_of(record)]
    if item.record.slug is not None:
        wanted["slug"] = item.record.slug
    if not missing and all(record.get(name) == value for name, value in wanted.items()):
        tally.unchanged += 1
        return
    try:
        apply(draft, record, wanted)
    except SlugTakenError:
        reason = f"another category has the slug '{item.record.slug}', or one of its translations'"
        tally.rejected.append(Rejected(item.where, reason))
        return
    draft.edit(record["_id"], key=item.record.key)
    draft.remember(record["_id"], missing)
    if item.record.name != record["name"]:
        tally.notes.append(
            Rejected(item.where, f"it was '{record['name']}'; products find it by either name")
        )
    tally.updated += 1
