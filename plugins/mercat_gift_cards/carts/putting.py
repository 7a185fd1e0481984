"""Putting gift cards into carts and taking them out, and looking up what is on one."""

from collections.abc import Mapping
from typing import Any

from mercat.codes import key_of
from mercat.context import Context
from mercat.errors import NotFoundError
from mercat.guessing import begin_try, forgive_try
from mercat.storage import Record, stored_now
from mercat.storage.encryption import encryption_of
from mercat_gift_cards.cards.ledger import cards
from mercat_gift_cards.cards.usable import refusal
from mercat_gift_cards.carts.tenders import NAME, kept
from mercat_gift_cards.errors import NotUsableError, TooManyCardsError
from mercat_gift_cards.settings import GiftCardSettings
from mercat_orders.carts.access import find_cart
from mercat_orders.carts.editing import change

_TRIES = "gift_cards"
_UNKNOWN = "this gift card can't be used here"


async def apply(context: Context, cart: str, code: str) -> Record:
    """Put a gift card into a cart; it stays until it is taken out, whatever becomes of it.

    Raises NotFoundError, RateLimitedError, NotUsableError, TooManyCardsError, ConflictError.
    """
    most = context.settings(GiftCardSettings).max_cards
    await find_cart(context, cart)
    card = await look_up(context, code)
    if card is None:
        raise NotUsableError(_UNKNOWN, field=("code",))
    key = str(card["_id"])

    async def edit(record: Record) -> Mapping[str, Any]:
        now = await cards(context).find_one({"_id": card["_id"]}) or card
        if (why := refusal(now, record["currency"], stored_now())) is not None:
            raise NotUsableError(why, field=("code",))
        keys = kept(_data(record))
        if key not in keys and len(keys) >= most:
            raise TooManyCardsError(f"a cart has {most} gift cards at most", field=("code",))
        return _keeping(record, keys if key in keys else [*keys, key])

    return await change(context, cart, edit)


async def remove(context: Context, cart: str, key: str) -> Record:
    """Take a gift card, by its key, out of a cart. Raises NotFoundError, ConflictError."""

    async def edit(record: Record) -> Mapping[str, Any]:
        keys = kept(_data(record))
        if key not in keys:
            raise NotFoundError("there is no such gift card in the cart", field=("giftCardId",))
        return _keeping(record, [one for one in keys if one != key])

    return await change(context, cart, edit)


async def look_up(context: Context, code: str) -> Record | None:
    """The gift card of a code; whoever asks for too many that there aren't has to wait.

    Raises RateLimitedError.
    """
    await begin_try(context, _TRIES, context.settings(GiftCardSettings).wrong_codes)
    key = key_of(code)
    if key is None:
        return None
    digest = encryption_of(context).digest(key)
    found: Record | None = await cards(context).find_one({"digest": digest})
    if found is not None:
        await forgive_try(context, _TRIES)
    return found


def _data(record: Record) -> Mapping[str, Any]:
    return record.get("plugin_data") or {}


def _keeping(record: Record, keys: list[str]) -> dict[str, Any]:
    return {"plugin_data": {**_data(record), NAME: keys}}
