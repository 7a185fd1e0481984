"""Telling subscribers in every process that an order changed; they read its timeline."""

from collections.abc import AsyncGenerator

from bson import ObjectId

from mercat import telling
from mercat.context import Context
from mercat.storage import Record
from mercat.telling import tell

PLACED = "placed"
"""Where every order is told of that is placed."""


async def publish(context: Context, order: ObjectId) -> None:
    """Say that this order changed."""
    await tell(context, [channel_of(context, str(order))])


async def publish_placed(context: Context, order: Record) -> None:
    """Say that this order was placed, to its sellers too."""
    sellers = [of_seller(part["seller"]) for part in order["seller_orders"]]
    about = (str(order["_id"]), PLACED, *sellers)
    await tell(context, [channel_of(context, one) for one in about])


def of_seller(seller: str | None) -> str:
    """Where a seller is told of orders that are placed; None is the shop itself."""
    return f"of:{seller or ''}"


def follow(context: Context, about: str) -> AsyncGenerator[None, None]:
    """When to look at what is followed: as `mercat.telling.follow` says."""
    return telling.follow(context, channel_of(context, about))


def channel_of(context: Context, about: str) -> str:
    """The channel of what is told: of an order, by its key, or of orders that are placed."""
    return f"mercat:{context.storage.database.name}:order:{about}"
