"""The sales report: what was sold in a period, row by row, for staff and for sellers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from mercat.auth import Subject, allowed, check_allowed
from mercat.context import Context
from mercat.errors import InvalidError
from mercat.money import CURRENCIES
from mercat_orders.permissions import REPORT, SELL
from mercat_orders.reports.figures import Figures
from mercat_orders.reports.grouping import GroupBy, calendar_for, fields_for, keys_for
from mercat_orders.reports.periods import Calendar, Period
from mercat_orders.reports.pieces import pieces_of
from mercat_orders.reports.reading import placed
from mercat_orders.reports.tallying import Named, Tally

MOST_ROWS = 1_000

Progress = Callable[[datetime], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which sales: of one seller or of all, in one currency or in each with None.

    `first` is how many rows of a currency are wanted at most, None for all.
    """

    period: Period
    by: GroupBy = "DAY"
    seller: str | None = None
    currency: str | None = None
    first: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    key: str
    currency: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Sales:
    """What was sold as `wanted` says; `count` is how many rows there are without `first`."""

    wanted: Wanted
    rows: Sequence[Row]
    count: int
    wholes: Mapping[str, Figures]
    names: Mapping[str, Named]


async def sales(context: Context, wanted: Wanted, on_progress: Progress | None = None) -> Sales:
    """What was sold; a seller's staff is told of its own seller, whomever it asks for.

    Raises UnauthenticatedError, ForbiddenError, and InvalidError.
    """
    wanted = await _allowed(context, wanted)
    _check(wanted)
    calendar = calendar_for(wanted.by, wanted.period)
    tally = Tally(keys_for(wanted.by, calendar))
    await _count(context, wanted, tally, on_progress)
    own = wanted.currency or context.shop.currency
    tally.wholes.setdefault(own, Figures())
    currencies = sorted(tally.wholes, key=lambda code: (code != own, code))
    rows = _rows(tally, calendar, currencies, wanted.first)
    count = len(tally.rows) if calendar is None else len(calendar.keys) * len(currencies)
    wholes = {currency: tally.wholes[currency] for currency in currencies}
    return Sales(wanted, rows, count, wholes, tally.names)


async def totals(context: Context, wanted: Wanted) -> Mapping[str, Figures]:
    """What all came to, by currency, without rows. Raises as `sales` does."""
    wanted = await _allowed(context, wanted)
    tally = Tally(lambda _order, _piece: ())
    await _count(context, replace(wanted, by="DAY"), tally)
    return tally.wholes


async def _allowed(context: Context, wanted: Wanted) -> Wanted:
    if not await allowed(context, REPORT, Subject("order")):
        own = context.viewer.seller
        if own is not None and await allowed(context, SELL, Subject("order", seller=own)):
            return replace(wanted, seller=own)
    await check_allowed(context, REPORT, Subject("order"))
    return wanted


def _check(wanted: Wanted) -> None:
    if wanted.first is not None and not 1 <= wanted.first <= MOST_ROWS:
        raise InvalidError(f"`first` is from 1 to {MOST_ROWS}", field=("first",))
    if wanted.currency is not None and wanted.currency not in CURRENCIES:
        raise InvalidError("that is no currency of ISO 4217", field=("currency",))


async def _count(
    context: Context, wanted: Wanted, tally: Tally, on_progress: Progress | None = None
) -> None:
    batches = placed(
        context,
        wanted.period,
        seller=wanted.seller,
        currency=wanted.currency,
        fields=fields_for(wanted.by),
    )
    async for batch in batches:
        for order in batch:
            tally.add(order, pieces_of(order, wanted.seller))
        if on_progress is not None:
            on_progress(max(order["placed_at"] for order in batch))


def _rows(
    tally: Tally, calendar: Calendar | None, currencies: Sequence[str], first: int | None
) -> Sequence[Row]:
    """The rows of one currency after the other: days in their order, others by what stays."""
    rows = []
    for currency in currencies:
        if calendar is not None:
            keys = calendar.keys
            found = [Row(k, currency, tally.rows.get((k, currency), Figures())) for k in keys]
        else:
            found = [Row(k, c, figures) for (k, c), figures in tally.rows.items() if c == currency]
            found.sort(key=lambda row: (-row.figures.net, row.key))
        rows += found[:first]
    return rows
