"""What conversion reports look like."""

from datetime import date

import strawberry

from mercat_orders.reports.conversion import Conversion
from mercat_orders.reports.counting import Counts


@strawberry.type(
    description="Carts that were begun with something in them, and how far they came since."
)
class ConversionFigures:
    carts: int = strawberry.field(description="How many were begun.")
    addressed: int = strawberry.field(description="Those that have an address.")
    checkouts: int = strawberry.field(description="Those whose checkout was begun.")
    orders: int = strawberry.field(description="Those that became an order.")
    abandoned: int = strawberry.field(
        description="Open ones that nobody touched for `abandoned_hours`."
    )
    address_rate: float | None = strawberry.field(
        description="`addressed` by `carts`, from 0 to 1; null without carts."
    )
    checkout_rate: float | None = strawberry.field(
        description="`checkouts` by `carts`, from 0 to 1; null without carts."
    )
    order_rate: float | None = strawberry.field(
        description="`orders` by `carts`, from 0 to 1; null without carts."
    )
    abandonment_rate: float | None = strawberry.field(
        description="`abandoned` by `carts`, from 0 to 1; null without carts."
    )


@strawberry.type(description="A day of a conversion report.")
class ConversionDay:
    day: date = strawberry.field(description="The day on which the carts were begun.")
    figures: ConversionFigures = strawberry.field(description="Its carts.")


@strawberry.type(description="What became of the carts that were begun in a period.")
class ConversionReport:
    begins: date = strawberry.field(name="from", description="The first day.")
    ends: date = strawberry.field(name="to", description="The last day.")
    time_zone: str = strawberry.field(description="Whose days they are.")
    figures: ConversionFigures = strawberry.field(description="All carts of the period.")
    days: list[ConversionDay] = strawberry.field(description="Each day, in order.")


def to_report(found: Conversion) -> ConversionReport:
    return ConversionReport(
        begins=found.period.first,
        ends=found.period.last,
        time_zone=found.period.zone.key,
        figures=_to_figures(found.whole),
        days=[
            ConversionDay(day=date.fromisoformat(key), figures=_to_figures(counts))
            for key, counts in found.days.items()
        ],
    )


def _to_figures(counts: Counts) -> ConversionFigures:
    return ConversionFigures(
        carts=counts.carts,
        addressed=counts.addressed,
        checkouts=counts.checkouts,
        orders=counts.orders,
        abandoned=counts.abandoned,
        address_rate=_rate(counts.addressed, counts.carts),
        checkout_rate=_rate(counts.checkouts, counts.carts),
        order_rate=_rate(counts.orders, counts.carts),
        abandonment_rate=_rate(counts.abandoned, counts.carts),
    )


def _rate(some: int, of: int) -> float | None:
    return round(some / of, 4) if of else None
