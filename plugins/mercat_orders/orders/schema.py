"""How orders are asked for."""

from typing import Annotated

import strawberry

from mercat.errors import InvalidError
from mercat.graphql.connections import (
    After,
    Before,
    Connection,
    First,
    Last,
    connection,
    page_request,
)
from mercat.graphql.context import Info
from mercat.graphql.extend import Query, extend
from mercat.graphql.records import wanted_keys
from mercat.ids import key_of, object_id
from mercat_orders.orders import reading
from mercat_orders.orders.inputs import OrderFilter, SellerOrderFilter
from mercat_orders.orders.reading import PartsWanted, Wanted
from mercat_orders.orders.types.orders import Order, SellerOrder, to_order, to_seller_order
from mercat_orders.orders.types.states import OrderState

_ORDERS = "orders"
_PARTS = "sellerOrders"


@extend(Query)
class OrderQuery:
    @strawberry.field(
        description="An order, by its id or its number, for its buyer, for staff, and for whoever"
        " has its secret; null where there is none."
    )
    @staticmethod
    async def order(
        info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Its id.")] = None,  # noqa: A002
        number: Annotated[str | None, strawberry.argument(description="Its number.")] = None,
        secret: Annotated[
            str | None,
            strawberry.argument(description="What its confirmation has, for who isn't signed in."),
        ] = None,
    ) -> Order | None:
        if (id is None) == (number is None):
            raise InvalidError("give either `id` or `number`")
        key = None if id is None else object_id(id, "Order")
        found = await reading.find_order(info.context, key=key, code=number, secret=secret)
        return None if found is None else to_order(found)

    @strawberry.field(
        description="The viewer's orders, with `orders.read` everybody's; the newest first."
    )
    @staticmethod
    async def orders(
        info: Info,
        filter: Annotated[  # noqa: A002
            OrderFilter | None, strawberry.argument(description="Which ones.")
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Order]:
        context, wanted = info.context, _wanted(filter)
        request = page_request(_ORDERS, first, after, last, before)
        page = await reading.order_page(context, wanted, request, wanted_keys(info, Order))

        async def count() -> int:
            return await reading.count_orders(context, wanted)

        return connection(_ORDERS, page, [to_order(one) for one in page.records], count)

    @strawberry.field(
        description="The parts of orders that are the viewer's seller's, with `orders.read`"
        " everybody's; the newest first. Needs `orders.sell`."
    )
    @staticmethod
    async def seller_orders(
        info: Info,
        filter: Annotated[  # noqa: A002
            SellerOrderFilter | None, strawberry.argument(description="Which ones.")
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[SellerOrder]:
        context, wanted = info.context, _parts_wanted(filter)
        request = page_request(_PARTS, first, after, last, before)
        page = await reading.part_page(context, wanted, request)

        async def count() -> int:
            return await reading.count_parts(context, wanted)

        nodes = [to_seller_order(one["order"], one["part"]) for one in page.records]
        return connection(_PARTS, page, nodes, count)


def _wanted(given: OrderFilter | None) -> Wanted:
    if given is None:
        return Wanted()
    return Wanted(
        states=_states(given.states),
        placed_from=given.placed_from,
        placed_to=given.placed_to,
        code=given.number,
        email=given.email,
        user=_key(given.customer_id, "User", "customerId"),
        seller=_key(given.seller_id, "Seller", "sellerId"),
    )


def _parts_wanted(given: SellerOrderFilter | None) -> PartsWanted:
    if given is None:
        return PartsWanted()
    return PartsWanted(_states(given.states), _key(given.seller_id, "Seller", "sellerId"))


def _states(given: list[OrderState] | None) -> list[str] | None:
    return None if given is None else [state.name for state in given]


def _key(given: strawberry.ID | None, kind: str, name: str) -> str | None:
    return None if given is None else key_of(given, kind, ("filter", name))
