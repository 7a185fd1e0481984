"""Reading and changing the category tree."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.errors import InvalidError
from mercat.slugs import slugify
from mercat.storage import Record
from mercat.storage.pages import Page, PageRequest, find_page, known_highest, reserve_numbers
from mercat_categories.documents import COUNTER, CategoryDocument
from mercat_categories.errors import ParentNotFoundError, SlugTakenError, TooDeepError
from mercat_categories.settings import CategorySettings

SEPARATOR = " > "
BY_PATH = "path:"  # the key of a category that was made because a product named it
_LONGEST_NAME = 200
_LONGEST_DESCRIPTION = 20_000


def path_of(names: Iterable[str]) -> str:
    """How a category is found by its names, whatever their case."""
    return SEPARATOR.join(name.strip().casefold() for name in names)


async def category_by_slug(context: Context, slug: str) -> Record | None:
    return await collection(context).find_one({"slug": slug})


async def categories_by_id(context: Context, ids: Sequence[ObjectId]) -> dict[ObjectId, Record]:
    if not ids:
        return {}
    return {
        record["_id"]: record
        async for record in collection(context).find({"_id": {"$in": list(set(ids))}})
    }


async def children_of(
    context: Context, ids: Sequence[ObjectId | None]
) -> dict[ObjectId | None, list[Record]]:
    """The children of each category, by position and name; those of None are the roots."""
    children: dict[ObjectId | None, list[Record]] = {key: [] for key in ids}
    async for record in collection(context).find({"parent_id": {"$in": list(children)}}):
        children[record["parent_id"]].append(record)
    for found in children.values():
        found.sort(key=lambda record: (record["position"], record["name"], record["number"]))
    return children


async def category_page(context: Context, request: PageRequest, *, roots: bool) -> Page:
    """One page of the categories, in the order in which they were added."""
    return await find_page(
        collection(context),
        _condition(roots=roots),
        request,
        newest_first=False,
        highest=await known_highest(context.storage, COUNTER),
    )


async def count_categories(context: Context, *, roots: bool) -> int:
    return await collection(context).count_documents(_condition(roots=roots))


async def create_category(
    context: Context,
    *,
    name: str,
    slug: str | None,
    description: str,
    parent_id: ObjectId | None,
    position: int,
) -> Record:
    """Add a category below `parent_id`, or as a root.

    Raises InvalidError, ParentNotFoundError, TooDeepError, or SlugTakenError where a slug that
    was asked for is taken; one that wasn't is made from the name.
    """
    name = name.strip()
    _check_texts(name, slug, description)
    parent = await _parent(context, parent_id)
    check_depth(context, parent)
    wanted = slug or slugify(name) or "category"
    (number,) = await reserve_numbers(context.storage, COUNTER, 1)
    key = ObjectId()
    record = new_record(
        key=str(key),
        number=number,
        name=name,
        slug=wanted,
        parent=parent,
        description=description,
        position=position,
    )
    for candidate in [wanted] if slug is not None else [wanted, f"{wanted}-{number}"]:
        created = {"_id": key, **record, "slug": candidate}
        try:
            await collection(context).insert_one(created)
        except DuplicateKeyError:
            continue
        return created
    raise SlugTakenError("another category has this slug", field=("slug",))


def _check_texts(name: str, slug: str | None, description: str) -> None:
    if not 0 < len(name) <= _LONGEST_NAME:
        raise InvalidError(f"a name has 1 to {_LONGEST_NAME} characters", field=("name",))
    if slug is not None and (not slug or slugify(slug) != slug):
        raise InvalidError(
            f"a slug has words of a-z and 0-9 joined by '-', such as '{slugify(slug) or 'shoes'}'",
            field=("slug",),
        )
    if len(description) > _LONGEST_DESCRIPTION:
        raise InvalidError(
            f"a description has at most {_LONGEST_DESCRIPTION} characters", field=("description",)
        )


async def _parent(context: Context, parent_id: ObjectId | None) -> Record | None:
    if parent_id is None:
        return None
    parent = (await categories_by_id(context, [parent_id])).get(parent_id)
    if parent is None:
        raise ParentNotFoundError("there is no such category", field=("parent",))
    return parent


def check_depth(context: Context, parent: Record | None) -> None:
    """Raise TooDeepError where a child of `parent` would lie too deep."""
    most = context.settings(CategorySettings).max_depth
    depth = len(parent["ancestors"]) + 2 if parent else 1
    if depth > most:
        raise TooDeepError(f"the tree may have at most {most} levels", field=("parent",))


def new_record(
    *,
    key: str,
    number: int,
    name: str,
    slug: str,
    parent: Record | None,
    description: str = "",
    position: int = 0,
) -> Record:
    """A category as it is stored, without its _id."""
    now = datetime.now(UTC)
    folded = path_of([name])
    return {
        "number": number,
        "key": key,
        "slug": slug,
        "name": name,
        "description": description,
        "position": position,
        "parent_id": parent["_id"] if parent else None,
        "ancestors": [*parent["ancestors"], parent["_id"]] if parent else [],
        "path": f"{parent['path']}{SEPARATOR}{folded}" if parent else folded,
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }


def _condition(*, roots: bool) -> dict[str, Any]:
    return {"parent_id": None} if roots else {}


def collection(context: Context) -> AsyncCollection[Record]:
    """The stored categories."""
    return context.storage.collection(CategoryDocument)
