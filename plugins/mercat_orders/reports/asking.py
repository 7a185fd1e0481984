"""Questions for reports that come as text, of an address or of a command."""

from dataclasses import dataclass
from datetime import date

from mercat.context import Context
from mercat.errors import InvalidError
from mercat_orders.reports.grouping import GROUPS
from mercat_orders.reports.periods import period_of
from mercat_orders.reports.sales import Wanted
from mercat_products.sellers import seller_key


@dataclass(frozen=True, slots=True)
class Question:
    """The input of `salesReport` as text."""

    begins: str
    ends: str
    time_zone: str = "UTC"
    group_by: str = "DAY"
    seller: str | None = None
    currency: str | None = None
    all_currencies: bool = False
    first: int | None = None


def wanted_of(context: Context, question: Question) -> Wanted:
    """What a question asks for. Raises InvalidError."""
    begins, ends = _day(question.begins, "from"), _day(question.ends, "to")
    by = next((group for group in GROUPS if group == question.group_by.upper()), None)
    if by is None:
        raise InvalidError(f"it is one of {', '.join(GROUPS)}", field=("groupBy",))
    if question.all_currencies and question.currency is not None:
        raise InvalidError("give either `currency` or `allCurrencies`", field=("currency",))
    currency = None if question.all_currencies else question.currency or context.shop.currency
    return Wanted(
        period=period_of(begins, ends, question.time_zone),
        by=by,
        seller=seller_key(question.seller),
        currency=currency,
        first=question.first,
    )


def _day(text: str, name: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidError("that is no day such as 2026-10-31", field=(name,)) from None
