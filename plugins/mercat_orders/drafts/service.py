"""Draft orders: carts with prices of their own, which their buyers pay by a link."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from pymongo.asynchronous.collection import AsyncCollection

from mercat.auth import Subject, check_allowed
from mercat.context import Context
from mercat.errors import ConflictError, InvalidError, NotFoundError
from mercat.ids import encode_id
from mercat.storage import Record, Session
from mercat.storage.pages import Page, PageRequest, find_page, known_highest, reserve_numbers
from mercat.texts import line_of
from mercat_orders.carts.access import carts
from mercat_orders.carts.buyers import address_values, buyer_values
from mercat_orders.carts.editing import made
from mercat_orders.carts.lines import NewLine
from mercat_orders.carts.shelves import Shelf
from mercat_orders.checkout.completing import Progress, complete
from mercat_orders.checkout.wanting import Agreement, Completion, Request
from mercat_orders.drafts.documents import COUNTER, DraftOrderDocument
from mercat_orders.errors import TooManyError
from mercat_orders.permissions import MANAGE
from mercat_orders.settings import OrderSettings
from mercat_orders.tokens import random_key

_LONGEST_NOTE = 2_000
_MOST_DAYS = 365
_ANYTHING = 2**62


@dataclass(frozen=True, slots=True)
class NewDraft:
    """What staff prepare. `prices` are unit prices by the place of the line, in minor units."""

    lines: Sequence[NewLine]
    currency: str | None
    country: str | None
    buyer: Mapping[str, str | None]
    addresses: Mapping[str, Mapping[str, Any] | None]
    ways: Mapping[str | None, str]
    prices: Mapping[int, int]
    discounts: Sequence[Mapping[str, Any]]
    note: str = ""
    days: int = 30


async def create(context: Context, given: NewDraft) -> Record:
    """A new cart that whoever has its link can pay. Raises as the mutations of carts do."""
    await _check(context)
    if not 1 <= given.days <= _MOST_DAYS:
        raise InvalidError(f"it is kept for 1 to {_MOST_DAYS} days", field=("days",))
    note = line_of(given.note, ("note",), most=_LONGEST_NOTE)
    record = await _cart(context, given)
    (number,) = await reserve_numbers(context.storage, COUNTER, 1)
    draft = {
        "_id": record["_id"],
        "number": number,
        "by": context.viewer.user,
        "note": note,
        "created_at": record["created_at"],
    }

    async def work(session: Session) -> None:
        await carts(context).insert_one(record, session=session)
        await drafts(context).insert_one(draft, session=session)

    await context.storage.transaction(work)
    return record


async def _cart(context: Context, given: NewDraft) -> Record:
    most = context.settings(OrderSettings).max_lines
    if len(given.lines) > most:
        raise TooManyError(f"a cart has at most {most} lines", field=("lines",))
    record = await made(context, random_key(), given.currency, given.country, ())
    shelf, lines = Shelf(), list[Record]()
    await shelf.offers(context, [{"variant": one.variant} for one in given.lines])
    for one in given.lines:  # one by one, as each may have a price of its own
        alone = await made(
            context, record["_id"], record["currency"], record["country"], [one], shelf
        )
        lines += alone["lines"]
    prices = {str(lines[at]["id"]): price for at, price in given.prices.items()}
    record |= {
        "user": None,
        "guest": None,
        "lines": lines,
        "draft": {"prices": prices, "discounts": list(given.discounts)},
        "ways": [{"seller": seller, "option": way} for seller, way in given.ways.items()],
        "expires_at": datetime.now(UTC) + timedelta(days=given.days),
        **await buyer_values(context, given.buyer),
        **await address_values(context, given.addresses),
    }
    return record


async def complete_draft(
    context: Context, cart: str, agreement: Agreement, method: str | None, request: Request | None
) -> Progress:
    """Order a draft for its buyer. Raises NotFoundError, and as `complete` does."""
    await _find(context, cart)
    wanted = Completion(
        agreement=agreement if agreement.is_given else await _any(context, cart),
        method=method,
        takes_cheapest=not agreement.is_given,
        on_behalf=True,
        request=request,
    )
    return await complete(context, cart, wanted)


async def delete(context: Context, cart: str) -> None:
    """Take a draft back, with its link. Raises NotFoundError, ConflictError for an order."""
    await _find(context, cart)

    async def work(session: Session) -> bool:
        gone = await carts(context).delete_one({"_id": cart, "state": "OPEN"}, session=session)
        there = await carts(context).find_one({"_id": cart}, {"_id": 1}, session=session)
        if gone.deleted_count or there is None:
            await drafts(context).delete_one({"_id": cart}, session=session)
        return there is None

    if not await context.storage.transaction(work):
        raise ConflictError("this is an order already, or being paid", field=("cartId",))


async def page(context: Context, request: PageRequest) -> Page:
    """The drafts, the newest first; those whose cart is gone are there, too."""
    await _check(context)
    highest = await known_highest(context.storage, COUNTER)
    return await find_page(drafts(context), {}, request, newest_first=True, highest=highest)


async def count(context: Context) -> int:
    """How many drafts there are."""
    return await drafts(context).count_documents({})


async def carts_of(context: Context, keys: Sequence[str]) -> dict[str, Record]:
    """The carts of drafts by their keys."""
    return {
        record["_id"]: record async for record in carts(context).find({"_id": {"$in": list(keys)}})
    }


def payment_url(context: Context, cart: str) -> str | None:
    """Where the buyer pays a draft; None where the settings don't say."""
    address = context.settings(OrderSettings).payment_url
    return None if address is None else address.replace("{cart}", quote(encode_id("Cart", cart)))


def drafts(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(DraftOrderDocument)


async def _find(context: Context, cart: str) -> Record:
    await _check(context)
    found = await drafts(context).find_one({"_id": cart})
    if found is None:
        raise NotFoundError("there is no such draft", field=("cartId",))
    return found


async def _check(context: Context) -> None:
    await check_allowed(context, MANAGE, Subject("order"))


async def _any(context: Context, cart: str) -> Agreement:
    found = await carts(context).find_one({"_id": cart}, {"currency": 1})
    return Agreement(most=_ANYTHING, currency=found["currency"] if found else None)
