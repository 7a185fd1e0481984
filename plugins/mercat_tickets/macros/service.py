"""Macros: canned replies, kept by a name, that also change a ticket."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.errors import ConflictError, InvalidError, NotFoundError
from mercat.storage import Record, stored_now
from mercat.texts import line_of, text_of
from mercat_tickets.macros.documents import TicketMacroDocument
from mercat_tickets.macros.variables import check_variables, filled
from mercat_tickets.settings import TicketSettings
from mercat_tickets.tickets.acting import checked_team
from mercat_tickets.tickets.changing import Change, Entry, Request, change, seen
from mercat_tickets.tickets.opening import LONGEST_TEXT, checked_tags
from mercat_tickets.tickets.replying import check_has_room, state_entry
from mercat_tickets.tickets.sight import check_manages, is_staff
from mercat_tickets.tickets.states import check_takes_replies, check_transition, moments
from mercat_tickets.tickets.words import with_words, words_of

_LONGEST_NAME = 100
_MOST = 1_000


def macros(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(TicketMacroDocument)


async def all_macros(context: Context) -> list[Record]:
    """All of them by name. Raises UnauthenticatedError, ForbiddenError."""
    await check_manages(context)
    return await macros(context).find().sort("name", 1).to_list(_MOST)


async def macros_by_key(context: Context, keys: Sequence[str]) -> dict[str, Record]:
    """The macros of these keys, where the viewer may see them."""
    if not await is_staff(context):
        return {}
    wanted = [ObjectId(key) for key in keys if ObjectId.is_valid(key)]
    return {str(one["_id"]): one async for one in macros(context).find({"_id": {"$in": wanted}})}


async def create(context: Context, given: Mapping[str, Any]) -> Record:
    """Keep a macro. Raises InvalidError, ConflictError for a name that is taken."""
    await check_manages(context)
    now = stored_now()
    record = {
        **_new(),
        **_checked(given),
        "_id": ObjectId(),
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }
    _check_does_something(record)
    if await macros(context).estimated_document_count() >= _MOST:
        raise InvalidError(f"there are {_MOST} macros, which is the most")
    try:
        await macros(context).insert_one(record)
    except DuplicateKeyError:
        raise _taken() from None
    return record


async def update(context: Context, key: ObjectId, given: Mapping[str, Any]) -> Record:
    """Change a macro. Raises InvalidError, NotFoundError, ConflictError."""
    await check_manages(context)
    values = _checked(given)
    try:
        found: Record | None = await macros(context).find_one_and_update(
            {"_id": key},
            {"$set": {**values, "updated_at": stored_now()}, "$inc": {"version": 1}},
            return_document=ReturnDocument.AFTER,
        )
    except DuplicateKeyError:
        raise _taken() from None
    if found is None:
        raise _missing()
    return found


async def delete(context: Context, key: ObjectId) -> None:
    """Forget a macro. Raises NotFoundError."""
    await check_manages(context)
    done = await macros(context).delete_one({"_id": key})
    if not done.deleted_count:
        raise _missing()


async def apply(context: Context, ticket: ObjectId, macro: ObjectId, request: str | None) -> Record:
    """Do with a ticket what a macro says, all of it in one change; once for each key.

    Raises NotFoundError, ClosedError, TransitionError, ConflictError.
    """
    await check_manages(context, ticket)
    found, sight = await seen(context, ticket)
    wanted: Record | None = await macros(context).find_one({"_id": macro})
    if wanted is None:
        raise _missing()
    text = await filled(context, found, wanted["text"]) if wanted["text"] else ""
    days = context.settings(TicketSettings).reopen_days

    def decide(stored: Record, now: datetime) -> Change | None:
        check_takes_replies(stored, now, days)
        check_has_room(stored)
        entries, values = _written(stored, wanted, text)
        if not wanted["is_note"] and text and stored["first_replied_at"] is None:
            values["first_replied_at"] = now
        more = _changed(stored, wanted)
        if more:
            facts = {name: _shown(value) for name, value in more.items()}
            entries.append(Entry("UPDATED", is_internal=True, facts=facts))
        state = wanted["state"] or ("PENDING" if text and not wanted["is_note"] else None)
        if state is not None and state != stored["state"]:
            check_transition(stored, state, sight, now, days)
            entries.append(state_entry(stored["state"], state))
            values |= moments(stored, state, now)
        return Change(entries, {**values, **more}) if entries else None

    asked = Request(f"ticket macro {context.viewer.user}", request, [str(ticket), str(macro)])
    return await change(context, ticket, "STAFF", decide, asked)


def _written(ticket: Record, macro: Record, text: str) -> tuple[list[Entry], dict[str, Any]]:
    if not text:
        return [], {}
    facts = {"macro": macro["name"]}
    words = words_of(text)
    values = {"words": with_words(ticket["words"], words)}
    if macro["is_note"]:
        return [Entry("NOTE", is_internal=True, text=text, facts=facts)], values
    values["public_words"] = with_words(ticket["public_words"], words)
    return [Entry("MESSAGE", text=text)], values


def _changed(ticket: Record, macro: Record) -> dict[str, Any]:
    """What becomes of the rest; tags are added to those there are."""
    wanted = {name: macro[name] for name in ("priority", "team") if macro[name] is not None}
    tags = list(dict.fromkeys((*ticket["tags"], *macro["tags"])))
    return {
        name: value for name, value in {**wanted, "tags": tags}.items() if ticket[name] != value
    }


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _CHECKS[name](value) for name, value in given.items()}


def _check_does_something(record: Record) -> None:
    if not any(record[name] for name in ("text", "state", "priority", "team", "tags")):
        raise InvalidError("a macro has a text, or changes something", field=("text",))


def _new() -> dict[str, Any]:
    return {
        "text": "",
        "is_note": False,
        "state": None,
        "priority": None,
        "team": None,
        "tags": [],
    }


def _name(given: str) -> str:
    return line_of(given, ("name",), most=_LONGEST_NAME, least=1)


def _text(given: str) -> str:
    found = text_of(given, ("text",), most=LONGEST_TEXT)
    check_variables(found, ("text",))
    return found


def _as_given(given: Any) -> Any:
    return given


def _tags(given: Sequence[str]) -> list[str]:
    return checked_tags(given)


def _shown(value: object) -> str:
    return " ".join(value) if isinstance(value, list) else str(value)


def _taken() -> ConflictError:
    return ConflictError("another one has this name", field=("name",))


def _missing() -> NotFoundError:
    return NotFoundError("there is no such macro", field=("macroId",))


_CHECKS: Mapping[str, Any] = {
    "name": _name,
    "text": _text,
    "is_note": bool,
    "state": _as_given,
    "priority": _as_given,
    "team": checked_team,
    "tags": _tags,
}
