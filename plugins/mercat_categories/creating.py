"""Making many categories at once, for imports: one change of the tree."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bson import ObjectId

from mercat.context import Context
from mercat.slugs import slugify
from mercat.storage import Record
from mercat.storage.pages import reserve_numbers
from mercat_categories.changing import change_tree
from mercat_categories.documents import COUNTER
from mercat_categories.draft import Draft
from mercat_categories.editing.service import new_record
from mercat_categories.errors import TooDeepError
from mercat_products.values import addresses


@dataclass(frozen=True, slots=True)
class NewCategory:
    """A category to be made; `names` are those from the root down to its own.

    `parent` is the key of the category above it. `texts` are as they are stored, besides the name
    and the slug; it gets a `number` where it has none.
    """

    key: str
    names: tuple[str, ...]
    parent: str | None
    slug: str | None = None
    number: int | None = None
    texts: Mapping[str, Any] = field(default_factory=dict)
    old_addresses: tuple[str, ...] = ()
    former_paths: tuple[str, ...] = ()


async def create_all(context: Context, new: Sequence[NewCategory]) -> dict[str, Record]:
    """Make categories, parents before children; returns them by key.

    One that exists already, known by its key, is taken as it is. One whose parent is gone, or that
    would lie too deep as its parent was moved, is left out.
    """
    if not new:
        return {}
    without = [item.key for item in new if item.number is None]
    reserved = await reserve_numbers(context.storage, COUNTER, len(without)) if without else ()
    numbers = dict(zip(without, reserved, strict=True))
    ids = [ObjectId() for _ in new]

    def work(draft: Draft) -> dict[str, Record]:
        known = dict(draft.forest.by_key)
        for item, key in zip(new, ids, strict=True):
            number = item.number or numbers[item.key]
            parent = known.get(item.parent or "")
            if item.key in known or (parent is None) != (item.parent is None):
                continue
            with suppress(TooDeepError):
                draft.check_depth(parent)
                known[item.key] = draft.add({"_id": key, **_record(draft, item, number, parent)})
                if item.old_addresses:
                    draft.remember(key, item.old_addresses)
        return {item.key: known[item.key] for item in new if item.key in known}

    return await change_tree(context, work)


def _record(draft: Draft, item: NewCategory, number: int, parent: Record | None) -> Record:
    asked = [item.slug] if item.slug else []
    slug = _free(draft, [*asked, *_slug_candidates(item.names, number)])
    translations = _with_free_slugs(draft, slug, item.texts.get("translations", ()))
    own = {"slug": slug, "name": item.names[-1], "translations": translations}
    record = new_record(item.key, number, parent, {**item.texts, **own})
    return {**record, "former_paths": list(item.former_paths)}


def _with_free_slugs(draft: Draft, slug: str, translations: Sequence[Record]) -> list[Record]:
    """The translations without those slugs that other categories have."""
    return [
        one if all(map(draft.is_free, addresses(slug, [one]))) else {**one, "slug": None}
        for one in translations
    ]


def _free(draft: Draft, slugs: Iterable[str]) -> str:
    return next(slug for slug in slugs if draft.is_free(slug))


def _slug_candidates(names: tuple[str, ...], number: int) -> list[str]:
    """Slugs from the shortest: the name, the whole path, that with the category's number."""
    short = slugify(names[-1]) or "category"
    full = slugify(" ".join(names)) or "category"
    return [short, full, f"{full[:180]}-{number}"]
