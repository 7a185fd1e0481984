"""Creating, changing, duplicating and removing products; who may is decided here."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from mercat import catalog
from mercat.context import Context
from mercat.errors import DomainError, InvalidError, NotFoundError, StaleError
from mercat.slugs import slugify
from mercat.storage import Record, Session
from mercat.storage.pages import reserve_numbers
from mercat_media.service import count_uses
from mercat_products.documents import COUNTER, ProductDocument
from mercat_products.editing.checking import Given, checked_attributes, checked_product
from mercat_products.editing.pictures import pictures_of, with_pictures
from mercat_products.errors import SkuTakenError, SlugTakenError
from mercat_products.permissions import may_edit, may_manage
from mercat_products.product_types.service import touch_type, types_by_id
from mercat_products.values import tags

MOST_AT_ONCE = 100
_ATTEMPTS = 5
# A duplicate has none of these of its own.
_NOT_COPIED = ("_id", "number", "old_addresses", "imported", "placed_in", "listed_in")

Alter = Callable[[Record], Record]


async def create_product(context: Context, given: Given) -> Record:
    """Add a product; without a slug it gets one made from its name.

    Raises InvalidError, NotFoundError, SlugTakenError, SkuTakenError.
    """
    seller = _seller(context, given)
    given = await with_pictures(context, given)
    wanted = given.get("slug") or slugify(given["name"]) or "product"
    found = checked_product({**given, "slug": wanted}, context.shop)
    of_type = await _type(context, given.get("type"))
    found |= checked_attributes({"attributes": (), **given}, of_type, None)
    return await _insert(context, {**found, "seller": seller}, is_free="slug" not in given)


async def duplicate_product(
    context: Context, key: ObjectId, name: str | None, slug: str | None
) -> Record:
    """Add a draft like a product; its SKUs get an ending of their own.

    Raises InvalidError, NotFoundError, SlugTakenError, SkuTakenError.
    """
    stored = await editable(context, key)
    title = name or f"{stored['name']} (copy)"
    texts = {"name": title, "slug": slug or slugify(title) or "product", "translations": []}
    found = {key: value for key, value in stored.items() if key not in _NOT_COPIED}
    found |= checked_product(texts, context.shop) | {"status": "draft"}
    ending = str(ObjectId())[-6:].upper()
    found["variants"] = [
        {**variant, "id": ObjectId(), "sku": f"{variant['sku'][:90]}-{ending}", "in_stock": True}
        for variant in stored["variants"]
    ]
    return await _insert(context, found, is_free=slug is None)


async def update_product(
    context: Context, key: ObjectId, version: int | None, given: Given
) -> Record:
    """Change what is given of a product; an address that it leaves keeps leading to it.

    Raises InvalidError, NotFoundError, StaleError, SlugTakenError, SkuTakenError.
    """
    if "seller" in given:
        _seller(context, given)
    given = await with_pictures(context, given)
    if "type" not in given and "attributes" not in given:
        return await change_product(
            context, key, version, lambda stored: checked_product(given, context.shop, stored)
        )
    types: dict[ObjectId | None, Record | None] = {}

    async def prepare(stored: Record) -> None:
        wanted = given.get("type", stored.get("type_id"))
        types[wanted] = await _type(context, wanted)

    def alter(stored: Record) -> Record:
        of_type = types[given.get("type", stored.get("type_id"))]
        found = checked_product(given, context.shop, stored)
        return found | checked_attributes(given, of_type, stored)

    return await change_product(context, key, version, alter, prepare)


async def delete_product(context: Context, key: ObjectId, version: int | None) -> None:
    """Remove a product for good; one that is sold has to be archived first.

    Raises InvalidError, NotFoundError, StaleError.
    """
    stored = await editable(context, key)
    if stored["status"] == "active":
        raise InvalidError("this product is sold; archive it first", field=("id",))
    wanted = stored["version"] if version is None else version

    async def delete(session: Session) -> None:
        result = await _products(context).delete_one(
            {"_id": key, "version": wanted}, session=session
        )
        if not result.deleted_count:
            raise _stale()
        await count_uses(context, session, before=pictures_of(stored))
        variants = [str(variant["id"]) for variant in stored["variants"]]
        await context.engine.outbox.add(
            session, catalog.products_removed, context, [str(key)], variants
        )

    await context.storage.transaction(delete)


async def change_product(
    context: Context,
    key: ObjectId,
    version: int | None,
    alter: Alter,
    prepare: Callable[[Record], Awaitable[None]] | None = None,
) -> Record:
    """Change a stored product by a function of what it is, and tell the others.

    Somebody else's change in between makes a caller that named a `version` fail with StaleError;
    for others the function is asked again. Raises what `alter` does, NotFoundError, SlugTakenError
    and SkuTakenError.
    """
    for _ in range(_ATTEMPTS):
        stored = await editable(context, key)
        if version is not None and stored["version"] != version:
            raise _stale()
        if prepare is not None:
            await prepare(stored)
        changed = await _write(context, stored, alter(stored))
        if changed is not None:
            return changed
    raise _stale()


async def change_products(
    context: Context, keys: Sequence[ObjectId], alter: Alter
) -> list[Record | DomainError]:
    """The same for up to 100 products, each by itself: its record, or why it was refused."""
    if not 0 < len(keys) <= MOST_AT_ONCE:
        raise InvalidError(f"give 1 to {MOST_AT_ONCE} products", field=("ids",))
    found: list[Record | DomainError] = []
    for key in keys:
        try:
            found.append(await change_product(context, key, None, alter))
        except DomainError as error:
            found.append(error)
    return found


def status_and_tags(status: str | None, add: Sequence[str], remove: Sequence[str]) -> Alter:
    """A change of a product's status, where one is given, and of its tags. Raises InvalidError."""
    new, old = tags(add, ("tagsAdd",)), set(remove)

    def alter(stored: Record) -> Record:
        kept = [tag for tag in stored.get("tags", ()) if tag not in old]
        found = {"tags": tags([*kept, *new], ("tagsAdd",))}
        return found if status is None else {**found, "status": status}

    return alter


