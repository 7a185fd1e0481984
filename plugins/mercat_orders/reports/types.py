"""What sales reports look like."""

# mypy: allow-untyped-decorators

from collections.abc import Iterable, Mapping
from datetime import date
from enum import Enum

import strawberry

from mercat.graphql.context import Info
from mercat.graphql.scalars import CurrencyCode
from mercat.graphql.schema import Money
from mercat_orders.reports import sales as service
from mercat_orders.reports.figures import Figures
from mercat_orders.reports.labels import labels_of, subject_of
from mercat_orders.reports.sales import Row, Sales, Wanted


@strawberry.enum(description="What the rows of a sales report are.")
class SalesGroup(Enum):
    DAY = strawberry.enum_value("DAY", description="The days, in their order.")
    WEEK = strawberry.enum_value("WEEK", description="The weeks of ISO 8601, from Monday on.")
    MONTH = strawberry.enum_value("MONTH", description="The months, in their order.")
    PRODUCT = strawberry.enum_value("PRODUCT", description="The products, without delivery.")
    VARIANT = strawberry.enum_value("VARIANT", description="The variants, without delivery.")
    SELLER = strawberry.enum_value("SELLER", description="The sellers, and the shop itself.")
    CATEGORY = strawberry.enum_value(
        "CATEGORY",
        description="The categories, without delivery; a product counts in each that lists it.",
    )
    COUNTRY = strawberry.enum_value("COUNTRY", description="The countries of the orders.")


@strawberry.type(
    description="What was sold, without what was cancelled. What went back counts on the day of"
    " the order."
)
class SalesFigures:
    orders: int = strawberry.field(description="Confirmed orders with something of it.")
    units: int = strawberry.field(description="How many were bought and not cancelled.")
    returned_units: int = strawberry.field(description="How many of these came back.")
    gross: Money = strawberry.field(description="The lines at their prices.")
    discounts: Money = strawberry.field(description="All that is taken off, delivery too.")
    shipping: Money = strawberry.field(description="Delivery, before discounts.")
    tax: Money = strawberry.field(description="All taxes, included ones too.")
    total: Money = strawberry.field(
        description="What buyers were to pay: gross - discounts + shipping, and taxes on top."
    )
    refunded: Money = strawberry.field(
        description="What of that went back, or needn't be paid any more."
    )
    net: Money = strawberry.field(description="What stays: total - refunded.")
    net_sales: Money = strawberry.field(
        description="The lines after discounts and refunds, without taxes and delivery."
    )
    commission: Money = strawberry.field(
        description="What the shop keeps of sellers' lines that didn't come back."
    )
    cancelled: Money = strawberry.field(
        description="What was cancelled came to; it is in none of the others."
    )
    average_order_value: Money | None = strawberry.field(
        description="`total` by `orders`; null without orders."
    )
    pending_orders: int = strawberry.field(description="Orders that wait to be confirmed.")
    pending: Money = strawberry.field(
        description="What those come to; it is in none of the others."
    )


def to_figures(found: Figures, currency: str) -> SalesFigures:
    average = found.average
    return SalesFigures(
        orders=found.orders,
        units=found.units,
        returned_units=found.returned,
        gross=Money.of(found.gross, currency),
        discounts=Money.of(found.discounts, currency),
        shipping=Money.of(found.shipping, currency),
        tax=Money.of(found.tax, currency),
        total=Money.of(found.total, currency),
        refunded=Money.of(found.refunded, currency),
        net=Money.of(found.net, currency),
        net_sales=Money.of(found.net_sales, currency),
        commission=Money.of(found.commission, currency),
        cancelled=Money.of(found.cancelled, currency),
        average_order_value=None if average is None else Money.of(average, currency),
        pending_orders=found.pending_orders,
        pending=Money.of(found.pending, currency),
    )


@strawberry.type(description="A row of a sales report.")
class SalesRow:
    key: str = strawberry.field(
        description="Such as `2026-10-31`, `2026-W44`, `2026-10`, `DE`, or the key of what it is"
        " about; empty for the shop's own part, and for what is in no category."
    )
    label: str = strawberry.field(description="What people call it.")
    subject_id: strawberry.ID | None = strawberry.field(
        description="The id of the product, variant or seller that it is about; null for others."
    )
    sku: str | None = strawberry.field(description="The SKU of a variant; null for others.")
    currency: CurrencyCode = strawberry.field(description="The currency of its sums.")
    figures: SalesFigures = strawberry.field(description="What was sold.")


@strawberry.type(description="What all came to in one currency.")
class SalesTotals:
    currency: CurrencyCode = strawberry.field(description="The currency.")
    figures: SalesFigures = strawberry.field(description="What was sold.")


@strawberry.type(description="What was sold in a period.")
class SalesReport:
    found: strawberry.Private[Sales]

    @strawberry.field(description="The first day.", name="from")
    def begins(self) -> date:
        return self.found.wanted.period.first

    @strawberry.field(description="The last day.", name="to")
    def ends(self) -> date:
        return self.found.wanted.period.last

    @strawberry.field(description="Whose days they are.")
    def time_zone(self) -> str:
        return self.found.wanted.period.zone.key

    @strawberry.field(description="What the rows are.")
    def group_by(self) -> SalesGroup:
        return SalesGroup(self.found.wanted.by)

    @strawberry.field(
        description="Days, weeks and months in their order, each of them; others by what stays of"
        " them, the most first. The rows of one currency come after those of another."
    )
    async def rows(self, info: Info) -> list[SalesRow]:
        labels = await labels_of(info.context, self.found, self.found.rows)
        return [_to_row(self.found, row, labels) for row in self.found.rows]

    @strawberry.field(description="How many rows there are, also of those left out by `first`.")
    def row_count(self) -> int:
        return self.found.count

    @strawberry.field(
        description="Whether a sale can count in more than one row, so that rows add up to more"
        " than the totals."
    )
    def is_overlapping(self) -> bool:
        return self.found.wanted.by == "CATEGORY"

    @strawberry.field(description="What all came to, by currency; the wanted one is first.")
    def totals(self) -> list[SalesTotals]:
        return _to_totals(self.found.wholes, self.found.wholes)

    @strawberry.field(
        description="What all came to in as many days right before, by currency as in `totals`."
    )
    async def previous_totals(self, info: Info) -> list[SalesTotals]:
        wanted = self.found.wanted
        before = Wanted(wanted.period.before, seller=wanted.seller, currency=wanted.currency)
        found = await service.totals(info.context, before)
        return _to_totals(found, dict.fromkeys((*self.found.wholes, *sorted(found))))


def _to_totals(found: Mapping[str, Figures], currencies: Iterable[str]) -> list[SalesTotals]:
    return [
        SalesTotals(
            currency=CurrencyCode(currency),
            figures=to_figures(found.get(currency) or Figures(), currency),
        )
        for currency in currencies
    ]


def _to_row(found: Sales, row: Row, labels: Mapping[str, str]) -> SalesRow:
    subject = subject_of(found, row)
    return SalesRow(
        key=row.key,
        label=labels[row.key],
        subject_id=None if subject is None else strawberry.ID(subject),
        sku=found.names[row.key].sku if found.wanted.by == "VARIANT" else None,
        currency=CurrencyCode(row.currency),
        figures=to_figures(row.figures, row.currency),
    )
