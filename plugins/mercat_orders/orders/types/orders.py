"""What orders look like."""

# mypy: allow-untyped-decorators

from collections.abc import Sequence
from datetime import datetime
from typing import Self

import strawberry

from mercat.graphql.batching import batched
from mercat.graphql.connections import After, Connection, First, ListWindow
from mercat.graphql.context import Info
from mercat.graphql.extend import extend
from mercat.graphql.records import reads, stored
from mercat.graphql.scalars import URL, CurrencyCode
from mercat.graphql.schema import Money, Node
from mercat.ids import id_encoder
from mercat.storage import Record
from mercat_orders.orders import reading, sight
from mercat_orders.orders.access import status_url
from mercat_orders.orders.money import current
from mercat_orders.orders.sight import Sight
from mercat_orders.orders.sums import order_totals, part_totals
from mercat_orders.orders.types.events import OrderEvent, to_event
from mercat_orders.orders.types.lines import Fulfilment, OrderLine, to_fulfilments, to_lines
from mercat_orders.orders.types.personal import (
    OrderBuyer,
    billing_addresses,
    shipping_addresses,
)
from mercat_orders.orders.types.states import OrderPaymentState, OrderState, to_payment_state
from mercat_orders.pricing.schema import Totals, seller_id

_TIMELINE = "orderTimeline"
_ADDRESS = "Where it is delivered to; null once it is erased."


def _timeline(
    record: Record, seen: Sight, entries: Sequence[Record], window: ListWindow
) -> Connection[OrderEvent]:
    return window.connection(entries, lambda entry: to_event(record, seen, entry))


async def _commissions(parts: "Sequence[SellerOrder]", info: Info) -> list[Money | None]:
    return [
        Money.of(part.record["commission"], part.whole["currency"])
        if await _sees_commission(info, part)
        else None
        for part in parts
    ]


async def _sees_commission(info: Info, part: "SellerOrder") -> bool:
    context, record = info.context, part.whole
    if await sight.sells(context, record, part.record["seller"]):
        return True
    return await sight.is_staff(context, record)


async def _part_timelines(
    parts: "Sequence[SellerOrder]", info: Info, first: First = None, after: After = None
) -> list[Connection[OrderEvent]]:
    window = ListWindow.of(_TIMELINE, first, after)
    found = []
    for part in parts:
        seen = await _sight_of(info, part)
        entries = sight.entries(part.whole, seen)
        mine = [entry for entry in entries if sight.is_about(entry, part.record["id"])]
        found.append(_timeline(part.whole, seen, mine, window))
    return found


async def _sight_of(info: Info, part: "SellerOrder") -> Sight:
    seen = await sight.sight_of(info.context, part.whole) or Sight()
    if part.is_whole and not seen.is_whole:  # by the secret, which isn't known here
        return Sight(is_buyer=True, seller=seen.seller)
    return seen


@strawberry.type(description="The part of an order that is one seller's.")
class SellerOrder(Node):
    id: strawberry.ID = stored(
        "id", "Opaque, and unique in the whole shop.", convert=id_encoder("SellerOrder")
    )
    state: OrderState = stored("state", "How far it is.", convert=OrderState)
    seller_id: strawberry.ID | None = stored(
        "seller", "The id of the seller; null for the shop itself.", convert=seller_id
    )
    shipping_address = batched(_ADDRESS, shipping_addresses)
    commission = batched(
        "What the shop keeps of it; null except for staff and the seller.", _commissions
    )
    timeline = batched(
        "What happened to it, and to the whole order, the first thing first.", _part_timelines
    )
    cursor: str | None = strawberry.field(
        default=None, description="In `sellerOrderPlaced`: goes into `since`. Null elsewhere."
    )
    record: strawberry.Private[Record]
    whole: strawberry.Private[Record]
    is_whole: strawberry.Private[bool] = False

    @strawberry.field(description="The order's number.")
    def number(self) -> str:
        return str(self.whole["code"])

    @strawberry.field(description="When the order was placed.")
    def placed_at(self) -> datetime:
        placed: datetime = self.whole["placed_at"]
        return placed

    @strawberry.field(description="Whether prices have the taxes in them.")
    def tax_included(self) -> bool:
        return bool(self.whole["tax_included"])

    @strawberry.field(description="What was bought of the seller.")
    def lines(self) -> list[OrderLine]:
        return to_lines(self.whole, self.record)

    @strawberry.field(description="What that came to, with its delivery.")
    def totals(self) -> Totals:
        return part_totals(self.whole, self.record)

    @strawberry.field(description="Its parcels.")
    def fulfilments(self) -> list[Fulfilment]:
        return to_fulfilments(self.whole, self.record)

    @strawberry.field(description="How it is sent, as the buyer chose; null where nothing is.")
    def shipping_name(self) -> str | None:
        way = self.record["way"]
        return None if way is None else str(way["name"])

    @strawberry.field(description="Who bought.")
    def buyer(self) -> OrderBuyer:
        return OrderBuyer(whole=self.whole)

    @strawberry.field(description="The whole order; null for who sees this part of it only.")
    async def order(self, info: Info) -> "Order | None":
        seen = await _sight_of(info, self)
        return to_order(self.whole) if seen.is_whole else None

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        found = await reading.parts_by_key(info.context, keys)
        return [None if one is None else cls(record=one[1], whole=one[0]) for one in found]


