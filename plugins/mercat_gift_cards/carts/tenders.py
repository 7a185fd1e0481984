"""What a cart is paid with of its gift cards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bson import ObjectId

from mercat.checkout import Cart, Tender
from mercat.context import Context
from mercat.storage import Record, stored_now
from mercat_gift_cards.cards.ledger import cards
from mercat_gift_cards.cards.usable import refusal
from mercat_gift_cards.provider import method_of

NAME = "gift_cards"
"""What carts keep them under; see `Cart.plugin_data`."""


@dataclass(frozen=True, slots=True)
class Used:
    """A card of a cart, how much of it pays, in minor units, and why it doesn't."""

    card: Record
    amount: int
    why: str | None = None


async def tenders(context: Context, cart: Cart, total: int) -> Sequence[Tender]:
    """The cards of a cart in the order in which they were put there, as far as they are needed."""
    found = await used(context, cart.plugin_data, cart.currency, total)
    return [Tender(method_of(one.card["_id"]), one.amount) for one in found if one.amount]


async def used(
    context: Context, plugin_data: Mapping[str, Any], currency: str, total: int
) -> list[Used]:
    """The cards of a cart, with what each pays of its total; without cards nobody is asked."""
    found, left, now = [], total, stored_now()
    for card in await _cards_in(context, plugin_data):
        why = refusal(card, currency, now)
        amount = 0 if why else min(card["balance"], left)
        found.append(Used(card, amount, why))
        left -= amount
    return found


def kept(plugin_data: Mapping[str, Any]) -> list[str]:
    """The hexadecimal keys of the cards in a cart."""
    return list(plugin_data.get(NAME) or ())


async def _cards_in(context: Context, plugin_data: Mapping[str, Any]) -> list[Record]:
    keys = [ObjectId(key) for key in kept(plugin_data)]
    if not keys:
        return []
    found = {one["_id"]: one async for one in cards(context).find({"_id": {"$in": keys}})}
    return [found[key] for key in keys if key in found]
