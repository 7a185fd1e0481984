"""Creating, changing, duplicating and removing products; who may is decided here."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from bson import ObjectId

from mercat import catalog
from mercat.context import Context
from mercat.errors import DomainError, InvalidError, NotFoundError
from mercat.slugs import slugify
from mercat.storage import Record, Session
from mercat_media.service import count_uses
from mercat_products.editing.checking import (
    Given,
    checked_attributes,
    checked_product,
    checked_status,
)
from mercat_products.editing.pictures import pictures_of, with_pictures
from mercat_products.editing.writing import (
    Alter,
    Spare,
    change_product,
    editable,
    insert_product,
    numbered,
    pauses,
    products,
    stale,
)
from mercat_products.permissions import check_sees_more, may_edit, may_manage
from mercat_products.product_types.attributes import fitting
from mercat_products.product_types.service import TypeChangedError, types_by_id
from mercat_products.values import LONGEST_SLUG, addresses, tags

MOST_AT_ONCE = 100
_COPY = "-copy"
# A duplicate has none of these of its own.
_NOT_COPIED = ("_id", "number", "old_addresses", "imported")


async def create_product(context: Context, given: Given) -> Record:
    """Add a product; without a slug it gets one made from its name.

    Raises InvalidError, NotFoundError, SlugTakenError, SkuTakenError, ConflictError.
    """
    check_sees_more(context.viewer)
    seller = _seller(context, given)
    given = await with_pictures(context, given)
    wanted = given.get("slug") or slugify(given["name"]) or "product"
    found = checked_product({**given, "slug": wanted}, context.shop)
    found["seller"] = seller
    spare = None if "slug" in given else _other_slug
    for pause in pauses():
        of_type = await _type(context, given.get("type"))
        said = checked_attributes({"attributes": (), **given}, of_type, None)
        try:
            return await insert_product(context, {**found, **said}, of_type, spare)
        except TypeChangedError:
            await asyncio.sleep(pause)
    raise AssertionError("the pauses end with an error")


async def duplicate_product(
    context: Context, key: ObjectId, name: str | None, slug: str | None
) -> Record:
    """Add a draft like a product; its SKUs and its translations' slugs get an ending of their own.

    Raises InvalidError, NotFoundError, SlugTakenError, SkuTakenError, ConflictError.
    """
    for pause in pauses():
        stored = await editable(context, key)
        type_id = stored.get("type_id")
        of_type = None if type_id is None else (await types_by_id(context, [type_id])).get(type_id)
        values = _copy(context, stored, name, slug)
        values["attributes"] = fitting(stored.get("attributes", ()), of_type)
        try:
            return await insert_product(context, values, of_type, _other_slugs(is_free=not slug))
        except TypeChangedError:
            await asyncio.sleep(pause)
    raise AssertionError("the pauses end with an error")


def _copy(context: Context, stored: Record, name: str | None, slug: str | None) -> Record:
    title = name or f"{stored['name'][:490]} (copy)"
    texts = {"name": title, "slug": slug or slugify(title) or "product"}
    found = {key: value for key, value in stored.items() if key not in _NOT_COPIED}
    found |= checked_product(texts, context.shop) | {"status": "draft"}
    ending = str(ObjectId())[-6:].upper()
    found["variants"] = [
        {**variant, "id": ObjectId(), "sku": f"{variant['sku'][:90]}-{ending}", "in_stock": True}
        for variant in stored["variants"]
    ]
    found["translations"] = [
        {**one, "slug": one["slug"] and one["slug"][: LONGEST_SLUG - len(_COPY)] + _COPY}
        for one in stored.get("translations", ())
    ]
    return {**found, "addresses": addresses(found["slug"], found["translations"])}


def _other_slug(record: Record, number: int) -> Record:
    """The product's own slug with a number."""
    slug = numbered(record["slug"], number)
    return {"slug": slug, "addresses": addresses(slug, record.get("translations", ()))}


def _other_slugs(*, is_free: bool) -> Spare:
    """The translations' slugs with a number too; the product's own only where it `is_free`."""

    def spare(record: Record, number: int) -> Record:
        slug = numbered(record["slug"], number) if is_free else record["slug"]
        translations = [
            {**one, "slug": one["slug"] and numbered(one["slug"], number)}
            for one in record["translations"]
        ]
        found = addresses(slug, translations)
        return {"slug": slug, "translations": translations, "addresses": found}

    return spare