async def _timelines(
    orders: "Sequence[Order]", info: Info, first: First = None, after: After = None
) -> list[Connection[OrderEvent]]:
    window = ListWindow.of(_TIMELINE, first, after)
    found = []
    for order in orders:
        seen = Sight(await sight.is_staff(info.context, order.record), is_buyer=True)
        entries = sight.entries(order.record, seen)
        found.append(_timeline(order.record, seen, entries, window))
    return found


@reads("payment", "further_payments")
def _payment_states(orders: "Sequence[Order]", _info: Info) -> list[OrderPaymentState]:
    return [to_payment_state(current(order.record)) for order in orders]


@reads("sums", "lines", "seller_orders", "currency")
def _totals(orders: "Sequence[Order]", _info: Info) -> list[Totals]:
    return [order_totals(order.record) for order in orders]


@reads("lines", "currency")
def _lines(orders: "Sequence[Order]", _info: Info) -> list[list[OrderLine]]:
    return [to_lines(order.record) for order in orders]


@reads("email", "phone")
def _buyers(orders: "Sequence[Order]", _info: Info) -> list[OrderBuyer]:
    return [OrderBuyer(whole=order.record) for order in orders]


def _seller_orders(orders: "Sequence[Order]", _info: Info) -> list[list[SellerOrder]]:
    return [_parts(order.record) for order in orders]


def _parts(record: Record) -> list[SellerOrder]:
    return [to_seller_order(record, part, is_whole=True) for part in record["seller_orders"]]


@reads("code", "user", "guest")
async def _status_urls(orders: "Sequence[Order]", info: Info) -> list[URL | None]:
    return [await _status_url(info, one.record) for one in orders]


async def _status_url(info: Info, record: Record) -> URL | None:
    """Null for staff who may only read: with the secret one can do what the buyer can."""
    context = info.context
    is_buyer = sight.is_bought_by(context.viewer, record)
    reads_only = await sight.is_staff(context, record) and not await sight.manages(context, record)
    if reads_only and not is_buyer:
        return None
    url = status_url(context, record)
    return None if url is None else URL(url)


@strawberry.type(description="What somebody has bought, as it was bought.")
class Order(Node):
    id: strawberry.ID = stored(
        "_id", "Opaque, and unique in the whole shop.", convert=id_encoder("Order")
    )
    number: str = stored("code", "What people call it, such as `K7TX-3M9P`.")
    state: OrderState = stored("state", "How far it is.", convert=OrderState)
    placed_at: datetime = stored("placed_at", "When it was placed.")
    currency: CurrencyCode = stored("currency", "What is paid in.")
    tax_included: bool = stored("tax_included", "Whether prices have the taxes in them.")
    payment_state = batched("Where its payment stands.", _payment_states)
    version: int = stored("version", "Grows with each change.")
    updated_at: datetime = stored("updated_at", "When it was last changed.")
    lines = batched("What was bought.", _lines)
    totals = batched("What it came to.", _totals)
    buyer = batched("Who bought.", _buyers)
    shipping_address = batched(_ADDRESS, shipping_addresses)
    billing_address = batched(
        "Whom the invoice is for; null where it is the same.", billing_addresses
    )
    seller_orders = batched("Its parts, one for each seller.", _seller_orders)
    timeline = batched(
        "What happened to it, the first thing first; what is internal to staff alone.", _timelines
    )
    status_url = batched(
        "Where the storefront shows it to whoever has the link; null where the shop has no such"
        " page.",
        _status_urls,
    )
    record: strawberry.Private[Record]

    @property
    def whole(self) -> Record:
        return self.record

    @classmethod
    async def load_nodes(cls, info: Info, keys: Sequence[str]) -> list[Self | None]:
        found = await reading.orders_by_key(info.context, keys)
        return [None if record is None else cls(record=record) for record in found]


@extend(OrderEvent)
class OrderEventOrders:
    @strawberry.field(description="The order as it is now; null for who sees a part of it only.")
    @staticmethod
    def order(event: strawberry.Parent[OrderEvent]) -> Order | None:
        return to_order(event.whole) if event.sight.is_whole else None

    @strawberry.field(
        description="The part that it is about, as it is now; null where it is about all of them."
        " A seller has always their own."
    )
    @staticmethod
    def seller_order(event: strawberry.Parent[OrderEvent]) -> SellerOrder | None:
        is_whole, seller = event.sight.is_whole, event.sight.seller
        parts = event.whole["seller_orders"]
        if is_whole:
            mine = (part for part in parts if part["id"] == event.record["part"])
        else:
            mine = (part for part in parts if part["seller"] == seller)
        found = next(mine, None)
        return None if found is None else to_seller_order(event.whole, found, is_whole=is_whole)


def to_order(record: Record) -> Order:
    """A stored order, to somebody who may see all of it."""
    return Order(record=record)


def to_seller_order(
    record: Record, part: Record, *, is_whole: bool = False, cursor: str | None = None
) -> SellerOrder:
    """A part of a stored order; `is_whole` to somebody who may see the others, too."""
    return SellerOrder(record=part, whole=record, is_whole=is_whole, cursor=cursor)
