"""Writing a product: on the condition that nobody has changed it, with what follows from it."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from mercat import catalog
from mercat.context import Context
from mercat.errors import ConflictError, NotFoundError, StaleError
from mercat.storage import Record, Session
from mercat.storage.pages import reserve_numbers
from mercat_media.service import count_uses
from mercat_products.documents import COUNTER, ProductDocument
from mercat_products.editing.pictures import pictures_of
from mercat_products.editing.taking import taken
from mercat_products.errors import SlugTakenError
from mercat_products.permissions import check_sees_more, may_edit
from mercat_products.product_types.service import TypeChangedError, touch_type
from mercat_products.values import LONGEST_SLUG, Field

_PATIENCE_SECONDS = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5

Alter = Callable[[Record], Record]
Prepare = Callable[[Record], Awaitable[Record | None]]
Spare = Callable[[Record, int], Record]


def pauses() -> Iterator[float]:
    """How many seconds to wait after each attempt at a change that others are in the way of.

    They grow, by chance so that not all come again at once. Raises ConflictError after 10 s.
    """
    deadline, longest = time.monotonic() + _PATIENCE_SECONDS, _FIRST_PAUSE
    while time.monotonic() < deadline:
        yield random.uniform(0, longest)  # noqa: S311  nothing secret about it
        longest = min(2 * longest, _LONGEST_PAUSE)
    raise ConflictError("others keep changing this; try again")


async def editable(context: Context, key: ObjectId, field: Field = ("id",)) -> Record:
    """A product that the viewer may change; for others it isn't there. Raises NotFoundError.

    Raises UnauthenticatedError or ForbiddenError for who may change none.
    """
    check_sees_more(context.viewer)
    stored = await products(context).find_one({"_id": key})
    if stored is None or not may_edit(context.viewer, stored.get("seller")):
        raise NotFoundError("there is no such product", field=field)
    return stored


async def change_product(
    context: Context,
    key: ObjectId,
    version: int | None,
    alter: Alter,
    prepare: Prepare | None = None,
    field: Field = ("id",),
) -> Record:
    """Change a stored product by a function of what it is, and tell the others.

    `prepare` gives the type that the changed product's values are checked by; `field` is where the
    caller named the product. Somebody else's change in between makes a caller that named a
    `version` fail with StaleError; for others the function is asked again. Raises what `alter`
    does, NotFoundError, SlugTakenError, SkuTakenError, and ConflictError after 10 s.
    """
    for pause in pauses():
        stored = await editable(context, key, field)
        if version is not None and stored["version"] != version:
            raise stale()
        of_type = None if prepare is None else await prepare(stored)
        values = _changes(stored, alter(stored))
        if not values:
            return stored
        changed = await _write(context, stored, values, of_type)
        if changed is not None:
            return changed
        await asyncio.sleep(pause)
    raise AssertionError("the pauses end with an error")


async def insert_product(
    context: Context, values: Record, of_type: Record | None, spare: Spare | None = None
) -> Record:
    """Store a new product; `of_type` is the type that its values were checked by.

    Where an address is taken, `spare` makes others with a number. Raises SlugTakenError,
    SkuTakenError, NotFoundError, TypeChangedError.
    """
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
        await _commit_new(context, record, of_type)
    except DuplicateKeyError as error:
        found = await taken(context, error, record)
        if spare is None or not isinstance(found, SlugTakenError):
            raise found from None
        record |= spare(record, number)
        try:
            await _commit_new(context, record, of_type)
        except DuplicateKeyError as again:
            raise await taken(context, again, record) from None
    return record


def numbered(slug: str, number: int) -> str:
    """The slug with a number behind it."""
    ending = f"-{number}"
    return slug[: LONGEST_SLUG - len(ending)].rstrip("-") + ending


def stale() -> StaleError:
    return StaleError("somebody else changed the product; read it again", field=("version",))


def products(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(ProductDocument)


async def leave_addresses(
    context: Context, session: Session, keys: Sequence[ObjectId], addresses: Sequence[str]
) -> None:
    """Have addresses that products leave lead to these, and not to whoever had them before."""
    if addresses:
        await products(context).update_many(
            {"old_addresses": {"$in": list(addresses)}, "_id": {"$nin": list(keys)}},
            {"$pull": {"old_addresses": {"$in": list(addresses)}}},
            session=session,
        )


async def _commit_new(context: Context, record: Record, of_type: Record | None) -> None:
    async def insert(session: Session) -> None:
        await products(context).insert_one(record, session=session)
        await _told(context, session, None, record, of_type)

    await context.storage.transaction(insert)


def _changes(stored: Record, values: Record) -> Record:
    """What of the values is different from what is stored; nothing there is as good as empty."""
    return {
        name: value
        for name, value in values.items()
        if stored.get(name) != value and (name in stored or value)
    }


async def _write(
    context: Context, stored: Record, values: Record, of_type: Record | None
) -> Record | None:
    """The changed product; None where somebody else changed it, or its type, since it was read."""
    key = stored["_id"]
    had: list[str] = stored.get("addresses") or [stored["slug"]]
    has = values.get("addresses", had)
    left = [one for one in had if one not in has]
    change: dict[str, Any] = {
        "$set": {**values, "updated_at": datetime.now(UTC)},
        "$inc": {"version": 1},
        "$unset": {"imported": ""},
    }
    if left:
        change["$addToSet"] = {"old_addresses": {"$each": left}}

    async def update(session: Session) -> Record | None:
        changed = await products(context).find_one_and_update(
            {"_id": key, "version": stored["version"]},
            change,
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        if changed is not None:
            await leave_addresses(context, session, [key], left)
            await _told(context, session, stored, changed, of_type)
        return changed

    try:
        return await context.storage.transaction(update)
    except TypeChangedError:
        return None
    except DuplicateKeyError as error:
        raise await taken(context, error, {**stored, **values}) from None


async def _told(
    context: Context,
    session: Session,
    before: Record | None,
    record: Record,
    of_type: Record | None,
) -> None:
    """Note in the transaction of a change what others go by."""
    await count_uses(context, session, before=pictures_of(before), after=pictures_of(record))
    if of_type is not None:
        await touch_type(context, of_type, session)
    await context.engine.outbox.add(session, catalog.products_saved, context, [str(record["_id"])])