async def update_product(
    context: Context, key: ObjectId, version: int | None, given: Given
) -> Record:
    """Change what is given of a product; an address that it leaves keeps leading to it.

    Raises InvalidError, NotFoundError, StaleError, SlugTakenError, SkuTakenError, ConflictError.
    """
    check_sees_more(context.viewer)
    if "seller" in given:
        _seller(context, given)
    given = await with_pictures(context, given)
    if "type" not in given and "attributes" not in given:
        return await change_product(
            context, key, version, lambda stored: checked_product(given, context.shop, stored)
        )
    types: dict[ObjectId | None, Record | None] = {}

    async def prepare(stored: Record) -> Record | None:
        wanted = given.get("type", stored.get("type_id"))
        types[wanted] = await _type(context, wanted)
        return types[wanted]

    def alter(stored: Record) -> Record:
        of_type = types[given.get("type", stored.get("type_id"))]
        found = checked_product(given, context.shop, stored)
        return found | checked_attributes(given, of_type, stored)

    return await change_product(context, key, version, alter, prepare)


async def delete_product(context: Context, key: ObjectId, version: int | None) -> None:
    """Remove a product for good; one that is sold has to be archived first.

    Raises InvalidError, NotFoundError, StaleError, ConflictError.
    """
    for pause in pauses():
        stored = await editable(context, key)
        if version is not None and version != stored["version"]:
            raise stale()
        if stored["status"] == "active":
            raise InvalidError("this product is sold; archive it first", field=("id",))
        if await _delete(context, stored):
            return
        await asyncio.sleep(pause)


async def _delete(context: Context, stored: Record) -> bool:
    """Remove a product as it was read; whether nobody has changed it since."""
    key = stored["_id"]

    async def delete(session: Session) -> bool:
        result = await products(context).delete_one(
            {"_id": key, "version": stored["version"]}, session=session
        )
        if not result.deleted_count:
            return False
        await count_uses(context, session, before=pictures_of(stored))
        variants = [str(variant["id"]) for variant in stored["variants"]]
        await context.engine.outbox.add(
            session, catalog.products_removed, context, [str(key)], variants
        )
        return True

    return await context.storage.transaction(delete)


async def change_products(
    context: Context, keys: Sequence[ObjectId], alter: Alter
) -> list[Record | DomainError]:
    """The same for up to 100 products, each by itself: its record, or why it was refused."""
    check_sees_more(context.viewer)
    if not 0 < len(keys) <= MOST_AT_ONCE:
        raise InvalidError(f"give 1 to {MOST_AT_ONCE} products", field=("ids",))
    found: list[Record | DomainError] = []
    for i, key in enumerate(keys):
        try:
            at = ("ids", str(i))
            found.append(await change_product(context, key, None, alter, field=at))
        except DomainError as error:
            found.append(error)
    return found


def status_and_tags(status: str | None, add: Sequence[str], remove: Sequence[str]) -> Alter:
    """A change of a product's status, where one is given, and of its tags. Raises InvalidError."""
    new, old = tags(add, ("tagsAdd",)), set(remove)
    if status is not None:
        checked_status(status)

    def alter(stored: Record) -> Record:
        kept = [tag for tag in stored.get("tags", ()) if tag not in old]
        found = {"tags": tags([*kept, *new], ("tagsAdd",))}
        return found if status is None else {**found, "status": status}

    return alter


def _seller(context: Context, given: Mapping[str, Any]) -> str | None:
    """Whose product it will be: sellers have their own only. Raises InvalidError."""
    own = None if may_manage(context.viewer) else context.viewer.seller
    seller: str | None = given.get("seller", own)
    if not may_edit(context.viewer, seller):
        raise InvalidError("products are yours; leave the seller out", field=("seller",))
    return seller


async def _type(context: Context, key: ObjectId | None) -> Record | None:
    if key is None:
        return None
    found = (await types_by_id(context, [key])).get(key)
    if found is None:
        raise NotFoundError("there is no such product type", field=("type",))
    return found
