"""How orders are followed."""

# mypy: allow-untyped-decorators

import contextlib
from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry

from mercat.graphql.context import Info
from mercat.graphql.extend import Subscription, extend
from mercat.ids import decode_id, object_id
from mercat_orders.orders.streams import placings, watching
from mercat_orders.orders.streams.cursors import read_place, write_place
from mercat_orders.orders.streams.watching import Followed
from mercat_orders.orders.types.events import OrderEvent, entry_number, to_event
from mercat_orders.orders.types.orders import SellerOrder, to_seller_order

_PART = "SellerOrder"


@extend(Subscription)
class OrderSubscription:
    @strawberry.subscription(
        description="What happens to an order, or to a seller's part of one: all of it in order,"
        " each once."
    )
    @staticmethod
    async def order_updated(
        info: Info,
        id: Annotated[  # noqa: A002
            strawberry.ID, strawberry.argument(description="The id of the order, or of the part.")
        ],
        secret: Annotated[
            str | None,
            strawberry.argument(description="What its confirmation has, for who isn't signed in."),
        ] = None,
        since: Annotated[
            str | None,
            strawberry.argument(
                description="The cursor of the last event that is known: what came after it is"
                " told first. Without it only what happens from now on."
            ),
        ] = None,
    ) -> AsyncGenerator[OrderEvent, None]:
        wanted = _followed(id, secret)
        found = await watching.followed(info.context, wanted)
        key, last = found["_id"], entry_number(found["_id"], since)
        if last is None:
            last = len(found["timeline"])
        news = watching.entries_after(info.context, wanted, key, last)
        async with contextlib.aclosing(news):
            async for record, sight, entry in news:
                yield to_event(record, sight, entry)

    @strawberry.subscription(
        description="The viewer's seller's parts of orders that are placed, with `orders.read`"
        " everybody's; each once. Needs `orders.sell`."
    )
    @staticmethod
    async def seller_order_placed(
        info: Info,
        since: Annotated[
            str | None,
            strawberry.argument(
                description="The `cursor` of the last one that is known: what was placed since is"
                " told first. Without it only what is placed from now on."
            ),
        ] = None,
    ) -> AsyncGenerator[SellerOrder, None]:
        seller, place = await placings.start(info.context)
        if since is not None:
            place = read_place(seller, since)
        async with contextlib.aclosing(placings.placings(info.context, seller, place)) as news:
            async for record, part in news:
                yield to_seller_order(record, part, cursor=write_place(seller, place))


def _followed(given: strawberry.ID, secret: str | None) -> Followed:
    is_part = decode_id(given)[0] == _PART
    return Followed(object_id(given, _PART if is_part else "Order", ("id",)), is_part, secret)
