"""Reading and changing product types."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.errors import InvalidError, NotFoundError, StaleError
from mercat.storage import Record, Session
from mercat.storage.pages import Page, PageRequest, find_page, known_highest, reserve_numbers
from mercat_products.documents import ProductDocument
from mercat_products.errors import InUseError
from mercat_products.permissions import check_manages
from mercat_products.product_types.attributes import definitions
from mercat_products.product_types.compatibility import check_products
from mercat_products.product_types.documents import COUNTER, ProductTypeDocument
from mercat_products.values import text


class TypeChangedError(Exception):
    """Somebody else changed the type since a product's values were checked by it."""


async def types_by_id(context: Context, ids: Iterable[ObjectId | None]) -> dict[ObjectId, Record]:
    wanted = {key for key in ids if key is not None}
    if not wanted:
        return {}
    cursor = _types(context).find({"_id": {"$in": list(wanted)}})
    return {record["_id"]: record async for record in cursor}


async def type_page(context: Context, request: PageRequest) -> Page:
    """One page of the types, in the order in which they were added."""
    highest = await known_highest(context.storage, COUNTER)
    return await find_page(_types(context), {}, request, newest_first=False, highest=highest)


async def count_types(context: Context) -> int:
    return await _types(context).count_documents({})


async def create_type(context: Context, values: Mapping[str, Any]) -> Record:
    """Add a type. Raises InvalidError."""
    check_manages(context.viewer)
    found = _checked(values)
    (number,) = await reserve_numbers(context.storage, COUNTER, 1)
    now = datetime.now(UTC)
    record: Record = {
        "_id": ObjectId(),
        "number": number,
        **found,
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }
    try:
        await _types(context).insert_one(record)
    except DuplicateKeyError:
        raise _taken() from None
    return record


async def update_type(
    context: Context, key: ObjectId, version: int | None, values: Mapping[str, Any]
) -> Record:
    """Change a type's name, or its attributes as a whole, as far as its products go on fitting.

    Raises InvalidError, NotFoundError, StaleError.
    """
    check_manages(context.viewer)
    found = _checked(values)

    async def update(session: Session) -> Record:
        stored = await _types(context).find_one({"_id": key}, session=session)
        if stored is None:
            raise NotFoundError("there is no such product type", field=("id",))
        if version is not None and version != stored["version"]:
            raise StaleError("somebody else changed the type; read it again", field=("version",))
        new = {name: value for name, value in found.items() if stored[name] != value}
        if not new:
            return stored
        # First, so that a product that is given the type meanwhile meets this in `touch_type`.
        changed = await _types(context).find_one_and_update(
            {"_id": key, "version": stored["version"]},
            {"$set": {**new, "updated_at": datetime.now(UTC)}, "$inc": {"version": 1}},
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        if changed is None:
            raise StaleError("somebody else changed the type; read it again", field=("version",))
        await check_products(context, stored, changed, session)
        return changed

    try:
        return await context.storage.transaction(update)
    except DuplicateKeyError:
        raise _taken() from None


async def delete_type(context: Context, key: ObjectId) -> None:
    """Remove a type. Raises NotFoundError, and InUseError while products have it."""
    check_manages(context.viewer)

    async def delete(session: Session) -> None:
        if await _has_products(context, key, session):
            raise InUseError("products have this type; give them another one first", field=("id",))
        result = await _types(context).delete_one({"_id": key}, session=session)
        if not result.deleted_count:
            raise NotFoundError("there is no such product type", field=("id",))

    await context.storage.transaction(delete)


async def touch_type(context: Context, used: Record, session: Session) -> None:
    """Make a transaction that gives a product the type meet one that changes or deletes the type.

    `used` is the type that the product's values were checked by. Raises NotFoundError where it is
    gone, and TypeChangedError where it is another by now.
    """
    key = used["_id"]
    result = await _types(context).update_one(
        {"_id": key, "version": used["version"]},
        {"$set": {"used_at": datetime.now(UTC)}},
        session=session,
    )
    if result.matched_count:
        return
    if await _types(context).find_one({"_id": key}, {"_id": 1}, session=session) is None:
        raise NotFoundError("there is no such product type", field=("type",))
    raise TypeChangedError


def _checked(values: Mapping[str, Any]) -> Record:
    found: Record = {}
    if "name" in values:
        found["name"] = text(values["name"], ("name",), least=1)
    if "attributes" in values:
        found["attributes"] = definitions(values["attributes"], ("attributes",))
    return found


async def _has_products(context: Context, key: ObjectId, session: Session | None = None) -> bool:
    products = context.storage.collection(ProductDocument)
    return await products.find_one({"type_id": key}, {"_id": 1}, session=session) is not None


def _taken() -> InvalidError:
    return InvalidError("another type has this name", field=("name",))


def _types(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(ProductTypeDocument)
