"""Filters of tickets that staff keeps by a name."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.errors import ConflictError, InvalidError, NotFoundError
from mercat.storage import Record, stored_now
from mercat.texts import line_of
from mercat_tickets.tickets.reading import Wanted, condition_of
from mercat_tickets.tickets.sight import check_manages, is_staff
from mercat_tickets.views.documents import TicketViewDocument

_LONGEST_NAME = 100
_MOST = 100


def views(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(TicketViewDocument)


async def own_views(context: Context) -> list[Record]:
    """The viewer's own and everybody's, by name. Raises UnauthenticatedError, ForbiddenError."""
    await check_manages(context)
    found = await views(context).find(_seen(context)).sort("name", 1).to_list(2 * _MOST)
    return list(found)


async def views_by_key(context: Context, keys: Sequence[str]) -> dict[str, Record]:
    """The views of these keys, where they are the viewer's or everybody's."""
    if not await is_staff(context):
        return {}
    wanted = [ObjectId(key) for key in keys if ObjectId.is_valid(key)]
    found = views(context).find({"_id": {"$in": wanted}, **_seen(context)})
    return {str(one["_id"]): one async for one in found}


async def save(context: Context, name: str, wanted: Wanted, *, is_shared: bool) -> Record:
    """Keep a filter, for oneself or for everybody. Raises InvalidError, ConflictError."""
    await check_manages(context)
    await condition_of(context, wanted)  # says what can't be looked for
    user = None if is_shared else context.viewer.user
    record = {
        "_id": ObjectId(),
        "name": line_of(name, ("name",), most=_LONGEST_NAME, least=1),
        "user": user,
        "filter": _stored(wanted),
        "created_at": stored_now(),
    }
    if await views(context).count_documents({"user": user}) >= _MOST:
        raise InvalidError(f"there are {_MOST} views, which is the most", field=("name",))
    try:
        await views(context).insert_one(record)
    except DuplicateKeyError:
        raise ConflictError("another one has this name", field=("name",)) from None
    return record


async def delete(context: Context, key: ObjectId) -> None:
    """Forget a view of one's own, or of everybody's. Raises NotFoundError."""
    await check_manages(context)
    done = await views(context).delete_one({"_id": key, **_seen(context)})
    if not done.deleted_count:
        raise NotFoundError("there is no such view", field=("id",))


def wanted_of(view: Record) -> Wanted:
    """What a view looks for."""
    return Wanted(**view["filter"])


def _seen(context: Context) -> dict[str, Any]:
    return {"user": {"$in": [None, context.viewer.user]}}


def _stored(wanted: Wanted) -> dict[str, Any]:
    return {name: value for name, value in asdict(wanted).items() if value not in (None, False)}
