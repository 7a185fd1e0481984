"""How reports are asked for."""

from datetime import date
from typing import Annotated, cast

import strawberry

from mercat.errors import InvalidError
from mercat.graphql.context import Info
from mercat.graphql.extend import Query, extend
from mercat.graphql.scalars import CurrencyCode
from mercat.ids import key_of
from mercat_orders.reports.conversion import conversion
from mercat_orders.reports.conversion_types import ConversionReport, to_report
from mercat_orders.reports.grouping import GroupBy
from mercat_orders.reports.periods import period_of
from mercat_orders.reports.sales import MOST_ROWS, Wanted, sales
from mercat_orders.reports.types import SalesGroup, SalesReport


@strawberry.input(description="Which sales a report is of.")
class SalesReportInput:
    begins: date = strawberry.field(name="from", description="The first day, `2026-10-01`.")
    ends: date = strawberry.field(
        name="to", description="The last day, which is in it: `2026-10-31`. Two years at most."
    )
    time_zone: str = strawberry.field(
        default="UTC", description="Whose days they are, such as `Europe/Berlin` (IANA)."
    )
    group_by: SalesGroup = strawberry.field(
        default=SalesGroup.DAY, description="What the rows are."
    )
    seller_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Only what is the seller's with this id. Sellers see their own sales alone.",
    )
    currency: CurrencyCode | None = strawberry.field(
        default=None, description="Only orders in this currency; the shop's where left out."
    )
    all_currencies: bool = strawberry.field(
        default=False, description="Orders in every currency instead, each with rows of its own."
    )
    first: int = strawberry.field(
        default=MOST_ROWS, description=f"How many rows of a currency, from 1 to {MOST_ROWS}."
    )


@strawberry.input(description="Which carts a report is of.")
class ConversionReportInput:
    begins: date = strawberry.field(name="from", description="The first day, `2026-10-01`.")
    ends: date = strawberry.field(
        name="to", description="The last day, which is in it: `2026-10-31`. Two years at most."
    )
    time_zone: str = strawberry.field(
        default="UTC", description="Whose days they are, such as `Europe/Berlin` (IANA)."
    )


SalesInput = Annotated[SalesReportInput, strawberry.argument(description="Which sales.")]
ConversionInput = Annotated[ConversionReportInput, strawberry.argument(description="Which carts.")]


@extend(Query)
class ReportQuery:
    @strawberry.field(
        description="What was sold in a period; needs `orders.report`. Sellers (`orders.sell`)"
        " are told of their own sales, whatever they ask for."
    )
    @staticmethod
    async def sales_report(info: Info, input: SalesInput) -> SalesReport:  # noqa: A002
        return SalesReport(found=await sales(info.context, _wanted(info, input)))

    @strawberry.field(
        description="What became of the carts that were begun in a period; needs `orders.report`."
    )
    @staticmethod
    async def conversion_report(
        info: Info,
        input: ConversionInput,  # noqa: A002
    ) -> ConversionReport:
        period = period_of(input.begins, input.ends, input.time_zone)
        return to_report(await conversion(info.context, period))


def _wanted(info: Info, given: SalesReportInput) -> Wanted:
    if given.all_currencies and given.currency is not None:
        raise InvalidError("give either `currency` or `allCurrencies`", field=("currency",))
    currency = given.currency or info.context.shop.currency
    return Wanted(
        period=period_of(given.begins, given.ends, given.time_zone),
        by=cast("GroupBy", given.group_by.name),
        seller=_seller(given.seller_id),
        currency=None if given.all_currencies else currency,
        first=given.first,
    )


def _seller(given: strawberry.ID | None) -> str | None:
    return None if given is None else key_of(given, "Seller", ("sellerId",))
