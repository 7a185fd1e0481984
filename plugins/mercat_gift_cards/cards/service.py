"""Issuing gift cards and looking after them; who may is decided here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument

from mercat.auth import Subject, allowed, check_allowed
from mercat.codes import key_of, random_code
from mercat.context import Context
from mercat.errors import InvalidError, NotFoundError, StaleError
from mercat.money import Amount
from mercat.storage import Record, Session, stored_now
from mercat.storage.encryption import encryption_of
from mercat.storage.idempotency import checked_key, idempotent
from mercat.storage.pages import Page, PageRequest, find_page, known_highest, next_number
from mercat.texts import line_of
from mercat_gift_cards.cards.ledger import Movement, cards, entries, entry_of, move
from mercat_gift_cards.cards.usable import shortage
from mercat_gift_cards.documents import State
from mercat_gift_cards.errors import BalanceError
from mercat_gift_cards.permissions import MANAGE

COUNTER = "gift_cards"
"""What counts the numbers of cards."""

_RANDOM = 16
_LAST = 4
_LONGEST_NOTE = 500
_SUBJECT = Subject("GiftCard")


@dataclass(frozen=True, slots=True)
class Issue:
    """A card that is to be: what is on it, until when it is good, and a word for staff."""

    money: Amount
    expires_at: datetime | None = None
    note: str = ""


async def issue(context: Context, wanted: Issue, request: str | None) -> tuple[Record, str]:
    """Make a card with so much on it, once for each idempotency key: the card, and its code.

    Raises InvalidError, ConflictError for a key that came with something else.
    """
    await check_manages(context)
    key = checked_key(request)
    _check_sum(wanted.money.minor)
    note, expires_at = _note(wanted.note), _expiry(wanted.expires_at)
    card = await _new_card(context, wanted.money, expires_at, note)

    async def work(session: Session) -> Record:
        await cards(context).insert_one(card, session=session)
        movement = Movement(f"issue:{card['_id']}", card["_id"], "ISSUED", card["initial"], {})
        entry = {**entry_of(card, movement, card["created_at"]), "who": _who(context)}
        await entries(context).insert_one(entry, session=session)
        return {"card": str(card["_id"])}

    asked = [wanted.money.minor, wanted.money.currency, str(expires_at), note]
    scope = f"gift card {_who(context)}"
    done = await idempotent(context.storage, scope=scope, key=key, request=asked, work=work)
    found = await _card(context, ObjectId(done["card"]))
    return found, str(await encryption_of(context).unseal(found["code"]))


async def adjust(
    context: Context, key: ObjectId, money: Amount, reason: str, request: str | None
) -> Record:
    """Put something on a card, or take it off where the sum is below zero; once for each key.

    Raises InvalidError, NotFoundError, BalanceError, ConflictError.
    """
    await check_manages(context)
    request = checked_key(request)
    words = line_of(reason, ("reason",), most=_LONGEST_NOTE, least=1)
    card = await _card(context, key)
    if money.currency != card["currency"]:
        raise InvalidError(f"this card is in {card['currency']}", field=("amount", "currency"))
    _check_sum(abs(money.minor))
    entry = f"adjust:{ObjectId()}"
    more = {"reason": words, "who": _who(context)}
    movement = Movement(entry, key, "ADJUSTED", money.minor, more)

    async def work(session: Session) -> Record:
        enough = {"balance": {"$gte": max(0, -money.minor)}}
        if await move(context, session, movement, enough, stored_now()) is None:
            raise BalanceError(shortage(await _card(context, key)), field=("amount",))
        return {"entry": entry}

    asked = [str(key), money.minor, words]
    scope = f"gift card adjustment {_who(context)}"
    await idempotent(context.storage, scope=scope, key=request, request=asked, work=work)
    return await _card(context, key)


async def update(
    context: Context, key: ObjectId, version: int | None, given: Mapping[str, Any]
) -> Record:
    """Change `expires_at` and `note`. Raises InvalidError, NotFoundError, StaleError."""
    checks: dict[str, Callable[[Any], Any]] = {"expires_at": _expiry, "note": _note}
    values = {name: checks[name](value) for name, value in given.items()}
    return await _change(context, key, version, values)


async def switch(context: Context, key: ObjectId, state: State) -> Record:
    """Switch a card on or off; what is on it stays. Raises NotFoundError."""
    return await _change(context, key, None, {"state": state})


async def page(context: Context, request: PageRequest, last: str | None) -> Page:
    """A page of all cards, the newest first, or of those whose codes end so.

    Raises UnauthenticatedError, ForbiddenError.
    """
    await check_manages(context)
    highest = await known_highest(context.storage, COUNTER)
    return await find_page(
        cards(context), _ending(last), request, newest_first=True, highest=highest
    )


async def count(context: Context, last: str | None) -> int:
    """How many there are. Raises UnauthenticatedError, ForbiddenError."""
    await check_manages(context)
    return await cards(context).count_documents(_ending(last))


async def cards_by_key(context: Context, keys: Sequence[str]) -> dict[str, Record]:
    """The cards of these keys, where the viewer looks after cards."""
    if not await allowed(context, MANAGE, _SUBJECT):
        return {}
    wanted = [ObjectId(key) for key in keys if ObjectId.is_valid(key)]
    found = cards(context).find({"_id": {"$in": wanted}})
    return {str(one["_id"]): one async for one in found}


async def check_manages(context: Context) -> None:
    """Raise UnauthenticatedError or ForbiddenError for who doesn't look after gift cards."""
    await check_allowed(context, MANAGE, _SUBJECT)


