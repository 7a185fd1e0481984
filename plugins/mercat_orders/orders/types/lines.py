"""What lines and parcels of orders look like."""

# mypy: allow-untyped-decorators

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Any

import strawberry

from mercat.graphql.batching import batched
from mercat.graphql.context import Info
from mercat.graphql.records import stored
from mercat.graphql.scalars import URL
from mercat.graphql.schema import Money
from mercat.ids import id_encoder
from mercat.storage import Record
from mercat_orders.carts.types import LineOption
from mercat_orders.orders.sums import line_totals, lines_of
from mercat_orders.pricing.schema import Totals, seller_id
from mercat_products.schema import Product, ProductVariant
from mercat_products.service import products_by_variant


async def variants_of(lines: Sequence[Any], info: Info) -> list[ProductVariant | None]:
    """The variants of lines, or of what else has the key of one, as far as they are shown."""
    keys = [line.record["variant"] for line in lines]
    products = await products_by_variant(info.context, list(dict.fromkeys(keys)))
    variants = {
        variant["id"]: ProductVariant(record=variant, product=Product(record=product))
        for product in products.values()
        for variant in product["variants"]
    }
    return [variants.get(key) for key in keys]


def _to_options(found: Sequence[Record]) -> list[LineOption]:
    return [LineOption(name=one["name"], value=one["value"]) for one in found]


@strawberry.type(description="So many of a variant, as they were bought.")
class OrderLine:
    id: strawberry.ID = stored(
        "id", "Opaque; unique in the order.", convert=id_encoder("OrderLine")
    )
    name: str = stored("name", "What it was called.")
    sku: str = stored("sku", "The stock keeping unit.")
    quantity: int = stored("quantity", "How many were bought.")
    options: list[LineOption] = stored(
        "options", "What the buyer wants of it.", convert=_to_options, default=()
    )
    note: str = stored("note", "A word to the seller.", default="")
    seller_id: strawberry.ID | None = stored(
        "seller", "The id of who sells it; null for the shop itself.", convert=seller_id
    )
    cancelled_quantity: int = stored("cancelled", "How many of them were cancelled.", default=0)
    fulfilled_quantity: int = stored("fulfilled", "How many of them are in parcels.", default=0)
    delivered_quantity: int = stored("delivered", "How many of them arrived.", default=0)
    returned_quantity: int = stored("returned", "How many of them came back.", default=0)
    is_waiting: bool = stored(
        "waits",
        "Whether it was added, and goes once what the order owes is paid.",
        default=False,
    )
    variant = batched("The variant; null where it is not shown any more.", variants_of)
    record: strawberry.Private[Record]
    currency: strawberry.Private[str]

    @strawberry.field(description="What one cost.")
    def unit_price(self) -> Money:
        return Money.of(self.record["unit_price"], self.currency)

    @strawberry.field(description="What it came to; without delivery.")
    def totals(self) -> Totals:
        return line_totals(self.record, self.currency)


def to_lines(record: Record, part: Record | None = None) -> list[OrderLine]:
    """The lines of a stored order, or of one seller's part of it."""
    found = record["lines"] if part is None else lines_of(record, part)
    return [OrderLine(record=line, currency=record["currency"]) for line in found]


@strawberry.enum(description="Where a parcel is.")
class FulfilmentState(Enum):
    PENDING = strawberry.enum_value("PENDING", description="It is being packed.")
    SHIPPED = strawberry.enum_value("SHIPPED", description="It is on its way.")
    DELIVERED = strawberry.enum_value("DELIVERED", description="It has arrived.")
    CANCELLED = strawberry.enum_value("CANCELLED", description="It will not be sent.")


@strawberry.type(description="So many of a line in a parcel.")
class FulfilmentLine:
    line: OrderLine = strawberry.field(description="The line.")
    quantity: int = strawberry.field(description="How many of it.")


@strawberry.type(description="A parcel, and where it is.")
class Fulfilment:
    id: strawberry.ID = stored(
        "id", "Opaque; unique in the shop.", convert=id_encoder("Fulfilment")
    )
    state: FulfilmentState = stored("state", "Where it is.", convert=FulfilmentState)
    carrier: str | None = stored("carrier", "Who carries it.", convert=lambda name: name or None)
    tracking_number: str | None = stored(
        "tracking_number", "Its number there.", convert=lambda number: number or None
    )
    tracking_url: URL | None = stored("tracking_url", "Where it can be followed.")
    created_at: datetime = stored("created_at", "When it was begun.")
    shipped_at: datetime | None = stored("shipped_at", "When it was sent.")
    delivered_at: datetime | None = stored("delivered_at", "When it arrived.")
    record: strawberry.Private[Record]
    by_key: strawberry.Private[dict[object, OrderLine]]

    @strawberry.field(description="What is in it.")
    def lines(self) -> list[FulfilmentLine]:
        return [
            FulfilmentLine(line=self.by_key[one["line"]], quantity=one["quantity"])
            for one in self.record["lines"]
        ]


def to_fulfilments(record: Record, part: Record) -> list[Fulfilment]:
    """The parcels of one seller's part of an order."""
    lines: dict[object, OrderLine] = {line.record["id"]: line for line in to_lines(record, part)}
    return [Fulfilment(record=one, by_key=lines) for one in part["fulfilments"]]