async def editable(context: Context, key: ObjectId) -> Record:
    """A product that the viewer may change; for others it isn't there. Raises NotFoundError."""
    stored = await _products(context).find_one({"_id": key})
    if stored is None or not may_edit(context.viewer, stored.get("seller")):
        raise NotFoundError("there is no such product", field=("id",))
    return stored


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


async def _insert(context: Context, values: Record, *, is_free: bool) -> Record:
    """Store a new product; where its slug `is_free` to change, a taken one gets a number."""
    (number,) = await reserve_numbers(context.storage, COUNTER, 1)
    now = datetime.now(UTC)
    record = {
        "status": "draft",
        **values,
        "_id": ObjectId(),
        "number": number,
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }
    try:
        await _commit_new(context, record)
    except DuplicateKeyError as error:
        taken = _taken(error)
        if not is_free or not isinstance(taken, SlugTakenError):
            raise taken from None
        record |= checked_product(
            {"slug": f"{record['slug'][:480]}-{number}"}, context.shop, record
        )
        try:
            await _commit_new(context, record)
        except DuplicateKeyError as again:
            raise _taken(again) from None
    return record


async def _commit_new(context: Context, record: Record) -> None:
    async def insert(session: Session) -> None:
        await _products(context).insert_one(record, session=session)
        await _told(context, session, None, record)

    await context.storage.transaction(insert)


async def _write(context: Context, stored: Record, values: Record) -> Record | None:
    """The changed product; None where somebody else changed it since it was read."""
    if "addresses" in values:
        left = set(stored.get("addresses", [stored["slug"]])) - set(values["addresses"])
        values["old_addresses"] = list(
            {**dict.fromkeys(stored.get("old_addresses", ())), **dict.fromkeys(left)}
        )
    values["updated_at"] = datetime.now(UTC)

    async def update(session: Session) -> Record | None:
        changed = await _products(context).find_one_and_update(
            {"_id": stored["_id"], "version": stored["version"]},
            {"$set": values, "$inc": {"version": 1}, "$unset": {"imported": ""}},
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        if changed is not None:
            await _told(context, session, stored, changed)
        return changed

    try:
        return await context.storage.transaction(update)
    except DuplicateKeyError as error:
        raise _taken(error) from None


async def _told(context: Context, session: Session, before: Record | None, record: Record) -> None:
    """Note in the transaction of a change what others go by."""
    await count_uses(context, session, before=pictures_of(before), after=pictures_of(record))
    if record.get("type_id") is not None:
        await touch_type(context, record["type_id"], session)
    await context.engine.outbox.add(session, catalog.products_saved, context, [str(record["_id"])])


def _taken(error: DuplicateKeyError) -> SlugTakenError | SkuTakenError:
    found = str((error.details or {}).get("keyPattern") or error)
    if "sku" in found:
        return SkuTakenError("another variant has this SKU", field=("variants",))
    return SlugTakenError("another product has this slug", field=("slug",))


def _stale() -> StaleError:
    return StaleError("somebody else changed the product; read it again", field=("version",))


def _products(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(ProductDocument)
