"""Whatever a report is grouped by, it comes to the same: to what the orders say was paid."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.storage import Record
from mercat_orders.orders.money import left
from mercat_orders.orders.quantities import share
from mercat_orders.reports import reading
from mercat_orders.reports.figures import Figures
from mercat_orders.reports.grouping import GROUPS, GroupBy
from mercat_orders.reports.periods import Calendar, Period, beginning, period_of
from mercat_orders.reports.pieces import pieces_of
from mercat_orders.reports.sales import Sales, Wanted, sales

from .conftest import EngineFor
from .ordering import TOML
from .reporting import ANALYST, ANNA, BERT, SELLERS, YEAR, made_order, store

COUNT = 500
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati")
WHOLE: Sequence[GroupBy] = ("DAY", "WEEK", "MONTH", "SELLER", "COUNTRY")
OF_LINES: Sequence[GroupBy] = ("PRODUCT", "VARIANT")
SEEDS = st.integers(min_value=0, max_value=2**32)


@pytest.fixture(scope="module")
def trade() -> Sequence[Record]:
    random = Random(20261123)
    return [made_order(random, number) for number in range(COUNT)]


@pytest.fixture(scope="module")
async def engine(shared_engine_for: EngineFor, trade: Sequence[Record]) -> Engine:
    engine = await shared_engine_for(TOML)
    await store(engine, trade)
    return engine


async def asked(engine: Engine, wanted: Wanted, viewer: Viewer = ANALYST) -> Sales:
    return await sales(Context(engine, viewer), wanted)


def added(found: Sales, currency: str, *, counts: bool = True) -> Figures:
    """What the rows of a currency come to; without how many orders, which may be in several."""
    whole = Figures()
    for row in found.rows:
        if row.currency == currency:
            whole.add(row.figures)
    return whole if counts else uncounted(whole)


def uncounted(figures: Figures) -> Figures:
    return replace(figures, orders=0, pending_orders=0)


def expected(trade: Sequence[Record], currency: str) -> Mapping[str, int]:
    """The same without pieces: from the orders' own books, and line by line."""
    found: Counter[str] = Counter()
    for order in trade:
        if order["currency"] == currency:
            found["stays"] += left(order)
            states = {part["seller"]: part["state"] for part in order["seller_orders"]}
            bought = {
                states[line["seller"]] == "PENDING"
                for line in order["lines"]
                if line["quantity"] > line["cancelled"]
            }
            found["orders"] += False in bought
            found["pending_orders"] += True in bought
            for line in order["lines"]:
                found.update(_counted(line, is_pending=states[line["seller"]] == "PENDING"))
    return found


def _counted(line: Record, *, is_pending: bool) -> Mapping[str, int]:
    count = line["quantity"] - line["cancelled"]
    gone = share(line["total"], line["quantity"], line["cancelled"])
    if is_pending:
        return {"cancelled_lines": gone}
    return {
        "units": count,
        "returned": line["returned"],
        "gross": count * line["unit_price"],
        "line_totals": line["total"] - gone,
        "cancelled_lines": gone,
    }


@pytest.mark.parametrize("currency", ["EUR", "JPY"])
async def test_a_report_says_what_the_orders_books_say(
    engine: Engine, trade: Sequence[Record], currency: str
) -> None:
    whole = (await asked(engine, Wanted(YEAR, currency=currency))).wholes[currency]
    books = expected(trade, currency)
    assert whole.net + whole.pending == books["stays"]
    for name in ("orders", "pending_orders", "units", "returned", "gross"):
        assert getattr(whole, name) == books[name] > 0
    products = await asked(engine, Wanted(YEAR, "PRODUCT", currency=currency))
    of_lines = added(products, currency)
    assert of_lines.total == books["line_totals"]
    assert of_lines.cancelled == books["cancelled_lines"]


@pytest.mark.parametrize("by", WHOLE)
async def test_rows_come_to_the_whole(engine: Engine, by: GroupBy) -> None:
    found = await asked(engine, Wanted(YEAR, by))
    assert len(found.wholes) == 2
    for currency, whole in found.wholes.items():
        counts = by != "SELLER"
        assert added(found, currency, counts=counts) == (whole if counts else uncounted(whole))


@pytest.mark.parametrize("by", OF_LINES)
async def test_products_come_to_the_whole_without_delivery(engine: Engine, by: GroupBy) -> None:
    found = await asked(engine, Wanted(YEAR, by))
    for currency, whole in found.wholes.items():
        rows = added(found, currency)
        for name in ("units", "returned", "gross", "net_sales", "commission"):
            assert getattr(rows, name) == getattr(whole, name)
        assert rows.shipping == 0
        assert rows.total < whole.total


async def test_categories_count_each_product_that_they_list(
    engine: Engine, trade: Sequence[Record]
) -> None:
    found = await asked(engine, Wanted(YEAR, "CATEGORY", currency="EUR"))
    units: Counter[str] = Counter()
    for order in trade:
        states = {part["seller"]: part["state"] for part in order["seller_orders"]}
        for line in order["lines"] if order["currency"] == "EUR" else ():
            if states[line["seller"]] != "PENDING":
                for group in line["groups"] or [""]:
                    units[group] += line["quantity"] - line["cancelled"]
    assert {row.key: row.figures.units for row in found.rows} == units
    assert sum(units.values()) > found.wholes["EUR"].units


