"""Keeping the viewer's address book: at most fifty entries, at most one of them the default."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument

from mercat.context import Context
from mercat.errors import ConflictError, InvalidError, NotFoundError
from mercat.storage import Record
from mercat.texts import line_of
from mercat_auth.accounts.book.countries import CODES
from mercat_auth.accounts.service import users, viewers_account
from mercat_auth.errors import TooManyError

MOST = 50
_MOST_LINES = 4
_LONGEST = {"name": 100, "company": 100, "city": 100, "region": 100, "postal_code": 20, "phone": 40}
_LONGEST_LINE = 100
_NEEDED = ("name", "city")
_FIELDS = {"postal_code": "postalCode"}
_TRIES = 10


async def add(context: Context, values: Mapping[str, Any]) -> tuple[Record, Record]:
    """Add an entry; the account and the entry. The first one is the default.

    Raises UnauthenticatedError, InvalidError, TooManyError, ConflictError.
    """
    entry = {"id": ObjectId(), **_checked(values)}

    def work(book: list[Record]) -> list[Record]:
        if len(book) >= MOST:
            raise TooManyError(f"an address book has at most {MOST} entries")
        return _ordered([*book, {**entry, "is_default": entry["is_default"] or not book}], entry)

    return await _change(context, work, entry["id"])


async def update(
    context: Context, key: ObjectId, values: Mapping[str, Any]
) -> tuple[Record, Record]:
    """Change an entry of the viewer; what `values` leaves out stays.

    Raises UnauthenticatedError, InvalidError, NotFoundError, ConflictError.
    """
    checked = _checked(values, is_whole=False)

    def work(book: list[Record]) -> list[Record]:
        _entry(book, key)
        changed = [{**each, **checked} if each["id"] == key else each for each in book]
        return _ordered(changed, {"id": key, "is_default": checked.get("is_default", False)})

    return await _change(context, work, key)


async def remove(context: Context, key: ObjectId) -> Record:
    """Remove an entry of the viewer. Raises UnauthenticatedError, NotFoundError, ConflictError."""

    def work(book: list[Record]) -> list[Record]:
        _entry(book, key)
        return [each for each in book if each["id"] != key]

    user, _ = await _change(context, work, None)
    return user


async def _change(
    context: Context, work: Callable[[list[Record]], list[Record]], key: ObjectId | None
) -> tuple[Record, Record]:
    """Make another book of the one that is there, unless somebody else does at the same time."""
    for _ in range(_TRIES):
        user = await viewers_account(context)
        changed: Record | None = await users(context).find_one_and_update(
            {"_id": user["_id"], "version": user["version"]},
            {
                "$set": {"addresses": work(user["addresses"]), "updated_at": datetime.now(UTC)},
                "$inc": {"version": 1},
            },
            return_document=ReturnDocument.AFTER,
        )
        if changed is not None:
            return changed, _entry(changed["addresses"], key) if key else {}
    raise ConflictError("the address book is being changed elsewhere; try again")


def _entry(book: Sequence[Record], key: ObjectId) -> Record:
    for each in book:
        if each["id"] == key:
            return each
    raise NotFoundError("there is no such address", field=("id",))


def _ordered(book: list[Record], entry: Mapping[str, Any]) -> list[Record]:
    """The book with `entry` as its only default, where it is to be that."""
    if not entry["is_default"]:
        return book
    return [{**each, "is_default": each["id"] == entry["id"]} for each in book]


def _checked(values: Mapping[str, Any], *, is_whole: bool = True) -> Record:
    """The values as they are stored. Raises InvalidError, which names the value."""
    found: Record = {}
    for name, most in _LONGEST.items():
        if is_whole or name in values:
            least = 1 if name in _NEEDED else 0
            field = (_FIELDS.get(name, name),)
            found[name] = line_of(values.get(name) or "", field, most=most, least=least)
    if is_whole or "lines" in values:
        found["lines"] = _lines(values.get("lines") or ())
    if is_whole or "country" in values:
        found["country"] = _country(values.get("country"))
    if is_whole or values.get("is_default") is not None:
        found["is_default"] = bool(values.get("is_default"))
    return found


def _lines(lines: Sequence[str]) -> list[str]:
    if not 0 < len(lines) <= _MOST_LINES:
        raise InvalidError(f"an address has 1 to {_MOST_LINES} lines", field=("lines",))
    return [
        line_of(line, ("lines", str(i)), most=_LONGEST_LINE, least=1)
        for i, line in enumerate(lines)
    ]


def _country(code: str | None) -> str:
    if code not in CODES:
        raise InvalidError("this is not an ISO 3166-1 country code", field=("country",))
    return str(code)