async def _new_card(
    context: Context, money: Amount, expires_at: datetime | None, note: str
) -> Record:
    code, now, encryption = random_code("", _RANDOM), stored_now(), encryption_of(context)
    return {
        "_id": ObjectId(),
        "number": await next_number(context.storage, COUNTER),
        "digest": encryption.digest(key_of(code) or code),
        "code": await encryption.seal(code),
        "last": code[-_LAST:],
        "currency": money.currency,
        "initial": money.minor,
        "balance": money.minor,
        "state": "ACTIVE",
        "expires_at": expires_at,
        "note": note,
        "issued_by": _who(context),
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }


async def _change(
    context: Context, key: ObjectId, version: int | None, values: Mapping[str, Any]
) -> Record:
    await check_manages(context)
    wanted = {"_id": key} if version is None else {"_id": key, "version": version}
    changed: Record | None = await cards(context).find_one_and_update(
        wanted,
        {"$set": {**values, "updated_at": stored_now()}, "$inc": {"version": 1}},
        return_document=ReturnDocument.AFTER,
    )
    if changed is not None:
        return changed
    await _card(context, key)
    raise StaleError("somebody else changed the gift card; read it again", field=("version",))


async def _card(context: Context, key: ObjectId) -> Record:
    found: Record | None = await cards(context).find_one({"_id": key})
    if found is None:
        raise NotFoundError("there is no such gift card", field=("id",))
    return found


def _ending(last: str | None) -> dict[str, Any]:
    return {} if last is None else {"last": last.strip().upper()}


def _check_sum(minor: int) -> None:
    if minor <= 0:
        raise InvalidError("this is more than nothing", field=("amount",))


def _note(given: str | None) -> str:
    return line_of(given or "", ("note",), most=_LONGEST_NOTE)


def _expiry(given: datetime | None) -> datetime | None:
    if given is None:
        return None
    if given.tzinfo is None:
        raise InvalidError("say with an offset when it expires", field=("expiresAt",))
    if given <= stored_now():
        raise InvalidError("this is in the past", field=("expiresAt",))
    return given


def _who(context: Context) -> str:
    return context.viewer.user or context.viewer.role
