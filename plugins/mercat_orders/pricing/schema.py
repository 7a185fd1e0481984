"""What sums and their reasons look like."""

from enum import Enum

import strawberry

from mercat.graphql.schema import Money
from mercat_orders.pricing import values
from mercat_products import sellers


@strawberry.enum(description="Why something costs what it costs.")
class AdjustmentKind(Enum):
    PRICE = strawberry.enum_value("price", description="Another price than the catalogue's.")
    LINE_DISCOUNT = strawberry.enum_value("line_discount", description="Taken off a line.")
    ORDER_DISCOUNT = strawberry.enum_value(
        "order_discount", description="Taken off the order; this is the line's part of it."
    )
    SHIPPING = strawberry.enum_value("shipping", description="What delivery costs.")
    SHIPPING_DISCOUNT = strawberry.enum_value(
        "shipping_discount", description="Taken off delivery."
    )
    TAX = strawberry.enum_value("tax", description="A tax.")


@strawberry.type(description="One reason for what something costs.")
class Adjustment:
    kind: AdjustmentKind = strawberry.field(description="What kind of reason it is.")
    label: str = strawberry.field(description="What people call it.")
    source: str = strawberry.field(description="Who says so, such as `orders:tax_zone:germany`.")
    amount: Money = strawberry.field(description="How much; negative for what is taken off.")
    is_included: bool = strawberry.field(
        description="Whether the sums have it in them already, as an included tax is."
    )


@strawberry.type(
    description="What it comes to: `total` is subtotal - discounts + shipping, and + tax unless"
    " that is included."
)
class Totals:
    subtotal: Money = strawberry.field(description="The lines at their prices.")
    discounts: Money = strawberry.field(description="All that is taken off, shipping too.")
    shipping: Money = strawberry.field(description="Delivery, before discounts.")
    tax: Money = strawberry.field(description="All taxes.")
    total: Money = strawberry.field(description="What is to be paid.")
    adjustments: list[Adjustment] = strawberry.field(description="Every reason, one by one.")


def to_totals(found: values.Totals, currency: str) -> Totals:
    return Totals(
        subtotal=Money.of(found.subtotal, currency),
        discounts=Money.of(found.discounts, currency),
        shipping=Money.of(found.shipping, currency),
        tax=Money.of(found.tax, currency),
        total=Money.of(found.total, currency),
        adjustments=[to_adjustment(one, currency) for one in found.adjustments],
    )


def to_adjustment(found: values.Adjustment, currency: str) -> Adjustment:
    return Adjustment(
        kind=AdjustmentKind(found.kind),
        label=found.label,
        source=found.source,
        amount=Money.of(found.amount, currency),
        is_included=found.is_included,
    )


def seller_id(key: str | None) -> strawberry.ID | None:
    """The global id of a seller; None for the shop itself."""
    return None if key is None else strawberry.ID(sellers.seller_id(key))
