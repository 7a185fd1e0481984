"""Changing the category tree, and putting products into it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

from mercat.context import Context
from mercat.errors import InvalidError, NotFoundError
from mercat.slugs import slugify
from mercat.storage import Record
from mercat.storage.lookups import find_by
from mercat.storage.pages import reserve_numbers
from mercat_categories.changing import change_tree
from mercat_categories.documents import COUNTER
from mercat_categories.draft import Draft
from mercat_categories.editing.texts import checked
from mercat_categories.errors import (
    CycleError,
    HasChildrenError,
    MismatchError,
    ProductNotFoundError,
    TooManyError,
)
from mercat_categories.forest import Forest
from mercat_categories.listing import settle
from mercat_categories.memory import newest_forest
from mercat_categories.permissions import check_manages
from mercat_categories.relisting import follow
from mercat_media.service import embed
from mercat_products.documents import ProductDocument
from mercat_products.values import addresses

MOST_PRODUCTS = 100
_MOST_CATEGORIES = 100
_PLAIN = ("description", "image", "position", "seo")


async def create_category(
    context: Context, *, parent_id: ObjectId | None, values: Mapping[str, Any]
) -> Record:
    """Add a category below `parent_id`, or as a root.

    Raises InvalidError, ParentNotFoundError, TooDeepError, or SlugTakenError where a slug that
    was asked for is taken; one that wasn't is made from the name.
    """
    await check_manages(context)
    found = await _with_image(context, checked(context.shop, values))
    (number,) = await reserve_numbers(context.storage, COUNTER, 1)
    key = ObjectId()

    def work(draft: Draft) -> Record:
        parent = draft.parent(parent_id)
        wanted = found.get("slug") or slugify(found["name"]) or "category"
        if "slug" not in found and not draft.is_free(wanted):
            wanted = f"{wanted[:180]}-{number}"
        texts = {**found, "slug": wanted}
        return draft.add({"_id": key, **new_record(str(key), number, parent, texts)})

    return await change_tree(context, work)


async def _with_image(context: Context, values: Record) -> Record:
    """The values with the image in place of its id. Raises NotFoundError."""
    if "image_id" not in values:
        return values
    key = values.pop("image_id")
    try:
        (image,) = await embed(context, [key]) if key else (None,)
    except NotFoundError as error:
        raise NotFoundError(str(error), field=("imageId",)) from None
    return {**values, "image": image}


def new_record(key: str, number: int, parent: Record | None, texts: Mapping[str, Any]) -> Record:
    """A category as it is stored, without its _id and its place in the tree."""
    now = datetime.now(UTC)
    translations = texts.get("translations", [])
    return {
        "number": number,
        "key": key,
        "slug": texts["slug"],
        "addresses": addresses(texts["slug"], translations),
        "old_addresses": [],
        "name": texts["name"],
        "description": texts.get("description", ""),
        "seo": texts.get("seo", {"title": "", "description": ""}),
        "image": texts.get("image"),
        "translations": translations,
        "parent_id": parent["_id"] if parent else None,
        "former_paths": [],
        "merged_ids": [],
        "position": texts.get("position", 0),
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }


async def update_category(
    context: Context, key: ObjectId, version: int | None, values: Mapping[str, Any]
) -> Record:
    """Change a category; what `values` leaves out stays.

    Raises InvalidError, NotFoundError, StaleError, SlugTakenError.
    """
    await check_manages(context)
    found = await _with_image(context, checked(context.shop, values))

    def work(draft: Draft) -> Record:
        record = draft.found(key, version)
        apply(draft, record, found)
        return draft.get(key) or record

    return await change_tree(context, work)


def apply(draft: Draft, record: Record, values: Mapping[str, Any]) -> None:
    """Give a category these values, which must have been checked. Raises SlugTakenError."""
    key = record["_id"]
    had = record.get("translations", [])
    slug = values.get("slug", record["slug"])
    translations = values.get("translations", had)
    if (slug, translations) != (record["slug"], had):
        draft.readdress(key, slug, translations)
    plain = {name: values[name] for name in _PLAIN if name in values}
    if plain:
        draft.edit(key, **plain)
    if values.get("name", record["name"]) != record["name"]:
        draft.rename(key, values["name"])


async def move_category(
    context: Context, key: ObjectId, version: int | None, place: Mapping[str, Any]
) -> Record:
    """Put a category with all below it in a place: below a `parent_id`, None for the top.

    Without one it stays where it is, without a `position` it keeps that.

    Raises InvalidError, NotFoundError, StaleError, ParentNotFoundError, CycleError, TooDeepError.
    """
    await check_manages(context)
    found = checked(context.shop, {name: place[name] for name in ("position",) if name in place})

    def work(draft: Draft) -> Record:
        record = draft.found(key, version)
        if "parent_id" in place:
            draft.move(key, draft.parent(place["parent_id"]))
        if found:
            draft.edit(key, **found)
        return draft.get(key) or record

    return await change_tree(context, work)


async def reorder_children(
    context: Context, parent_id: ObjectId | None, keys: Sequence[ObjectId]
) -> list[Record]:
    """Put the children of a category, or the roots, in that order; returns them.

    Raises ParentNotFoundError, and MismatchError unless they are exactly the children.
    """
    await check_manages(context)

    def work(draft: Draft) -> list[Record]:
        draft.parent(parent_id)
        children = draft.children(parent_id)
        if len(keys) != len(children) or set(keys) != set(children):
            raise MismatchError(
                "name each child of the parent once, and nothing else", field=("children",)
            )
        for position, key in enumerate(keys):
            if draft.found(key, None)["position"] != position:
                draft.edit(key, position=position)
        return [draft.found(key, None) for key in keys]

    return await change_tree(context, work)


async def merge_category(
    context: Context, source: ObjectId, target: ObjectId, version: int | None
) -> Record:
    """Move all that is in a category to another, and have that found in its place.

    Raises NotFoundError, StaleError, CycleError, TooDeepError.
    """
    await check_manages(context)

    def work(draft: Draft) -> Record:
        draft.found(source, version, "source")
        into = draft.found(target, None, "target")
        if source in (target, *into["ancestors"]):
            raise CycleError("it can't become part of itself", field=("target",))
        for child in draft.children(source):
            draft.move(child, into)
        draft.merge(source, target)
        return draft.found(target, None)

    merged = await change_tree(context, work)
    await follow(context)  # so that the caller sees the count that both have together
    return merged


async def delete_category(
    context: Context, key: ObjectId, *, reparent: bool, version: int | None
) -> ObjectId:
    """Take a category away, and its products out of it.

    What lies below it goes to its parent with `reparent`. Raises NotFoundError, StaleError, and
    HasChildrenError without it.
    """
    await check_manages(context)

    def work(draft: Draft) -> ObjectId:
        record = draft.found(key, version)
        children = draft.children(key)
        if children and not reparent:
            raise HasChildrenError("there are categories below it", field=("children",))
        for child in children:
            draft.move(child, draft.parent(record["parent_id"]))
        draft.remove(key)
        return key

    return await change_tree(context, work)


async def add_products(
    context: Context, category: ObjectId, products: Sequence[ObjectId]
) -> Record:
    """Put up to 100 products into a category.

    Raises InvalidError, NotFoundError, ProductNotFoundError, TooManyError.
    """
    await check_manages(context)

    def place(product: Record, forest: Forest) -> list[ObjectId]:
        wanted = _category(forest, category)["_id"]
        placed = list(product.get("placed_in", ()))
        if wanted in placed:
            return placed
        if len(placed) >= _MOST_CATEGORIES:
            where = str(products.index(product["_id"]))
            most = f"a product is in at most {_MOST_CATEGORIES} categories"
            raise TooManyError(most, field=("products", where))
        return [*placed, wanted]

    await _check_products(context, category, products)
    await settle(context, products, place)
    return _category(await newest_forest(context), category)


async def remove_products(
    context: Context, category: ObjectId, products: Sequence[ObjectId]
) -> Record:
    """Take up to 100 products out of a category.

    Raises InvalidError, NotFoundError, ProductNotFoundError.
    """
    await check_manages(context)

    def place(product: Record, forest: Forest) -> list[ObjectId]:
        wanted = _category(forest, category)["_id"]
        placed, _ = forest.listing(product.get("placed_in", ()))
        return [key for key in placed if key != wanted]

    await _check_products(context, category, products)
    await settle(context, products, place)
    return _category(await newest_forest(context), category)


async def _check_products(
    context: Context, category: ObjectId, products: Sequence[ObjectId]
) -> None:
    if not 0 < len(products) <= MOST_PRODUCTS:
        raise InvalidError(f"name 1 to {MOST_PRODUCTS} products", field=("products",))
    _category(await newest_forest(context), category)
    stored = context.storage.collection(ProductDocument)
    found = {record["_id"] async for record in find_by(stored, "_id", products, {"_id": 1})}
    for i, key in enumerate(products):
        if key not in found:
            raise ProductNotFoundError("there is no such product", field=("products", str(i)))


def _category(forest: Forest, key: ObjectId) -> Record:
    record = forest.get(key)
    if record is None:
        raise NotFoundError("there is no such category", field=("category",))
    return record