async def test_the_parts_of_sellers_are_the_whole(engine: Engine) -> None:
    found = await asked(engine, Wanted(YEAR, "SELLER", currency="EUR"))
    rows = {row.key: row.figures for row in found.rows}
    assert set(rows) == {seller or "" for seller in SELLERS}
    for viewer in (ANNA, BERT):
        own = await asked(engine, Wanted(YEAR, seller="bert", currency="EUR"), viewer)
        assert own.wholes == {"EUR": rows[viewer.seller or ""]}


@pytest.mark.parametrize("zone", ZONES)
async def test_another_time_zone_moves_orders_and_loses_none(engine: Engine, zone: str) -> None:
    there = period_of(YEAR.first, YEAR.last, zone)
    found = await asked(engine, Wanted(there, currency="EUR"))
    here = await asked(engine, Wanted(YEAR, currency="EUR"))
    assert found.wholes == here.wholes
    assert added(found, "EUR") == here.wholes["EUR"]
    days = [astuple(row.figures) for row in found.rows]
    assert (days == [astuple(row.figures) for row in here.rows]) is (zone == "UTC")


async def test_periods_that_follow_each_other_share_no_order_and_lose_none(engine: Engine) -> None:
    whole = Figures()
    for first, last in ((date(2026, 1, 1), date(2026, 10, 24)), (date(2026, 10, 25),) * 2):
        found = await asked(engine, Wanted(period_of(first, last, "Europe/Berlin"), currency="EUR"))
        whole.add(found.wholes["EUR"])
    rest = period_of(date(2026, 10, 26), date(2026, 12, 31), "Europe/Berlin")
    whole.add((await asked(engine, Wanted(rest, currency="EUR"))).wholes["EUR"])
    everything = await asked(engine, Wanted(YEAR, currency="EUR"))
    assert whole == everything.wholes["EUR"]


async def test_every_grouping_reads_what_it_needs(engine: Engine) -> None:
    for by in GROUPS:
        found = await asked(engine, Wanted(YEAR, by, seller="anna"))
        assert found.rows
        assert found.count == len(found.rows)


@pytest.mark.parametrize("size", [1, 7, 100, COUNT])
async def test_a_report_read_some_orders_at_a_time_is_the_same(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    whole = (await asked(engine, Wanted(YEAR))).wholes
    monkeypatch.setattr(reading, "_AT_ONCE", size)
    sizes = [len(batch) async for batch in reading.placed(Context(engine), YEAR)]
    assert sum(sizes) == COUNT
    assert max(sizes) <= size
    assert (await asked(engine, Wanted(YEAR))).wholes == whole


# Without a database


@given(SEEDS)
def test_an_order_is_no_more_and_no_less_than_its_pieces(seed: int) -> None:
    order = made_order(Random(seed), 1)
    pieces = list(pieces_of(order))
    whole = Figures()
    for piece in pieces:
        whole.add(piece.figures)
        assert all(value >= 0 for value in astuple(piece.figures))
        assert piece.figures.refunded <= piece.figures.total
        on_top = 0 if order["tax_included"] else piece.figures.tax
        figures = piece.figures
        due = figures.gross - figures.discounts + figures.shipping + on_top
        assert figures.total == due
    assert whole.net + whole.pending == left(order)
    for seller in SELLERS[1:]:
        assert list(pieces_of(order, seller)) == [p for p in pieces if p.seller == seller]


@given(
    st.sampled_from(sorted(available_timezones() - {"localtime", "Factory"})),
    st.dates(date(2024, 1, 1), date(2027, 12, 31)),
    st.integers(min_value=0, max_value=60),
    st.floats(min_value=0, max_value=1, exclude_max=True),
)
def test_every_moment_of_a_period_is_in_one_of_its_days(
    zone: str, first: date, days: int, place: float
) -> None:
    period = period_of(first, first + timedelta(days=days), zone)
    last = period.end - timedelta(microseconds=1)
    moment = min(period.begin + (period.end - period.begin) * place, last)
    calendar = Calendar(period, "DAY")
    assert calendar.key_at(moment) == moment.astimezone(period.zone).date().isoformat()
    begins = [beginning(day, period.zone) for day in period.days]
    assert all(earlier < later for earlier, later in pairwise([*begins, period.end]))
    assert period.before.end == period.begin
    assert period.before.length == period.length


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-10-26", 24)]
)
def test_a_day_is_as_long_as_clocks_make_it(day: str, hours: int) -> None:
    period = period_of(date.fromisoformat(day), date.fromisoformat(day), "Europe/Berlin")
    assert period.end - period.begin == timedelta(hours=hours)


def test_a_day_fourteen_hours_ahead_begins_the_day_before() -> None:
    period = Period(date(2026, 10, 2), date(2026, 10, 2), ZoneInfo("Pacific/Kiritimati"))
    assert period.begin == datetime(2026, 10, 1, 10, tzinfo=UTC)
    assert Calendar(period, "MONTH").key_at(period.begin) == "2026-10"


def test_the_average_order_is_rounded_half_up_and_none_without_orders() -> None:
    assert Figures(total=5).average is None
    assert Figures(total=5, orders=2).average == 3
